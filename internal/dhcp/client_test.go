package dhcp

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

var (
	testMAC    = net.HardwareAddr{0x02, 0, 0, 0, 0, 1}
	testServer = netip.MustParseAddr("198.51.100.1")
	testOther  = netip.MustParseAddr("198.51.100.2")
)

// wire runs a Client in virtual time against a server that is a function. What
// the client sends goes through ToBytes and Parse's counterpart, as on the wire.
type wire struct {
	t      *testing.T
	client *Client
	now    time.Duration
	log    bytes.Buffer
	sent   []sent
	// server answers a message, or not.
	server func(m *Message) []*dhcpv4.DHCPv4
}

type sent struct {
	at    time.Duration
	state State
	kind  dhcpv4.MessageType
	*Message
}

func newWire(t *testing.T) *wire {
	w := &wire{t: t, now: time.Hour}
	w.server = w.grant("198.51.100.10", testServer, time.Hour)
	w.client = New(testMAC, slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	return w
}

// deliver carries m to the server and its answers back, until there is silence.
func (w *wire) deliver(m *Message) {
	w.t.Helper()
	for m != nil {
		p, err := dhcpv4.FromBytes(m.Packet.ToBytes())
		if err != nil {
			w.t.Fatalf("client sent what cannot be parsed: %v", err)
		}
		w.sent = append(w.sent, sent{w.now, w.client.State(), p.MessageType(), m})
		if len(w.sent) > 10000 {
			w.t.Fatal("the client floods the network")
		}
		var next *Message
		for _, reply := range w.server(m) {
			parsed, err := Parse(reply.ToBytes())
			if err != nil {
				w.t.Fatal(err)
			}
			if answer := w.client.Receive(w.now, parsed); answer != nil {
				next = answer
			}
		}
		m = next
	}
}

func (w *wire) up() { w.t.Helper(); w.deliver(w.client.LinkUp(w.now)) }

// pass lets d go by.
func (w *wire) pass(d time.Duration) {
	w.t.Helper()
	end := w.now + d
	for {
		next, ok := w.client.Next()
		if !ok || next > end {
			w.now = end
			return
		}
		w.now = max(w.now, next)
		w.deliver(w.client.Tick(w.now))
	}
}

// reply is a message of server's of the given kind to m.
func reply(m *Message, kind dhcpv4.MessageType, server netip.Addr, options ...dhcpv4.Option) *dhcpv4.DHCPv4 {
	p, err := dhcpv4.NewReplyFromRequest(m.Packet, dhcpv4.WithMessageType(kind))
	if err != nil {
		panic(err)
	}
	p.UpdateOption(dhcpv4.OptServerIdentifier(server.AsSlice()))
	for _, o := range options {
		p.UpdateOption(o)
	}
	return p
}

// grant is a server that leases one address.
func (w *wire) grant(address string, server netip.Addr, lease time.Duration, options ...dhcpv4.Option) func(*Message) []*dhcpv4.DHCPv4 {
	return func(m *Message) []*dhcpv4.DHCPv4 {
		kind := dhcpv4.MessageTypeOffer
		switch m.Packet.MessageType() {
		case dhcpv4.MessageTypeRequest:
			kind = dhcpv4.MessageTypeAck
			if id := serverOf(m.Packet); id.IsValid() && id != server {
				return nil
			}
			if m.To.IsValid() && m.To != server {
				return nil
			}
		case dhcpv4.MessageTypeRelease:
			return nil
		}
		p := reply(m, kind, server, dhcpv4.OptSubnetMask(net.CIDRMask(24, 32)),
			dhcpv4.OptRouter(testServer.AsSlice()), dhcpv4.OptIPAddressLeaseTime(lease))
		p.YourIPAddr = net.ParseIP(address).To4()
		for _, o := range options {
			p.UpdateOption(o)
		}
		return []*dhcpv4.DHCPv4{p}
	}
}

func silent(*Message) []*dhcpv4.DHCPv4 { return nil }

func refuse(server netip.Addr) func(m *Message) []*dhcpv4.DHCPv4 {
	return func(m *Message) []*dhcpv4.DHCPv4 {
		if m.Packet.MessageType() != dhcpv4.MessageTypeRequest {
			return nil
		}
		return []*dhcpv4.DHCPv4{reply(m, dhcpv4.MessageTypeNak, server, dhcpv4.OptMessage("wrong network"))}
	}
}

func (w *wire) wantState(want State) {
	w.t.Helper()
	if got := w.client.State(); got != want {
		w.t.Fatalf("state is %v, want %v\n%s", got, want, w.log.String())
	}
}

func (w *wire) wantLease(want string) {
	w.t.Helper()
	got := ""
	if l, _, ok := w.client.Lease(); ok {
		got = l.Address.String()
	}
	if got != want {
		w.t.Fatalf("lease is %q, want %q\n%s", got, want, w.log.String())
	}
}

func (w *wire) wantLog(words string) {
	w.t.Helper()
	if !strings.Contains(w.log.String(), words) {
		w.t.Errorf("log does not say %q:\n%s", words, w.log.String())
	}
}

// wantSent compares what was sent since the last call with lines such as
// "renewing REQUEST to 198.51.100.1".
func (w *wire) wantSent(want ...string) {
	w.t.Helper()
	var got []string
	for _, s := range w.sent {
		line := fmt.Sprintf("%v %v", s.state, s.kind)
		if s.To.IsValid() {
			line += " to " + s.To.String()
		}
		got = append(got, line)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		w.t.Fatalf("sent:\n%s\nwant:\n%s\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"), w.log.String())
	}
	w.sent = nil
}

func TestLeaseIsObtained(t *testing.T) {
	w := newWire(t)
	w.up()
	w.wantState(Bound)
	w.wantLease("198.51.100.10/24")
	w.wantLog("milestone=lease")

	discover, request := w.sent[0].Packet, w.sent[1].Packet
	w.wantSent("selecting DISCOVER", "requesting REQUEST")
	if discover.TransactionID != request.TransactionID {
		t.Error("REQUEST does not belong to the DISCOVER's transaction")
	}
	for _, p := range []*dhcpv4.DHCPv4{discover, request} {
		if got, want := p.GetOneOption(dhcpv4.OptionClientIdentifier), append([]byte{1}, testMAC...); !bytes.Equal(got, want) {
			t.Errorf("client identifier is % x, want % x", got, want)
		}
		for _, code := range []uint8{1, 3, 6, 15, 26, 42, 51, 54, 58, 59, 121} {
			if !p.IsOptionRequested(dhcpv4.GenericOptionCode(code)) {
				t.Errorf("%v does not ask for option %d", p.MessageType(), code)
			}
		}
	}
	if got := request.RequestedIPAddress().String(); got != "198.51.100.10" {
		t.Errorf("REQUEST asks for %s", got)
	}
	if got := request.ServerIdentifier().String(); got != testServer.String() {
		t.Errorf("REQUEST selects server %s", got)
	}
}

func TestRenewalIsUnicastAtT1(t *testing.T) {
	w := newWire(t)
	w.up()
	start := w.now
	w.sent = nil
	w.pass(31 * time.Minute)
	w.wantState(Bound)
	s := w.sent[0]
	w.wantSent("renewing REQUEST to 198.51.100.1")
	if age := s.at - start; age < 28*time.Minute || age > 30*time.Minute {
		t.Errorf("renewed after %v, want shortly before T1 at 30m", age)
	}
	if got := s.Packet.ClientIPAddr.String(); got != "198.51.100.10" || s.From.String() != got {
		t.Errorf("renewal of ciaddr %s comes from %v", got, s.From)
	}
	if s.Packet.RequestedIPAddress() != nil && !s.Packet.RequestedIPAddress().IsUnspecified() || s.Packet.Options.Has(dhcpv4.OptionServerIdentifier) {
		t.Error("renewal carries options 50 or 54, which RFC 2131, 4.3.6 forbids")
	}
	_, ends, _ := w.client.Lease()
	if ends != s.at+time.Hour {
		t.Errorf("lease ends at %v, want an hour after the renewal", ends)
	}
}

func TestSilentServerIsReplacedAtT2ThenLeaseExpires(t *testing.T) {
	w := newWire(t)
	w.up()
	w.sent = nil
	w.server = silent
	w.pass(52 * time.Minute)
	w.wantState(Renewing)
	w.wantLease("198.51.100.10/24")
	w.pass(2 * time.Minute)
	w.wantState(Rebinding)
	w.wantLog("asking any server")
	if last := w.sent[len(w.sent)-1]; last.To.IsValid() {
		t.Errorf("rebinding is sent to %v, want broadcast", last.To)
	}
	w.pass(5 * time.Minute)
	w.wantLease("198.51.100.10/24")
	w.pass(time.Minute)
	w.wantState(Selecting)
	w.wantLease("")
	w.wantLog("DHCP lease has expired")
	if n := len(w.sent); n > 20 {
		t.Errorf("%d messages in an hour, want a handful", n)
	}
	if got := w.sent[len(w.sent)-1].Packet.RequestedIPAddress().String(); got != "198.51.100.10" {
		t.Errorf("DISCOVER asks for %s, want the address we had", got)
	}
	w.server = w.grant("198.51.100.10", testServer, time.Hour)
	w.pass(2 * time.Minute)
	w.wantState(Bound)
}

func TestServerChangesWhileRebinding(t *testing.T) {
	w := newWire(t)
	w.up()
	w.server = func(m *Message) []*dhcpv4.DHCPv4 {
		if m.To.IsValid() {
			return nil
		}
		return w.grant("198.51.100.10", testOther, time.Hour)(m)
	}
	w.pass(53 * time.Minute)
	w.wantState(Bound)
	if l, _, _ := w.client.Lease(); l.Server != testOther {
		t.Errorf("server is %v, want %v", l.Server, testOther)
	}
	w.wantLog("DHCP lease has changed")
	w.sent = nil
	w.server = silent
	w.pass(31 * time.Minute)
	w.wantSent("renewing REQUEST to 198.51.100.2")
}

func TestNoServer(t *testing.T) {
	w := newWire(t)
	w.server = silent
	w.up()
	w.pass(time.Hour)
	w.wantState(Selecting)
	w.wantLog("no DHCP server answers (5 discovers in ")
	w.wantLog("check the cable and the provider")
	if n := strings.Count(w.log.String(), "no DHCP server answers"); n < 4 || n > 10 {
		t.Errorf("%d complaints in an hour, want about seven", n)
	}
	for i := 1; i < len(w.sent); i++ {
		gap, want := w.sent[i].at-w.sent[i-1].at, min(2*time.Second<<min(i-1, 10), 64*time.Second)
		if (gap - want).Abs() > time.Second {
			t.Errorf("DISCOVER %d comes after %v, want %v ± 1s", i, gap, want)
		}
	}
	w.server = w.grant("198.51.100.10", testServer, time.Hour)
	w.pass(65 * time.Second)
	w.wantState(Bound)
}

func TestNakInEveryState(t *testing.T) {
	for _, state := range []State{Rebooting, Renewing, Rebinding} {
		t.Run(state.String(), func(t *testing.T) {
			w := newWire(t)
			w.up()
			naked := false
			good := w.grant("203.0.113.7", testServer, time.Hour)
			w.server = func(m *Message) []*dhcpv4.DHCPv4 {
				if w.client.State() == state && !naked {
					naked = true
					return refuse(testServer)(m)
				}
				if !naked {
					return nil
				}
				return good(m)
			}
			if state == Rebooting {
				w.client.LinkDown()
				w.up()
			}
			w.pass(55 * time.Minute)
			if !naked {
				t.Fatal("the server was never asked")
			}
			w.wantState(Bound)
			w.wantLease("203.0.113.7/24")
			w.wantLog("refuses the address")
			w.wantLog(`says="wrong network"`)
		})
	}
}

func TestNakAfterOfferIsNoLoop(t *testing.T) {
	w := newWire(t)
	offer := w.grant("198.51.100.10", testServer, time.Hour)
	w.server = func(m *Message) []*dhcpv4.DHCPv4 {
		if m.Packet.MessageType() == dhcpv4.MessageTypeRequest {
			return refuse(testServer)(m)
		}
		return offer(m)
	}
	w.up()
	w.pass(10 * time.Minute)
	w.wantLease("")
	if n := len(w.sent); n > 40 {
		t.Errorf("%d messages in ten minutes to a server that offers and refuses", n)
	}
	w.server = offer
	w.pass(66 * time.Second)
	w.wantState(Bound)
}

func TestNakOfAStrangerIsIgnored(t *testing.T) {
	w := newWire(t)
	w.up()
	w.server = refuse(testOther)
	w.pass(31 * time.Minute)
	w.wantState(Renewing)
	w.wantLease("198.51.100.10/24")
}

func TestShortLease(t *testing.T) {
	for _, lease := range []time.Duration{time.Second, 5 * time.Second, 30 * time.Second, 2 * time.Minute} {
		t.Run(lease.String(), func(t *testing.T) {
			w := newWire(t)
			w.server = w.grant("198.51.100.10", testServer, lease)
			w.up()
			w.sent = nil
			w.pass(20 * lease)
			w.wantLease("198.51.100.10/24")
			if n := len(w.sent); n < 38 || n > 46 {
				t.Errorf("%d renewals in 20 lease times, want one each T1", n)
			}
			// The renewal is tried more than once before the lease is lost.
			lost := 0
			answer := w.server
			w.server = func(m *Message) []*dhcpv4.DHCPv4 {
				if lost++; lost%3 != 0 {
					return nil
				}
				return answer(m)
			}
			w.pass(20 * lease)
			w.wantLease("198.51.100.10/24")
			if strings.Contains(w.log.String(), "expired") {
				t.Error("lease was lost to two lost messages")
			}
		})
	}
}

func TestLeaseForEver(t *testing.T) {
	w := newWire(t)
	w.server = w.grant("198.51.100.10", testServer, 0xffffffff*time.Second)
	w.up()
	w.sent = nil
	w.pass(1000 * 24 * time.Hour)
	w.wantState(Bound)
	w.wantSent()
}

func TestCarrierReturn(t *testing.T) {
	t.Run("same network", func(t *testing.T) {
		w := newWire(t)
		w.up()
		w.sent = nil
		w.client.LinkDown()
		w.pass(time.Minute)
		w.wantLease("198.51.100.10/24")
		w.up()
		p := w.sent[0].Packet
		w.wantSent("init-reboot REQUEST")
		w.wantState(Bound)
		if got := p.RequestedIPAddress().String(); got != "198.51.100.10" || p.Options.Has(dhcpv4.OptionServerIdentifier) || !p.ClientIPAddr.IsUnspecified() {
			t.Error("INIT-REBOOT wants option 50, no option 54 and ciaddr 0 (RFC 2131, 4.3.2)")
		}
	})
	t.Run("server that knows nothing of us", func(t *testing.T) {
		w := newWire(t)
		w.up()
		w.client.LinkDown()
		w.server = func(m *Message) []*dhcpv4.DHCPv4 {
			if w.client.State() == Rebooting {
				return nil
			}
			return w.grant("203.0.113.9", testOther, time.Hour)(m)
		}
		w.up()
		w.wantLease("198.51.100.10/24")
		w.pass(20 * time.Second)
		w.wantState(Bound)
		w.wantLease("203.0.113.9/24")
	})
	t.Run("no server, lease still good", func(t *testing.T) {
		w := newWire(t)
		w.up()
		w.client.LinkDown()
		w.server = silent
		w.up()
		w.pass(20 * time.Second)
		w.wantState(Selecting)
		w.wantLease("198.51.100.10/24")
		w.pass(time.Hour)
		w.wantLease("")
	})
	t.Run("after the lease's end", func(t *testing.T) {
		w := newWire(t)
		w.up()
		w.sent = nil
		w.client.LinkDown()
		w.pass(2 * time.Hour)
		w.wantLease("")
		w.up()
		w.wantSent("selecting DISCOVER", "requesting REQUEST")
	})
}

func TestRestart(t *testing.T) {
	for _, tt := range []struct {
		after time.Duration
		state State
		sent  []string
		lease string
	}{
		{10 * time.Minute, Bound, nil, "198.51.100.10/24"},
		{40 * time.Minute, Bound, []string{"renewing REQUEST to 198.51.100.1"}, "198.51.100.10/24"},
		{2 * time.Hour, Bound, []string{"selecting DISCOVER", "requesting REQUEST"}, "198.51.100.10/24"},
	} {
		t.Run(tt.after.String(), func(t *testing.T) {
			w := newWire(t)
			w.up()
			record, ok := w.client.Record()
			if !ok {
				t.Fatal("nothing to record of a lease")
			}
			w.sent = nil
			w.now += tt.after
			w.client = New(testMAC, w.client.log)
			w.client.Restore(w.now, record)
			w.up()
			w.pass(0)
			w.wantState(tt.state)
			w.wantSent(tt.sent...)
			w.wantLease(tt.lease)
		})
	}
	t.Run("clock that went back", func(t *testing.T) {
		w := newWire(t)
		w.up()
		record, _ := w.client.Record()
		w.now = time.Minute
		w.client = New(testMAC, w.client.log)
		w.client.Restore(w.now, record)
		w.wantLease("")
	})
}

func TestAddressGatewayAndMTUChange(t *testing.T) {
	w := newWire(t)
	w.up()
	w.server = w.grant("203.0.113.20", testServer, time.Hour,
		dhcpv4.OptRouter(net.IPv4(203, 0, 113, 1)), dhcpv4.Option{Code: dhcpv4.OptionInterfaceMTU, Value: dhcpv4.OptionGeneric{Data: []byte{5, 0}}})
	w.pass(31 * time.Minute)
	w.wantState(Bound)
	w.wantLease("203.0.113.20/24")
	l, _, _ := w.client.Lease()
	if l.Gateway.String() != "203.0.113.1" || l.MTU != 1280 {
		t.Errorf("gateway %v, MTU %d", l.Gateway, l.MTU)
	}
	w.wantLog("DHCP lease has changed")
}

func TestMalformedMessages(t *testing.T) {
	option := func(code uint8, data ...byte) dhcpv4.Option {
		return dhcpv4.Option{Code: dhcpv4.GenericOptionCode(code), Value: dhcpv4.OptionGeneric{Data: data}}
	}
	w := newWire(t)
	w.server = w.grant("198.51.100.10", testServer, time.Hour,
		option(6, 1, 2, 3), option(15, []byte("br\nanch")...), option(26, 0), option(42, 255, 255, 255, 255),
		option(58, 0), option(121, 33, 1, 2, 3, 4))
	w.up()
	w.wantState(Bound)
	w.wantLease("198.51.100.10/24")
	w.wantLog("used without its malformed options")
	if l, _, _ := w.client.Lease(); l.Gateway != testServer || l.MTU != 0 || l.DNS != nil || l.NTP != nil || l.Domain != "" {
		t.Errorf("lease is %+v", l)
	}

	for name, address := range map[string]string{"none": "0.0.0.0", "multicast": "224.0.0.1", "loopback": "127.0.0.1", "subnet": "198.51.100.0", "broadcast": "198.51.100.255"} {
		t.Run("address "+name, func(t *testing.T) {
			w := newWire(t)
			w.server = w.grant(address, testServer, time.Hour)
			w.up()
			w.wantState(Selecting)
			w.wantLog("DHCP offer refused")
		})
	}
	t.Run("acknowledgement without address", func(t *testing.T) {
		w := newWire(t)
		good := w.server
		w.server = func(m *Message) []*dhcpv4.DHCPv4 {
			replies := good(m)
			if m.Packet.MessageType() == dhcpv4.MessageTypeRequest {
				replies[0].YourIPAddr = net.IPv4zero
			}
			return replies
		}
		w.up()
		w.pass(time.Minute)
		w.wantLease("")
		w.server = good
		w.pass(20 * time.Second)
		w.wantState(Bound)
	})
	t.Run("of others", func(t *testing.T) {
		w := newWire(t)
		good := w.server
		w.server = func(m *Message) []*dhcpv4.DHCPv4 {
			xid, mac := good(m)[0], good(m)[0]
			xid.TransactionID[0]++
			mac.ClientHWAddr = net.HardwareAddr{2, 0, 0, 0, 0, 9}
			return []*dhcpv4.DHCPv4{xid, mac}
		}
		w.up()
		w.pass(time.Minute)
		w.wantState(Selecting)
	})
}

func TestRelease(t *testing.T) {
	w := newWire(t)
	w.up()
	m := w.client.Release()
	if m == nil || m.Packet.MessageType() != dhcpv4.MessageTypeRelease || m.To != testServer ||
		m.Packet.ClientIPAddr.String() != "198.51.100.10" || m.Packet.ServerIdentifier().String() != testServer.String() {
		t.Fatalf("release is %+v", m)
	}
	w.wantLease("")
	if w.client.Release() != nil {
		t.Error("a lease is released twice")
	}
}
