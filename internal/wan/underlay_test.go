package wan

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/farspoke/farspoke/internal/dhcp"
	"github.com/farspoke/farspoke/internal/link"
	"github.com/farspoke/farspoke/internal/uplink"
)

// box is a kernel with one port, the network behind it, and a checkpoint. It
// outlives the Underlays run on it, as the real ones do.
type box struct {
	t     *testing.T
	start time.Time

	mu       sync.Mutex
	present  bool
	port     link.Port
	have     link.Addressing
	changes  int // how often Apply changed address or routes
	refuse   func(link.Route) bool
	notices  []chan struct{}
	conns    []*fakeConn
	messages []dhcpv4.MessageType
	server   func(*dhcpv4.DHCPv4) *dhcpv4.DHCPv4
	records  map[string][]byte
}

func newBox(t *testing.T) *box {
	b := &box{
		t: t, start: time.Now(), present: true, records: map[string][]byte{},
		port:   link.Port{Name: "wan", Index: 2, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, Carrier: true, MTU: 1500},
		refuse: func(link.Route) bool { return false },
	}
	b.server = grant("198.51.100.10", "198.51.100.1")
	return b
}

func grant(address, gateway string, options ...dhcpv4.Option) func(*dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	return func(request *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
		kind := dhcpv4.MessageTypeOffer
		switch request.MessageType() {
		case dhcpv4.MessageTypeRequest:
			kind = dhcpv4.MessageTypeAck
		case dhcpv4.MessageTypeRelease:
			return nil
		}
		p, err := dhcpv4.NewReplyFromRequest(request, dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(net.ParseIP(address)),
			dhcpv4.WithServerIP(net.ParseIP("198.51.100.1")), dhcpv4.WithRouter(net.ParseIP(gateway)),
			dhcpv4.WithNetmask(net.CIDRMask(24, 32)), dhcpv4.WithLeaseTime(3600), dhcpv4.WithDNS(net.ParseIP("198.51.100.53")),
			dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.ParseIP("198.51.100.1"))))
		if err != nil {
			panic(err)
		}
		for _, o := range options {
			p.UpdateOption(o)
		}
		return p
	}
}

func (b *box) Watch(ctx context.Context, _ string) (<-chan struct{}, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := make(chan struct{}, 1)
	b.notices = append(b.notices, c)
	return c, nil
}

func (b *box) Port(string) (link.Port, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.port, b.present, nil
}

func (b *box) Attach(p link.Port, vrf string) (link.Port, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.port.Up, b.port.Table = true, 254
	if vrf != "" {
		b.port.Master, b.port.Table = 9, 1000
	}
	return b.port, nil
}

func (b *box) SetMTU(_ link.Port, mtu int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if mtu > 9000 {
		return errors.New("invalid argument")
	}
	b.port.MTU = mtu
	return nil
}

func (b *box) Apply(p link.Port, want link.Addressing, _ time.Duration) ([]link.Refusal, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var refused []link.Refusal
	for _, r := range want.Routes {
		if b.refuse(r) {
			refused = append(refused, link.Refusal{Route: r, Err: errors.New("network is unreachable")})
		}
	}
	was := b.have
	b.have = want
	was.Ends, want.Ends, was.MTU, want.MTU = 0, 0, 0, 0
	if !was.Equal(want) {
		b.changes++
	}
	return refused, nil
}

func (b *box) Dial(link.Port) (dhcp.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := &fakeConn{box: b, in: make(chan []byte, 8), closed: make(chan struct{})}
	b.conns = append(b.conns, c)
	return c, nil
}

type fakeConn struct {
	box    *box
	in     chan []byte
	closed chan struct{}
}

func (c *fakeConn) send(message []byte) error {
	c.box.mu.Lock()
	defer c.box.mu.Unlock()
	p, err := dhcpv4.FromBytes(message)
	if err != nil {
		return err
	}
	c.box.messages = append(c.box.messages, p.MessageType())
	if answer := c.box.server(p); answer != nil {
		c.in <- answer.ToBytes()
	}
	return nil
}

func (c *fakeConn) Broadcast(message []byte) error                { return c.send(message) }
func (c *fakeConn) Unicast(message []byte, _, _ netip.Addr) error { return c.send(message) }

func (c *fakeConn) Receive() ([]byte, error) {
	select {
	case data := <-c.in:
		return data, nil
	case <-c.closed:
		return nil, net.ErrClosed
	}
}

func (c *fakeConn) Close() error { close(c.closed); return nil }

func (b *box) Save(name string, v any) (err error) {
	b.records[name], err = json.Marshal(v)
	return err
}
func (b *box) Remove(name string) error { delete(b.records, name); return nil }
func (b *box) Load(name string, v any) (bool, error) {
	data, ok := b.records[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(data, v)
}

// set changes the box and lets the kernel tell.
func (b *box) set(change func()) {
	b.mu.Lock()
	change()
	for _, c := range b.notices {
		select {
		case c <- struct{}{}:
		default:
		}
	}
	b.mu.Unlock()
	synctest.Wait()
}

// holds returns what the kernel has.
func (b *box) holds() link.Addressing {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.have
}

func (b *box) underlay(cfg Config) *Underlay {
	u := New("wan", cfg, Deps{Log: slog.New(slog.NewTextHandler(b.t.Output(), nil)), Store: b})
	u.kernel = b
	u.now = func() time.Duration { return time.Hour + time.Since(b.start) }
	return u
}

// run starts u and returns what stops it.
func run(t *testing.T, u *Underlay) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := u.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	synctest.Wait()
	return func() { cancel(); <-done }
}

var (
	dhcpConfig = Config{Port: "wan", VRF: "front", IPv4: IPv4{DHCP: true}}
	lanConfig  = Config{Port: "lan1", IPv4: IPv4{Address: netip.MustParsePrefix("192.168.17.1/24")}}
)

func wantState(t *testing.T, u *Underlay, up bool, address, gateway string) {
	t.Helper()
	s, _ := u.State().Load()
	want := uplink.State{Name: "wan", Link: u.cfg.Port, Index: 2, VRF: u.cfg.VRF, MTU: s.MTU, Metric: u.cfg.RouteMetric(), Up: up}
	if address != "" {
		want.Address = netip.MustParsePrefix(address)
	}
	if gateway != "" {
		want.Gateway = netip.MustParseAddr(gateway)
	}
	got := s
	got.DNS, got.NTP = nil, nil
	if !got.Equal(want) {
		t.Fatalf("state is %+v, want %+v", got, want)
	}
}

func TestUnderlayFromLeaseToRelease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		u := b.underlay(dhcpConfig)
		stop := run(t, u)
		wantState(t, u, true, "198.51.100.10/24", "198.51.100.1")
		if s, _ := u.State().Load(); len(s.DNS) != 1 {
			t.Errorf("state has DNS servers %v", s.DNS)
		}
		if got := b.have.Routes; len(got) != 1 || got[0].To.Bits() != 0 || got[0].OnLink || got[0].Metric != defaultMetric {
			t.Errorf("routes are %+v", got)
		}
		if s := u.Status(); s.DHCP == nil || s.DHCP.State != "bound" || s.DHCP.Remaining != time.Hour || !s.Carrier {
			t.Errorf("status is %+v", s)
		}
		stop()
		if !b.have.Address.IsValid() || len(b.records) != 1 {
			t.Fatal("stopping took the address or the lease away: a restart would lose packets")
		}
		if err := u.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if last := b.messages[len(b.messages)-1]; last != dhcpv4.MessageTypeRelease {
			t.Errorf("last message is %v, want RELEASE", last)
		}
		if b.have.Address.IsValid() || len(b.records) != 0 {
			t.Error("address or lease is kept after its release")
		}
	})
}

// TestDemote: the routes go behind those of the other underlays and come back,
// and nothing else changes.
func TestDemote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		u := b.underlay(dhcpConfig)
		defer run(t, u)()
		for _, step := range []struct {
			demote bool
			want   int
		}{{true, Demotion + defaultMetric}, {false, defaultMetric}} {
			messages := len(b.messages)
			u.Demote(step.demote)
			synctest.Wait()
			if got := b.have.Routes; len(got) != 1 || got[0].Metric != step.want {
				t.Errorf("demoted %v: routes are %+v, want metric %d", step.demote, got, step.want)
			}
			if s, _ := u.State().Load(); s.Metric != step.want || !s.Up || s.Address != b.have.Address {
				t.Errorf("demoted %v: state is %+v", step.demote, s)
			}
			if len(b.messages) != messages {
				t.Errorf("demoted %v: %d messages to the DHCP server", step.demote, len(b.messages)-messages)
			}
		}
	})
}

func TestRestartSendsAndTouchesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		u := b.underlay(dhcpConfig)
		run(t, u)()
		changes, messages := b.changes, len(b.messages)
		time.Sleep(10 * time.Minute)

		u = b.underlay(dhcpConfig)
		stop := run(t, u)
		defer stop()
		wantState(t, u, true, "198.51.100.10/24", "198.51.100.1")
		if b.changes != changes || len(b.messages) != messages {
			t.Errorf("%d changes and %d messages by a restart", b.changes-changes, len(b.messages)-messages)
		}
		if left := u.Status().DHCP.Remaining; left != 50*time.Minute {
			t.Errorf("%v of the lease remain, want 50m", left)
		}
	})
}

func TestRenewalIsNoEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		u := b.underlay(dhcpConfig)
		defer run(t, u)()
		_, changed := u.State().Load()
		ends := b.holds().Ends
		time.Sleep(31 * time.Minute)
		synctest.Wait()
		select {
		case <-changed:
			t.Error("state was set anew by a renewal")
		default:
		}
		if b.holds().Ends <= ends {
			t.Error("the kernel does not know that the lease goes on")
		}
	})
}

func TestChangeIsWithdrawnAndAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		u := b.underlay(dhcpConfig)
		defer run(t, u)()
		var seen []uplink.State
		go func() {
			for {
				s, changed := u.State().Load()
				seen = append(seen, s)
				select {
				case <-changed:
				case <-t.Context().Done():
					return
				}
			}
		}()
		synctest.Wait()
		b.set(func() {
			b.server = grant("203.0.113.20", "203.0.113.1", dhcpv4.Option{Code: dhcpv4.OptionInterfaceMTU, Value: dhcpv4.OptionGeneric{Data: []byte{5, 0}}})
		})
		time.Sleep(31 * time.Minute)
		synctest.Wait()
		wantState(t, u, true, "203.0.113.20/24", "203.0.113.1")
		if b.port.MTU != 1280 {
			t.Errorf("MTU is %d", b.port.MTU)
		}
		if last := seen[len(seen)-1]; last.MTU != 1280 {
			t.Errorf("announced MTU is %d", last.MTU)
		}
		b.set(func() { b.server = func(*dhcpv4.DHCPv4) *dhcpv4.DHCPv4 { return nil } })
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		wantState(t, u, false, "", "")
		if b.have.Address.IsValid() || b.have.Routes != nil || len(b.records) != 0 {
			t.Errorf("after the lease's end there is %+v", b.have)
		}
		if b.port.MTU != defaultMTU {
			t.Errorf("MTU is %d after the lease's end", b.port.MTU)
		}
	})
}

func TestCarrierAndPortComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.present = false
		u := b.underlay(dhcpConfig)
		defer run(t, u)()
		if s, _ := u.State().Load(); s.Up {
			t.Error("up without a port")
		}
		b.set(func() { b.present = true })
		wantState(t, u, true, "198.51.100.10/24", "198.51.100.1")

		b.set(func() { b.port.Carrier = false })
		wantState(t, u, false, "", "")
		if b.have.Routes != nil || !b.have.Address.IsValid() {
			t.Errorf("without a carrier the port has %+v, want the address and no route", b.have)
		}
		messages := len(b.messages)
		b.set(func() { b.port.Carrier = true })
		wantState(t, u, true, "198.51.100.10/24", "198.51.100.1")
		if got := b.messages[messages:]; len(got) != 1 || got[0] != dhcpv4.MessageTypeRequest {
			t.Errorf("carrier's return sent %v, want one REQUEST", got)
		}

		b.set(func() { b.present = false })
		wantStateDown(t, u)
		b.set(func() { b.present, b.port.Index, b.have = true, 7, link.Addressing{} })
		if s, _ := u.State().Load(); !s.Up || s.Index != 7 {
			t.Errorf("state of the port that came back is %+v", s)
		}
		if !b.have.Address.IsValid() {
			t.Error("the port that came back has no address")
		}
	})
}

func wantStateDown(t *testing.T, u *Underlay) {
	t.Helper()
	if s, _ := u.State().Load(); s.Up {
		t.Fatalf("state is %+v, want down", s)
	}
}

func TestRefusedRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		b.server = grant("198.51.100.10", "203.0.113.1", dhcpv4.OptClasslessStaticRoute(
			&dhcpv4.Route{Dest: &net.IPNet{IP: net.IPv4(10, 0, 0, 0), Mask: net.CIDRMask(8, 32)}, Router: net.IPv4(198, 51, 100, 7)},
			&dhcpv4.Route{Dest: &net.IPNet{IP: net.IPv4zero, Mask: net.CIDRMask(0, 32)}, Router: net.IPv4(203, 0, 113, 1)}))
		b.refuse = func(r link.Route) bool { return r.To.Bits() == 8 }
		u := b.underlay(dhcpConfig)
		stop := run(t, u)
		wantState(t, u, true, "198.51.100.10/24", "203.0.113.1")
		if got := b.have.Routes; len(got) != 2 || got[0].OnLink || !got[1].OnLink {
			t.Errorf("routes are %+v, want the router outside the subnet on the link", got)
		}
		stop()
		b.refuse = func(r link.Route) bool { return r.To.Bits() == 0 }
		u = b.underlay(dhcpConfig)
		defer run(t, u)()
		wantStateDown(t, u)
	})
}

func TestStaticAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		u := b.underlay(lanConfig)
		defer run(t, u)()
		wantState(t, u, true, "192.168.17.1/24", "")
		if b.have.Ends != 0 || len(b.have.Routes) != 0 || b.port.Table != 254 {
			t.Errorf("LAN port has %+v in table %d", b.have, b.port.Table)
		}
		b.set(func() { b.port.Carrier = false })
		wantStateDown(t, u)
		if !b.have.Address.IsValid() {
			t.Error("a LAN port without a cable has no address")
		}
		if err := u.Shutdown(t.Context()); err != nil || !b.have.Address.IsValid() {
			t.Errorf("Shutdown of a static port: %v", err)
		}
	})
}

// TestIPv6DoesNotHoldUpIPv4: IPv6 is there before a lease is, its route goes with the
// carrier, and one that the kernel refuses leaves IPv4 alone.
func TestIPv6DoesNotHoldUpIPv4(t *testing.T) {
	cfg := dhcpConfig
	cfg.IPv6 = IPv6{Address: netip.MustParsePrefix("2001:db8:9::9/64"), Gateway: netip.MustParseAddr("fe80::1")}
	expect := func(t *testing.T, u *Underlay, up, six bool) {
		t.Helper()
		s, _ := u.State().Load()
		if s.Up != up || six != (s.Address6 == cfg.IPv6.Address && s.Gateway6 == cfg.IPv6.Gateway) || !six && (s.Address6.IsValid() || s.Gateway6.IsValid()) {
			t.Errorf("state is %+v, want up %v, IPv6 %v", s, up, six)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t)
		lease := b.server
		b.server = func(*dhcpv4.DHCPv4) *dhcpv4.DHCPv4 { return nil }
		u := b.underlay(cfg)
		stop := run(t, u)
		expect(t, u, false, true)
		b.set(func() { b.port.Carrier = false })
		expect(t, u, false, false)
		if have := b.holds(); have.Address6 != cfg.IPv6.Address || len(have.Routes) != 0 {
			t.Errorf("without a carrier the port has %+v", have)
		}
		b.set(func() { b.port.Carrier, b.server = true, lease })
		time.Sleep(time.Minute) // until DHCP has asked again
		synctest.Wait()
		expect(t, u, true, true)
		stop()
		b.refuse = func(r link.Route) bool { return r.To.Addr().Is6() }
		u = b.underlay(cfg)
		defer run(t, u)()
		expect(t, u, true, false)
	})
}

func TestModemIsRefusedInWords(t *testing.T) {
	err := newBox(t).underlay(Config{Modem: "m2"}).Run(t.Context())
	if err == nil {
		t.Fatal("a modem runs as an Ethernet port")
	}
}
