//go:build vm

package vhci

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// driver returns the driver of the interface with the given number.
func driver(t *testing.T, number string) string {
	t.Helper()
	for _, link := range glob(t, "driver") {
		if strings.HasSuffix(filepath.Dir(link), "."+number) {
			target, err := os.Readlink(link)
			must(t, err)
			return filepath.Base(target)
		}
	}
	return ""
}

// links returns the names of all network devices.
func links(t *testing.T) (names []string) {
	t.Helper()
	all, err := netlink.LinkList()
	must(t, err)
	for _, link := range all {
		names = append(names, link.Attrs().Name)
	}
	return names
}

// text reads a file of sysfs.
func text(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	return strings.TrimSpace(string(b))
}

func TestMBIM(t *testing.T) {
	f := attachTest(t, usb.MBIM)
	_, wdm := appeared(t, "usbmisc/cdc-wdm*")
	_, link := appeared(t, "net/*")
	if got := driver(t, "0"); got != "cdc_mbim" || link != "wwan0" {
		t.Errorf("%s is driven by %s, want wwan0 by cdc_mbim", link, got)
	}
	control := open(t, wdm)
	for _, message := range []string{"open", "close", strings.Repeat("long ", 800)} {
		exchange(t, control, message)
	}

	up(t, link, "192.0.2.2/24")
	talk(t, "192.0.2.1:7")
	parent, err := netlink.LinkByName(link)
	must(t, err)
	must(t, netlink.LinkAdd(&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Name: "session5", ParentIndex: parent.Attrs().Index}, VlanId: 5}))
	up(t, "session5", "198.51.100.2/24")
	talk(t, "198.51.100.1:7")
	up(t, link, "2001:db8::2/64")
	talk(t, "[2001:db8::1]:7")

	f.Unplug()
	must(t, control.SetReadDeadline(time.Now().Add(patience)))
	if _, err := control.Read(make([]byte, 4096)); !errors.Is(err, unix.ENODEV) {
		t.Errorf("reading a modem that is unplugged: %v, want ENODEV", err)
	}
	eventually(t, "the end of "+wdm, func() bool { _, err := os.Stat("/dev/" + wdm); return errors.Is(err, os.ErrNotExist) })
}

// nodeOf waits for a modem in a port, such as "*-1" for the first one, of which an
// attribute is as wanted, and returns its control port. The modem before may have had
// the same path and the same node.
func nodeOf(t *testing.T, port, attribute string, wanted func(text string) bool) (node string) {
	t.Helper()
	eventually(t, "a modem with the "+attribute+" that is wanted", func() bool {
		// When it is the one that is wanted, nothing below it is of the one before.
		devices, err := filepath.Glob(filepath.Join(controller, "usb*", port, attribute))
		must(t, err)
		if len(devices) != 1 {
			return false
		}
		text, err := os.ReadFile(devices[0])
		if err != nil || !wanted(strings.TrimSpace(string(text))) {
			return false
		}
		nodes, err := filepath.Glob(filepath.Join(filepath.Dir(devices[0]), "*:*/usbmisc/cdc-wdm*"))
		must(t, err)
		if len(nodes) == 1 {
			node = filepath.Base(nodes[0])
		}
		return len(nodes) == 1
	})
	return node
}

// TestReplug pulls the plug while the drivers are at work, and puts the modem into
// another port, as another, at once.
func TestReplug(t *testing.T) {
	f := attachTest(t, usb.MBIM)
	for turn := range 6 {
		want := []string{"1209", "1199"}[turn%2]
		node := nodeOf(t, "*-*", "idVendor", func(vendor string) bool { return vendor == want })
		exchange(t, open(t, node), "open")
		if turn%2 == 0 {
			f.Imitate(usb.Identity{Vendor: 0x1199, Product: 0x9079, Name: "EM7455"})
		} else {
			f.Imitate(usb.Identity{Vendor: 0x1209, Product: 0x0001})
		}
		f.Plug((turn + 1) / 2 % 3) // each port twice, the second time without a pause
	}
	// As soon as the kernel begins to look at it.
	for range 5 {
		f.Unplug()
		eventually(t, "the end of the device", func() bool { return len(glob(t, "bInterfaceClass")) == 0 })
		f.Plug(0)
		eventually(t, "the device", func() bool { return len(glob(t, "bInterfaceClass")) > 0 })
	}
}

// TestTheSameAgain pulls the plug and puts the modem back into its port while the
// kernel looks at another one, so that it sees no moment without the modem. It has to
// notice that the modem has started anew all the same.
func TestTheSameAgain(t *testing.T) {
	other := attachTest(t, usb.MBIM)
	other.Plug(1)
	defer other.Unplug()
	f := attachTest(t, usb.MBIM)
	var before string
	for range 3 {
		var now string
		node := nodeOf(t, "*-1", "devnum", func(number string) bool { now = number; return now != before })
		exchange(t, open(t, node), "open")
		before = now
		other.Plug(1)
		f.Plug(0)
	}
}

func TestFaults(t *testing.T) {
	f := attachTest(t, usb.MBIM)
	_, wdm := appeared(t, "usbmisc/cdc-wdm*")
	control := open(t, wdm)
	exchange(t, control, "open")

	f.Set(usb.Faults{StallControl: true})
	// The driver tells of it with the next write.
	eventually(t, "a refusal", func() bool { _, err := control.WriteString("refused"); return errors.Is(err, unix.EIO) })
	f.Set(usb.Faults{})
	must(t, control.SetDeadline(time.Now().Add(patience)))
	eventually(t, "the end of the stall", func() bool { _, err := control.WriteString("again"); return err == nil })
	demand(t, control, "again")

	f.Set(usb.Faults{HangControl: true})
	_, err := control.WriteString("lost")
	must(t, err)
	must(t, control.Sync()) // until the modem has taken it
	must(t, control.SetReadDeadline(time.Now().Add(time.Second)))
	if n, err := control.Read(make([]byte, 4096)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a modem that hangs says %d octets, %v", n, err)
	}
	f.Set(usb.Faults{})
	exchange(t, control, "and on it goes")

	f.Spoil(usb.Spoil{Drop: true}, usb.Spoil{Twice: true}, usb.Spoil{Cut: 3})
	for _, message := range []string{"dropped", "twice ", "cut off"} {
		_, err := control.WriteString(message)
		must(t, err)
	}
	must(t, control.SetDeadline(time.Now().Add(patience)))
	demand(t, control, "twice twice cut ")
}

// TestDeath: a modem that is dead comes back with its power only.
func TestDeath(t *testing.T) {
	f := attachTest(t, usb.MBIM)
	_, wdm := appeared(t, "usbmisc/cdc-wdm*")
	control := open(t, wdm)
	f.Die()
	if _, err := control.Read(make([]byte, 4096)); !errors.Is(err, unix.ENODEV) {
		t.Errorf("reading a modem that has died: %v, want ENODEV", err)
	}
	f.Power(false)
	f.Power(true)
	eventually(t, "another modem", func() bool { return len(glob(t, "usbmisc/cdc-wdm*")) == 1 })
}

func TestQMI(t *testing.T) {
	f := attachTest(t, usb.QMI)
	_, wdm := appeared(t, "usbmisc/cdc-wdm*")
	path, link := appeared(t, "net/*")
	for number, want := range map[string]string{"0": "option", "1": "option", "2": "option", "3": "option", "4": "qmi_wwan"} {
		eventually(t, want+" for interface "+number, func() bool { return driver(t, number) == want })
	}
	exchange(t, open(t, wdm), "sync")

	// Frames, with ARP for the gateway, and then packets alone. One in four of the
	// addresses that the driver makes up begins as an IP header does, and it takes what
	// is sent there for one (drivers/net/usb/qmi_wwan.c, qmi_wwan_rx_fixup).
	device, err := netlink.LinkByName(link)
	must(t, err)
	must(t, netlink.LinkSetHardwareAddr(device, net.HardwareAddr{2, 0, 0, 0, 0, 2}))
	up(t, link, "192.0.2.2/24")
	talk(t, "192.0.2.1:7")
	down(t, link)
	must(t, os.WriteFile(filepath.Join(path, "qmi/raw_ip"), []byte("Y"), 0))
	f.SetFraming(usb.RawIP)
	up(t, link, "192.0.2.2/24")
	talk(t, "192.0.2.1:7")
	if a, err := netlink.LinkByName(link); err != nil || a.Attrs().EncapType != "none" {
		t.Errorf("raw IP over %+v, %v", a, err)
	}

	// Two channels beside each other.
	f.SetFraming(usb.QMAP)
	for number, subnet := range map[string]string{"1": "198.51.100", "2": "203.0.113"} {
		before := links(t)
		must(t, os.WriteFile(filepath.Join(path, "qmi/add_mux"), []byte(number), 0))
		all := links(t)
		up(t, all[slices.IndexFunc(all, func(name string) bool { return !slices.Contains(before, name) })], subnet+".2/24")
		talk(t, subnet+".1:7")
	}

	ports := glob(t, "ttyUSB*")
	if len(ports) != 4 {
		t.Fatalf("serial ports %v, want 4", ports)
	}
	for _, path := range ports {
		port := open(t, filepath.Base(path))
		raw(t, port)
		if strings.HasSuffix(filepath.Dir(path), ".2") {
			exchange(t, port, "AT+CSQ\r")
			exchange(t, port, strings.Repeat("AT", 5000))
			continue
		}
		_, err := port.WriteString("AT\r")
		must(t, err)
		must(t, port.SetReadDeadline(time.Now().Add(time.Second)))
		if n, err := port.Read(make([]byte, 16)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("mute port %s says %d octets, %v", path, n, err)
		}
	}
}

func TestECM(t *testing.T) {
	f := attachTest(t, usb.ECM)
	_, tty := appeared(t, "tty/ttyACM*")
	path, link := appeared(t, "net/*")
	if serial, ethernet := driver(t, "0"), driver(t, "2"); serial != "cdc_acm" || ethernet != "cdc_ether" {
		t.Errorf("driven by %s and %s, want cdc_acm and cdc_ether", serial, ethernet)
	}
	port := open(t, tty)
	raw(t, port)
	exchange(t, port, "AT+CGDCONT?\r")

	up(t, link, "192.0.2.2/24")
	talk(t, "192.0.2.1:7")
	up(t, link, "2001:db8::2/64")
	talk(t, "[2001:db8::1]:7")
	for _, carrier := range []string{"1", "0", "1"} {
		f.SetLink(carrier == "1")
		eventually(t, "a carrier of "+carrier, func() bool { return text(t, filepath.Join(path, "carrier")) == carrier })
	}
}

// raw makes a serial port pass octets on as they are.
func raw(t *testing.T, port *os.File) {
	t.Helper()
	conn, err := port.SyscallConn()
	must(t, err)
	must(t, conn.Control(func(fd uintptr) {
		var termios *unix.Termios
		if termios, err = unix.IoctlGetTermios(int(fd), unix.TCGETS); err != nil {
			return
		}
		termios.Iflag, termios.Oflag, termios.Lflag = 0, 0, 0
		termios.Cflag = unix.CS8 | unix.CREAD | unix.CLOCAL | unix.B115200
		termios.Cc[unix.VMIN], termios.Cc[unix.VTIME] = 1, 0
		err = unix.IoctlSetTermios(int(fd), unix.TCSETS, termios)
	}))
	must(t, err)
}
