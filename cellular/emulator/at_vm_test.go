//go:build vm

package emulator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/cellular/at/athost"
	"github.com/farspoke/farspoke/cellular/emulator/carrier"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/usb/vhci"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/port"
	"github.com/farspoke/farspoke/internal/kmod"
)

// vmPatience is how long anything may take in an emulated machine.
const vmPatience = 60 * time.Second

// TestMain loads the drivers, which must be enough: there is nobody else to.
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
	loader, err := kmod.Open("/lib/modules")
	if err != nil {
		return err
	}
	return loader.Load(slices.Concat(vhci.Modules, []string{"cdc_acm", "cdc_ether", "qmi_wwan", "option"})...)
}

// plugged has a modem of the profile in this kernel until the test ends.
func plugged(t *testing.T, profile usb.Profile) (*Emulator, *usb.Function) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e, err := New(ctx, profile, quick())
	must(t, err)
	f, err := e.USB()
	must(t, err)
	done := make(chan error, 3)
	go func() { done <- f.Run(ctx) }()
	go func() { done <- vhci.Attach(ctx, f) }()
	go func() { done <- e.Carry(ctx, carrier.NewEcho()) }()
	t.Cleanup(func() {
		f.Unplug()
		cancel()
		for range 3 {
			must(t, <-done)
		}
	})
	return e, f
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(vmPatience); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s has not come", what)
		}
	}
}

// byAT waits for the modem and opens its AT port.
func byAT(t *testing.T) (*athost.Host, port.Found) {
	t.Helper()
	var (
		found port.Found
		h     *athost.Host
	)
	eventually(t, "an AT port that answers", func() bool {
		all, err := port.Discover(os.DirFS("/sys").(fs.FS))
		if err != nil || len(all) != 1 || !all[0].Complete() {
			return false
		}
		found = all[0]
		for _, control := range found.Controls {
			if control.Protocol != port.AT {
				continue
			}
			p, err := port.Open(control)
			if err != nil {
				continue
			}
			if h, err = athost.Open(t.Context(), p, slog.New(slog.DiscardHandler)); err == nil {
				return true
			}
		}
		return false
	})
	t.Cleanup(func() { _ = h.Close() })
	return h, found
}

// TestATModem: the modem that cdc_acm and cdc_ether drive is directed by AT commands
// up to pings through its connection.
func TestATModem(t *testing.T) {
	e, f := plugged(t, usb.ECM)
	h, found := byAT(t)
	ctx := t.Context()
	eventually(t, "the home network", func() bool {
		r, err := h.Registration(ctx)
		return err == nil && r.State == modem.Home && r.Attached
	})
	must(t, h.Connect(ctx, 0, modem.APN{Name: "internet"}))
	c, err := h.Connection(ctx, 0)
	must(t, err)
	if c.DHCP || !c.Address4.IsValid() || !c.Gateway4.IsValid() || c.MTU != 1430 {
		t.Fatalf("%+v", c)
	}
	link, err := netlink.LinkByName(found.Links[0].Name)
	must(t, err)
	must(t, netlink.LinkSetUp(link))
	address, err := netlink.ParseAddr(c.Address4.String())
	must(t, err)
	must(t, netlink.AddrAdd(link, address))
	eventually(t, "an answer to a ping", func() bool { return answersPing(c.Gateway4) })

	e.Modem.Do(func() { must(t, e.Modem.Drop(0, 36)) })
	eventually(t, "word of the connection's end", func() bool {
		_, err := h.Connection(ctx, 0)
		return errors.Is(err, modem.ErrNotConnected)
	})
	f.Unplug()
	for range h.Events() {
	}
	if _, err := h.SIM(ctx); !errors.Is(err, modem.ErrGone) {
		t.Error(err)
	}
}

// TestATPortOfAnotherModem: a modem that speaks QMI starts again by its AT port.
func TestATPortOfAnotherModem(t *testing.T) {
	plugged(t, usb.QMI)
	h, _ := byAT(t)
	must(t, h.Restart(t.Context()))
	for range h.Events() { // until it has left the bus
	}
	again, _ := byAT(t)
	if sim, err := again.SIM(t.Context()); err != nil || sim.ICCID == "" {
		t.Errorf("%+v, %v", sim, err)
	}
}

// answersPing sends a ping and reports whether an answer comes within a second.
func answersPing(to netip.Addr) bool {
	conn, err := net.DialIP("ip4:icmp", nil, &net.IPAddr{IP: to.AsSlice()})
	if err != nil {
		return false
	}
	defer conn.Close()
	request := []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0} // its checksum is right
	if _, err := conn.Write(request); err != nil {
		return false
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	answer := make([]byte, 64)
	n, _, err := conn.ReadFrom(answer)
	return err == nil && n >= 8 && answer[0] == 0
}
