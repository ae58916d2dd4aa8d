package port

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// maxMuxSession is the last session that has a number in QMAP: the kernel takes 1
// to 254 (drivers/net/usb/qmi_wwan.c, add_mux_store).
const maxMuxSession = 253

// MuxID is the number by which QMAP knows a session of a QMI modem, where there
// are others than session 0. The modem has to be told it (WDS, "bind mux data
// port"), and that its data is QMAP (WDA, "set data format").
func MuxID(session int) int { return session + 1 }

// mux is the sessions of a QMI modem on USB. If there is no other than session 0,
// its packets are on the network device as they are. Else each session is one
// channel of QMAP, and the network device carries nothing by itself.
type mux struct {
	base string
	// class is /sys/class/net.
	class    string
	channels bool
}

// netClass is where the kernel has the attributes of network devices.
const netClass = "/sys/class/net"

// newMux makes the network device speak raw IP, which is what modems have spoken
// since LTE, and sets it up if there are channels.
func newMux(base string, sessions []int) (mux, error) {
	m := mux{base: base, class: netClass, channels: hasOthers(sessions)}
	link, err := netlink.LinkByName(base)
	if err != nil {
		return mux{}, fmt.Errorf("find %s: %w", base, err)
	}
	if err := m.rawIP(link); err != nil {
		return mux{}, fmt.Errorf("make %s speak raw IP: %w", base, err)
	}
	if m.channels {
		if err := netlink.LinkSetUp(link); err != nil {
			return mux{}, fmt.Errorf("set %s up: %w", base, err)
		}
	}
	return m, nil
}

// rawIP switches the device over, which has to be down for it.
func (m mux) rawIP(link netlink.Link) error {
	attribute := path.Join(m.class, m.base, "qmi/raw_ip")
	now, err := os.ReadFile(attribute)
	if err != nil || strings.TrimSpace(string(now)) == "Y" {
		return err
	}
	if link.Attrs().RawFlags&unix.IFF_UP != 0 {
		if err := netlink.LinkSetDown(link); err != nil {
			return err
		}
	}
	return os.WriteFile(attribute, []byte("Y"), 0)
}

func (m mux) limits() limits {
	if m.channels {
		return limits{0, maxMuxSession}
	}
	return limits{1, maxMuxSession}
}

// list finds the channels among the devices on top of the modem's.
func (m mux) list() (map[int]string, error) {
	attributes, err := os.ReadDir(path.Join(m.class, m.base))
	if err != nil {
		return nil, err
	}
	present := make(map[int]string)
	for _, a := range attributes {
		name, isUpper := strings.CutPrefix(a.Name(), "upper_")
		if !isUpper {
			continue
		}
		text, err := os.ReadFile(path.Join(m.class, name, "qmap/mux_id"))
		if errors.Is(err, fs.ErrNotExist) {
			continue // another kind of device
		}
		if err != nil {
			return nil, err
		}
		id, err := strconv.ParseInt(strings.TrimSpace(string(text)), 0, 16)
		if err != nil {
			return nil, fmt.Errorf("mux id of %s: %w", name, err)
		}
		present[int(id)-MuxID(0)] = name
	}
	return present, nil
}

// add makes a channel, to which the kernel gives a name of its own first.
func (m mux) add(session int, name string) error {
	if err := m.write("add_mux", session); err != nil {
		return err
	}
	present, err := m.list()
	if err != nil {
		return err
	}
	link, err := netlink.LinkByName(present[session])
	if err != nil {
		return err
	}
	return netlink.LinkSetName(link, name)
}

func (m mux) remove(session int, _ string) error { return m.write("del_mux", session) }

// write gives a session's number to an attribute of the driver.
func (m mux) write(attribute string, session int) error {
	return os.WriteFile(path.Join(m.class, m.base, "qmi", attribute), []byte(strconv.Itoa(MuxID(session))), 0)
}
