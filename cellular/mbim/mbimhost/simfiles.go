package mbimhost

import (
	"context"
	"strings"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/simfile"
)

// simFiles is what a SIM's files say, which SUBSCRIBER_READY does not.
type simFiles struct {
	iccid          string
	mncDigits      int
	provider, gid1 string
}

// describe completes sim by its files, which are read once.
func (m *Modem) describe(ctx context.Context, sim *modem.SIM) error {
	if m.files.iccid != sim.ICCID || sim.ICCID == "" {
		files, err := m.readFiles(ctx, sim)
		if err != nil {
			return err
		}
		m.files = files
	}
	sim.MNCDigits, sim.Provider, sim.GID1 = m.files.mncDigits, m.files.provider, m.files.gid1
	return nil
}

// readFiles reads the SIM's files, and where the modem does not let us, takes what
// it has read itself.
func (m *Modem) readFiles(ctx context.Context, sim *modem.SIM) (simFiles, error) {
	files := simFiles{iccid: sim.ICCID}
	if err := m.readUSIM(ctx, &files); err != nil {
		return simFiles{}, err
	}
	if files.mncDigits != 0 && files.provider != "" {
		return files, nil
	}
	var home mbim.HomeProvider
	if err := unlessRefused(m.query(ctx, mbim.CmdHomeProvider, &home)); err != nil {
		return simFiles{}, err
	}
	if plmn := home.Provider.ID; files.mncDigits == 0 && (len(plmn) == 5 || len(plmn) == 6) && strings.HasPrefix(sim.IMSI, plmn) {
		files.mncDigits = len(plmn) - 3
	}
	if files.provider == "" {
		files.provider = home.Provider.Name
	}
	return files, nil
}

// readUSIM reads the files of the SIM's application for mobile networks.
func (m *Modem) readUSIM(ctx context.Context, files *simFiles) error {
	if !m.has(mbim.CmdUICCApplicationList) || !m.has(mbim.CmdUICCFileStatus) || !m.has(mbim.CmdUICCReadBinary) {
		return nil
	}
	var list mbim.UICCApplicationList
	if err := unlessRefused(m.query(ctx, mbim.CmdUICCApplicationList, &list)); err != nil {
		return err
	}
	for _, application := range list.Applications {
		if application.Type != mbim.UICCApplicationTypeUSIM {
			continue
		}
		for _, file := range []struct {
			path []byte
			keep func([]byte)
		}{
			{mbim.PathAD, func(b []byte) { files.mncDigits = simfile.MNCDigits(b) }},
			{mbim.PathSPN, func(b []byte) { files.provider = simfile.Provider(b) }},
			{mbim.PathGID1, func(b []byte) { files.gid1 = simfile.Group(b) }},
		} {
			data, err := m.readFile(ctx, mbim.UICCFile{Application: application.ID, Path: file.path})
			if err != nil {
				return err
			}
			file.keep(data)
		}
		break
	}
	return nil
}

// longestFile is what a SIM gives at once, in octets. The files that are read here
// are much shorter.
const longestFile = 255

// readFile returns what is in a file, nothing if the SIM does not have it or does
// not give it. The modem wants to be told how long it is.
func (m *Modem) readFile(ctx context.Context, file mbim.UICCFile) ([]byte, error) {
	var status mbim.FileStatus
	if err := m.do(ctx, mbim.Query, &mbim.FileStatusQuery{File: file}, &status); err != nil {
		return nil, unlessRefused(err)
	}
	size := uint64(status.ItemCount) * uint64(status.ItemSize)
	if !status.Result.OK() || size == 0 || size > longestFile {
		return nil, nil
	}
	var data mbim.BinaryData
	err := m.do(ctx, mbim.Query, &mbim.ReadBinary{File: file, Size: uint32(size)}, &data)
	if err != nil || !data.Result.OK() {
		return nil, unlessRefused(err)
	}
	return data.Data, nil
}
