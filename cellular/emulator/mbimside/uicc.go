package mbimside

import (
	"bytes"
	"encoding/binary"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// usim is the identifier of the application that registers with 3GPP networks.
var usim = []byte{0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02, 0xff, 0x86, 0xff, 0x03, 0x89, 0xff, 0xff, 0xff, 0xff}

// What a card says (ISO 7816).
var (
	cardOK       = mbim.CardResult{SW1: 0x90, SW2: 0x00}
	noSuchFile   = mbim.CardResult{SW1: 0x6a, SW2: 0x82}
	pinFirst     = mbim.CardResult{SW1: 0x69, SW2: 0x82}
	notThatKind  = mbim.CardResult{SW1: 0x69, SW2: 0x81}
	beyondTheEnd = mbim.CardResult{SW1: 0x6b, SW2: 0x00}
)

// serveUICC answers a command of the low level access to the SIM.
func (s *Side) serveUICC(k mbim.Kind, request mbim.Body) *reply {
	if status := s.simStatus(); status != mbim.StatusOK && status != mbim.StatusPINRequired {
		return no(status)
	}
	switch r := request.(type) {
	case *mbim.FileStatusQuery:
		content, result := s.file(r.File)
		if result != cardOK {
			return ok(&mbim.FileStatus{Result: result})
		}
		return ok(&mbim.FileStatus{
			Result: result, Accessibility: mbim.UICCFileAccessibilityShareable, Type: mbim.UICCFileTypeWorkingEF,
			Structure: mbim.UICCFileStructureTransparent, ItemCount: 1, ItemSize: uint32(len(content)),
			Read: mbim.PINTypePIN1, Update: mbim.PINTypeADM, Activate: mbim.PINTypeADM, Deactivate: mbim.PINTypeADM,
		})
	case *mbim.ReadBinary:
		content, result := s.file(r.File)
		from, to := uint64(r.Offset), uint64(r.Offset)+uint64(r.Size)
		if r.Size == 0 {
			to = uint64(len(content))
		}
		switch {
		case result != cardOK:
			return ok(&mbim.BinaryData{Result: result})
		case from > to || to > uint64(len(content)):
			return ok(&mbim.BinaryData{Result: beyondTheEnd})
		}
		return ok(&mbim.BinaryData{Result: result, Data: content[from:to]})
	case *mbim.ReadRecord:
		_, result := s.file(r.File)
		if result == cardOK {
			result = notThatKind
		}
		return ok(&mbim.RecordData{Result: result})
	}
	if k.Command == mbim.CmdUICCApplicationList {
		return ok(&mbim.UICCApplicationList{Applications: []mbim.UICCApplication{
			{Type: mbim.UICCApplicationTypeUSIM, ID: usim, Name: "USIM", PINKeyReferences: []byte{0x01, 0x81}},
		}})
	}
	return no(mbim.StatusNoDeviceSupport)
}

// file reads a file of the card.
func (s *Side) file(f mbim.UICCFile) ([]byte, mbim.CardResult) {
	if len(f.Path) < 2 || len(f.Application) > 0 && !bytes.HasPrefix(usim, f.Application) {
		return nil, noSuchFile
	}
	id := binary.BigEndian.Uint16(f.Path[len(f.Path)-2:])
	content, there := s.modem.Card().File(id)
	switch {
	case !there:
		return nil, noSuchFile
	case s.modem.SIMState() != modem.SIMReady && id != virtual.FileICCID:
		return nil, pinFirst
	}
	return content, cardOK
}
