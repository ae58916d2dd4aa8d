//go:build vm

package dmvpn

import (
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/kmod"
	"github.com/farspoke/farspoke/internal/nl"
)

// patience is how long something may take in an emulated machine whose processors
// have other work, too.
const patience = 2 * time.Minute

var (
	spokeWAN = netip.MustParseAddr("192.0.2.1")
	hubWAN   = netip.MustParseAddr("192.0.2.2")
	noKey    *uint32
	keyZero  = new(uint32)
)

// TestMain loads the modules, which must be enough: it takes the kernel's means
// to load more.
func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare() error {
	if err := os.WriteFile("/proc/sys/kernel/modprobe", []byte("\n"), 0); err != nil {
		return err
	}
	// As PID 1 has it on the box.
	for _, s := range []struct{ name, value string }{
		{"ipv6/conf/all/forwarding", "1"}, {"ipv6/conf/default/forwarding", "0"},
		{"ipv6/conf/default/addr_gen_mode", "1"}, {"ipv6/conf/default/accept_dad", "0"},
	} {
		if err := os.WriteFile("/proc/sys/net/"+s.name, []byte(s.value), 0); err != nil {
			return err
		}
	}
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		return err
	}
	// veth is the wire of the tests, xfrm_user sets their policies and SAs, and the
	// others encrypt.
	tests := []string{"veth", "xfrm_user", "esp4", "ctr", "ghash_generic", "gcm", "sha512_generic", "sha3_generic", "jitterentropy_rng", "drbg", "seqiv"}
	return loader.Load(slices.Concat(Modules, nl.VRFModules, tests)...)
}

// farEnd is a network namespace at the other end of the spoke's WAN.
type farEnd struct {
	t         *testing.T
	namespace int
}

// newWire puts a WAN into the VRF front of this machine, makes the VRF tenant,
// and returns the far end of the WAN.
func newWire(t *testing.T) *farEnd {
	t.Helper()
	must(t, nl.EnsureVRFs([]string{"front", "tenant"}))
	return wire(t, "wan", "front", spokeWAN, hubWAN)
}

// wire puts a WAN into a VRF of this machine and returns its far end, where it is
// named wan.
func wire(t *testing.T, name, vrf string, here, there netip.Addr) *farEnd {
	t.Helper()
	far := newFarEnd(t)
	wan := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name}, PeerName: "wan", PeerNamespace: netlink.NsFd(far.namespace)}
	must(t, netlink.LinkAdd(wan))
	t.Cleanup(func() { _ = netlink.LinkDel(wan) })
	_, master, err := nl.VRFTable(vrf)
	must(t, err)
	must(t, netlink.LinkSetMasterByIndex(wan, master))
	must(t, addAddress(name, here))
	far.do(func() error { return addAddress("wan", there) })
	return far
}

func addAddress(name string, a netip.Addr) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: nl.IPNet(netip.PrefixFrom(a, 24))}); err != nil {
		return err
	}
	return netlink.LinkSetUp(link)
}

func newFarEnd(t *testing.T) *farEnd {
	t.Helper()
	type result struct {
		fd  int
		err error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- result{err: err}
			return
		}
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		made <- result{fd, err}
	}()
	r := <-made
	must(t, r.err)
	t.Cleanup(func() { unix.Close(r.fd) })
	return &farEnd{t, r.fd}
}

// do runs f at the far end.
func (e *farEnd) do(f func() error) {
	e.t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if err := unix.Setns(e.namespace, unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	must(e.t, <-done)
}

// tunnelDevice is the spoke's device in the tests.
func tunnelDevice() Device {
	return Device{Name: "hq", Underlay: "front", VRF: "tenant", Address: netip.PrefixFrom(spokeAddress, 24), Key: keyZero, MTU: 1400}
}

// ensure makes the device, which the test's end removes.
func ensure(t *testing.T, d Device) int {
	t.Helper()
	index, err := Netlink{}.EnsureDevice(d)
	must(t, err)
	t.Cleanup(func() {
		if link, err := netlink.LinkByName(d.Name); err == nil {
			_ = netlink.LinkDel(link)
		}
	})
	return index
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
