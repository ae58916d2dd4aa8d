//go:build vm

package port

import (
	"errors"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// TestSessionsOfMBIM, with a modem whose network device has another name than it was
// found with.
func TestSessionsOfMBIM(t *testing.T) {
	l := newLab(t)
	l.modem(usb.MBIM).Plug(0)
	f := l.at("-1")
	base, err := netlink.LinkByName(f.Links[0].Name)
	must(t, err)
	must(t, netlink.LinkSetName(base, "lte"))
	for _, step := range []struct {
		sessions  []int
		names     []string
		leftovers []string
	}{
		{sessions: []int{0}, names: []string{"lte"}},
		{sessions: []int{0, 5}, names: []string{"lte", "lte.5"}},
		{sessions: []int{0, 5}, names: []string{"lte", "lte.5"}},
		{sessions: []int{6}, names: []string{"lte.6"}, leftovers: []string{"lte.5"}},
		{leftovers: []string{"lte.6"}},
	} {
		names, err := DataLinks(f, step.sessions...)
		if err != nil || !slices.Equal(names, step.names) {
			t.Fatalf("%v: %v, %v", step.sessions, names, err)
		}
		for _, name := range names {
			if _, err := netlink.LinkByName(name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		for _, name := range step.leftovers {
			if _, err := netlink.LinkByName(name); !errors.As(err, new(netlink.LinkNotFoundError)) {
				t.Errorf("%s is left over: %v", name, err)
			}
		}
	}
	base, err = netlink.LinkByName("lte")
	if err != nil || base.Attrs().RawFlags&unix.IFF_UP == 0 {
		t.Errorf("the device below the VLANs is down: %v", err)
	}
}

// TestFrameworkUnderstandsTheRequest: the kernel looks for the modem of that name
// only once it has found and checked all attributes.
func TestFrameworkUnderstandsTheRequest(t *testing.T) {
	present, err := framework{"wwan9"}.list()
	if err != nil || len(present) != 0 {
		t.Errorf("devices of a modem that there is not: %v, %v", present, err)
	}
	if err := (framework{"wwan9"}).add(5, "wwan9.5"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("got %v, want %v", err, unix.ENODEV)
	}
}

// TestSessionsOfQMI goes from the device itself to channels and back, with a
// modem's own driver.
func TestSessionsOfQMI(t *testing.T) {
	l := newLab(t)
	l.modem(usb.QMI).Plug(0)
	f := l.at("-1")
	for _, step := range []struct {
		sessions  []int
		names     []string
		leftovers []string
	}{
		{sessions: []int{0}, names: []string{"wwan0"}},
		{sessions: []int{0}, names: []string{"wwan0"}},
		{sessions: []int{0, 5}, names: []string{"wwan0.0", "wwan0.5"}},
		{sessions: []int{0, 5}, names: []string{"wwan0.0", "wwan0.5"}},
		{sessions: []int{6}, names: []string{"wwan0.6"}, leftovers: []string{"wwan0.0", "wwan0.5"}},
		{sessions: []int{0}, names: []string{"wwan0"}, leftovers: []string{"wwan0.6"}},
	} {
		names, err := DataLinks(f, step.sessions...)
		if err != nil || !slices.Equal(names, step.names) {
			t.Fatalf("%v: %v, %v", step.sessions, names, err)
		}
		for _, name := range names {
			link, err := netlink.LinkByName(name)
			must(t, err)
			if link.Attrs().EncapType != "none" {
				t.Errorf("%s carries %s, want raw IP", name, link.Attrs().EncapType)
			}
		}
		for _, name := range step.leftovers {
			if _, err := netlink.LinkByName(name); !errors.As(err, new(netlink.LinkNotFoundError)) {
				t.Errorf("%s is left over: %v", name, err)
			}
		}
	}
	// A device that is in use and speaks Ethernet is switched over all the same.
	link, err := netlink.LinkByName("wwan0")
	must(t, err)
	must(t, netlink.LinkSetDown(link))
	must(t, write("/sys/class/net/wwan0/qmi", "raw_ip", "N"))
	must(t, netlink.LinkSetUp(link))
	_, err = DataLinks(f, 0)
	must(t, err)
	if link, err := netlink.LinkByName("wwan0"); err != nil || link.Attrs().EncapType != "none" {
		t.Errorf("%+v, %v", link, err)
	}
}
