//go:build vm

package emulator

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/emulator/carrier"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/usb/vhci"
	"github.com/farspoke/farspoke/cellular/mbim/mbimhost"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/port"
	"github.com/farspoke/farspoke/cellular/qmi/qmihost"
	"github.com/farspoke/farspoke/internal/kmod"
	"github.com/farspoke/farspoke/internal/value"
)

// vmPatience is how long anything may take in an emulated machine.
const vmPatience = 3 * time.Minute

func TestMain(m *testing.M) {
	loader, err := kmod.Open("/lib/modules")
	if err == nil {
		err = loader.Load(slices.Concat(vhci.Modules, port.Modules, []string{"cdc_mbim", "qmi_wwan", "option", "cdc_acm", "cdc_ether"})...)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// onKernel plugs a modem into this kernel, in whose network everybody answers pings.
func onKernel(t *testing.T, profile usb.Profile) (*Client, *value.Value[[]port.Found]) {
	t.Helper()
	e, c := controlled(t, profile, quick())
	f, err := e.USB()
	must(t, err)
	var found value.Value[[]port.Found]
	ctx, cancel := context.WithCancel(context.Background())
	tasks := []func(context.Context) error{
		f.Run,
		func(ctx context.Context) error { return vhci.Attach(ctx, f) },
		func(ctx context.Context) error { return e.Carry(ctx, carrier.NewEcho()) },
		func(ctx context.Context) error { return port.Watch(ctx, &found) },
	}
	done := make(chan error, len(tasks))
	for _, task := range tasks {
		go func() { done <- task(ctx) }()
	}
	t.Cleanup(func() {
		must(t, c.Power(false))
		awaitFound(t, &found, func(all []port.Found) bool { return len(all) == 0 })
		cancel()
		for range tasks {
			must(t, <-done)
		}
	})
	return c, &found
}

func awaitFound(t *testing.T, found *value.Value[[]port.Found], wanted func([]port.Found) bool) []port.Found {
	t.Helper()
	limit := time.After(vmPatience)
	for {
		all, changed := found.Load()
		if wanted(all) {
			return all
		}
		select {
		case <-changed:
		case <-limit:
			t.Fatalf("the kernel has %+v", all)
		}
	}
}

// complete waits for the modem with its control port and its network device.
func complete(t *testing.T, found *value.Value[[]port.Found]) port.Found {
	t.Helper()
	return awaitFound(t, found, func(all []port.Found) bool {
		return len(all) == 1 && len(all[0].Controls) > 0 && len(all[0].Links) > 0
	})[0]
}

// connected directs the modem to a connection of session 0 and configures its link.
func connected(t *testing.T, ctx context.Context, m modem.Modem, f port.Found) modem.Connection {
	t.Helper()
	eventually(t, "registration", func() bool {
		r, err := m.Registration(ctx)
		return err == nil && r.State == modem.Home && r.Attached
	})
	must(t, m.Connect(ctx, 0, modem.APN{Name: "internet", Families: modem.IPv4v6}))
	connection, err := m.Connection(ctx, 0)
	must(t, err)
	names, err := port.DataLinks(f, 0)
	must(t, err)
	configure(t, names[0], connection)
	return connection
}

func configure(t *testing.T, name string, c modem.Connection) {
	t.Helper()
	link, err := netlink.LinkByName(name)
	must(t, err)
	must(t, netlink.LinkSetMTU(link, c.MTU))
	must(t, netlink.LinkSetUp(link))
	for _, prefix := range []netip.Prefix{c.Address4, c.Address6} {
		address, err := netlink.ParseAddr(prefix.String())
		must(t, err)
		if prefix.Addr().Is6() {
			address.Flags = unix.IFA_F_NODAD
		}
		must(t, netlink.AddrAdd(link, address))
	}
}

// ping sends echo requests of several lengths and demands the replies. One that is
// lost, as while the kernel looks for the neighbour for seconds, is sent again.
func ping(t *testing.T, network string, to netip.Addr, kind, reply byte) {
	t.Helper()
	conn, err := net.Dial(network, to.String())
	must(t, err)
	defer conn.Close()
	limit := time.Now().Add(vmPatience)
	for i, length := range []int{8, 64, 500, 1300} {
		request := make([]byte, length)
		request[0] = kind
		binary.BigEndian.PutUint16(request[6:], uint16(i))
		if kind == 8 { // the kernel sums up ICMPv6 itself
			sum := uint32(kind)<<8 + uint32(i)
			binary.BigEndian.PutUint16(request[2:], ^uint16(sum))
		}
		for replied := false; !replied; {
			if time.Now().After(limit) {
				t.Fatalf("%s does not answer ping %d of %d octets", to, i, length)
			}
			_, err := conn.Write(request)
			must(t, err)
			replied = heard(t, conn, func(message []byte) bool {
				if kind == 8 && len(message) > 20 {
					message = message[20:] // the header
				}
				return message[0] == reply && len(message) == length && binary.BigEndian.Uint16(message[6:]) == uint16(i)
			})
		}
	}
}

// heard reports whether a message that is wanted comes before long.
func heard(t *testing.T, conn net.Conn, wanted func(message []byte) bool) bool {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(time.Second)))
	for message := make([]byte, 2000); ; {
		n, err := conn.Read(message)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return false
		}
		must(t, err)
		if wanted(message[:n]) {
			return true
		}
	}
}

func pingBoth(t *testing.T, c modem.Connection) {
	t.Helper()
	ping(t, "ip4:icmp", c.Gateway4, 8, 0)
	ping(t, "ip6:ipv6-icmp", c.Gateway6, 128, 129)
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(vmPatience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", what)
		}
	}
}

func TestKernelDrivesMBIM(t *testing.T) {
	control, found := onKernel(t, usb.MBIM)
	ctx, cancel := context.WithTimeout(context.Background(), vmPatience)
	defer cancel()
	f := complete(t, found)
	p, err := port.Open(f.Controls[0])
	must(t, err)
	m, err := mbimhost.Open(ctx, p, slog.New(slog.DiscardHandler))
	must(t, err)
	pingBoth(t, connected(t, ctx, m, f))
	state, err := control.State()
	must(t, err)
	if counters := state.Sessions[0].Counters; counters.PacketsIn < 8 || counters.PacketsOut < 8 {
		t.Errorf("counted %+v", counters)
	}

	// Away and back in another port: the conversation is over, and the next one works.
	must(t, control.Move(1, 100*time.Millisecond))
	for range m.Events() {
		// until the modem is gone
	}
	if _, err := m.Registration(ctx); !errors.Is(err, modem.ErrGone) {
		t.Errorf("a modem that has gone: %v", err)
	}
	must(t, m.Close())
	moved := awaitFound(t, found, func(all []port.Found) bool {
		return len(all) == 1 && all[0].ID != f.ID && len(all[0].Controls) > 0 && len(all[0].Links) > 0
	})[0]
	p, err = port.Open(moved.Controls[0])
	must(t, err)
	m, err = mbimhost.Open(ctx, p, slog.New(slog.DiscardHandler))
	must(t, err)
	pingBoth(t, connected(t, ctx, m, moved))
	must(t, m.Close())
}

func TestKernelDrivesQMI(t *testing.T) {
	_, found := onKernel(t, usb.QMI)
	ctx, cancel := context.WithTimeout(context.Background(), vmPatience)
	defer cancel()
	f := complete(t, found)
	p, err := port.Open(f.Controls[0])
	must(t, err)
	_, err = port.DataLinks(f, 0) // which tells the driver that there are no frames
	must(t, err)
	m, err := qmihost.Open(ctx, p, qmihost.Path{}, slog.New(slog.DiscardHandler))
	must(t, err)
	pingBoth(t, connected(t, ctx, m, f))
	must(t, m.Close())
}

// TestKernelDrivesChannelsOfQMI: two connections beside each other, each on a device
// of its own.
func TestKernelDrivesChannelsOfQMI(t *testing.T) {
	_, found := onKernel(t, usb.QMI)
	ctx, cancel := context.WithTimeout(context.Background(), vmPatience)
	defer cancel()
	f := complete(t, found)
	p, err := port.Open(f.Controls[0])
	must(t, err)
	names, err := port.DataLinks(f, 0, 1)
	must(t, err)
	m, err := qmihost.Open(ctx, p, qmihost.Path{Channels: true}, slog.New(slog.DiscardHandler))
	must(t, err)
	eventually(t, "registration", func() bool {
		r, err := m.Registration(ctx)
		return err == nil && r.State == modem.Home && r.Attached
	})
	var connections []modem.Connection
	for session, name := range names {
		must(t, m.Connect(ctx, session, modem.APN{Name: "internet", Families: modem.IPv4v6}))
		c, err := m.Connection(ctx, session)
		must(t, err)
		configure(t, name, c)
		connections = append(connections, c)
	}
	if connections[0].Address4 == connections[1].Address4 {
		t.Errorf("both have %s", connections[0].Address4)
	}
	for _, c := range connections {
		pingBoth(t, c)
	}
	must(t, m.Close())
}
