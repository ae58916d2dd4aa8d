package dhcp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/net/bpf"
)

// ack returns the octets of an ACK for 198.51.100.10 with the given options.
func ack(options ...[]byte) []byte {
	p := newMessage(testMAC, dhcpv4.TransactionID{1, 2, 3, 4}, dhcpv4.MessageTypeAck, 0)
	p.OpCode = dhcpv4.OpcodeBootReply
	p.YourIPAddr = net.IPv4(198, 51, 100, 10)
	p.Options = nil
	data := p.ToBytes()[:240]
	for _, o := range options {
		data = append(data, o...)
	}
	return append(data, 255)
}

var (
	optAck    = []byte{53, 1, 5}
	optServer = []byte{54, 4, 198, 51, 100, 1}
	optMask   = []byte{1, 4, 255, 255, 255, 0}
	optRouter = []byte{3, 4, 198, 51, 100, 1}
	optTime   = []byte{51, 4, 0, 0, 0x0e, 0x10}
)

func TestParseLease(t *testing.T) {
	gateway := netip.MustParseAddr("198.51.100.1")
	for _, tt := range []struct {
		name   string
		data   []byte
		want   Lease
		faults []string // words each fault must contain
	}{
		{
			name: "everything",
			data: ack(optAck, optServer, optMask, optRouter, optTime,
				[]byte{58, 4, 0, 0, 0, 60}, []byte{59, 4, 0, 0, 0, 120},
				[]byte{6, 8, 9, 9, 9, 9, 1, 1, 1, 1}, []byte{42, 4, 192, 0, 2, 1},
				[]byte{26, 2, 0x05, 0xd4}, []byte{15, 8, 'f', 'a', 'r', '.', 't', 'e', 's', 't'}),
			want: Lease{
				Address: netip.MustParsePrefix("198.51.100.10/24"), Server: gateway, Gateway: gateway,
				DNS: []netip.Addr{netip.MustParseAddr("9.9.9.9"), netip.MustParseAddr("1.1.1.1")},
				NTP: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, Domain: "far.test", MTU: 1492,
				Time: time.Hour, Renew: time.Minute, Rebind: 2 * time.Minute,
			},
		},
		{
			name: "host lease with a router elsewhere",
			data: ack(optAck, optServer, []byte{1, 4, 255, 255, 255, 255}, []byte{3, 4, 10, 64, 0, 1}, optTime),
			want: Lease{
				Address: netip.MustParsePrefix("198.51.100.10/32"), Server: gateway, Gateway: netip.MustParseAddr("10.64.0.1"),
				Time: time.Hour, Renew: 30 * time.Minute, Rebind: 3150 * time.Second,
			},
		},
		{
			name: "classless routes override the router",
			data: ack(optAck, optServer, optMask, optRouter, optTime,
				[]byte{121, 20, 24, 192, 168, 17, 198, 51, 100, 66, 0, 198, 51, 100, 77, 10, 10, 64, 0, 0, 0, 0}),
			want: Lease{
				Address: netip.MustParsePrefix("198.51.100.10/24"), Server: gateway, Gateway: netip.MustParseAddr("198.51.100.77"),
				Routes: []Route{
					{netip.MustParsePrefix("192.168.17.0/24"), netip.MustParseAddr("198.51.100.66")},
					{netip.MustParsePrefix("10.64.0.0/10"), netip.Addr{}},
				},
				Time: time.Hour, Renew: 30 * time.Minute, Rebind: 3150 * time.Second,
			},
		},
		{
			name: "least there can be",
			data: ack(optAck, optServer),
			want: Lease{
				Address: netip.MustParsePrefix("198.51.100.10/32"), Server: gateway,
				Time: time.Hour, Renew: 30 * time.Minute, Rebind: 3150 * time.Second,
			},
			faults: []string{"option 1 is missing", "option 51 is missing"},
		},
		{
			name: "for ever",
			data: ack(optAck, optServer, optMask, []byte{51, 4, 255, 255, 255, 255}),
			want: Lease{Address: netip.MustParsePrefix("198.51.100.10/24"), Server: gateway},
		},
		{
			name: "T1 after T2",
			data: ack(optAck, optServer, optMask, optTime, []byte{58, 4, 0, 0, 1, 0}, []byte{59, 4, 0, 0, 0, 60}),
			want: Lease{
				Address: netip.MustParsePrefix("198.51.100.10/24"), Server: gateway,
				Time: time.Hour, Renew: 30 * time.Minute, Rebind: 3150 * time.Second,
			},
			faults: []string{"T1 256 s and T2 60 s"},
		},
		{
			name: "T1 alone",
			data: ack(optAck, optServer, optMask, optTime, []byte{58, 4, 0, 0, 1, 0}),
			want: Lease{
				Address: netip.MustParsePrefix("198.51.100.10/24"), Server: gateway,
				Time: time.Hour, Renew: 256 * time.Second, Rebind: 3150 * time.Second,
			},
		},
		{
			name: "mask with a hole, router that is ourselves, options that break off",
			data: ack(optAck, optServer, []byte{1, 4, 255, 0, 255, 0}, []byte{3, 4, 198, 51, 100, 10}, optTime, []byte{6, 200, 1}),
			want: Lease{
				Address: netip.MustParsePrefix("198.51.100.10/32"), Server: gateway,
				Time: time.Hour, Renew: 30 * time.Minute, Rebind: 3150 * time.Second,
			},
			faults: []string{"option 1 is no subnet mask: ff 00 ff 00", "option 3 names our own address"},
		},
		{
			name: "classless routes that break off",
			data: ack(optAck, optServer, optMask, optRouter, optTime, []byte{121, 5, 24, 192, 168, 17, 198}),
			want: Lease{
				Address: netip.MustParsePrefix("198.51.100.10/24"), Server: gateway, Gateway: gateway,
				Time: time.Hour, Renew: 30 * time.Minute, Rebind: 3150 * time.Second,
			},
			faults: []string{"option 121 ignored: route at octet 0 breaks off"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Parse(tt.data)
			if err != nil {
				t.Fatal(err)
			}
			got, faults, err := ParseLease(p)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
				t.Errorf("lease differs (-want +got):\n%s", diff)
			}
			if len(faults) != len(tt.faults) {
				t.Fatalf("faults are %q, want %q", faults, tt.faults)
			}
			for i, want := range tt.faults {
				if !strings.Contains(faults[i], want) {
					t.Errorf("fault %d is %q, want %q", i, faults[i], want)
				}
			}
		})
	}
}

func TestParseLeaseRefuses(t *testing.T) {
	subnetAddress := ack(optAck, optServer, optMask, optTime)
	subnetAddress[19] = 0 // yiaddr 198.51.100.0
	for want, data := range map[string][]byte{
		"option 54 names no server":             ack(optAck, optMask, optTime),
		"grants the lease for no time":          ack(optAck, optServer, optMask, []byte{51, 4, 0, 0, 0, 0}),
		"is not a host's in its subnet":         subnetAddress,
		"ends within the 240 of the header":     make([]byte, 239),
		"magic cookie":                          make([]byte, 300),
		"message is a BootRequest, not a reply": newMessage(testMAC, dhcpv4.TransactionID{}, dhcpv4.MessageTypeAck, 0).ToBytes(),
	} {
		p, err := Parse(data)
		if err == nil {
			_, _, err = ParseLease(p)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q", err, want)
		}
	}
}

func TestPacketRoundTrip(t *testing.T) {
	message := []byte("odd message")
	p := broadcastPacket(message)
	if p[0] != 0x45 || p[9] != 17 || !slices.Equal(p[16:20], []byte{255, 255, 255, 255}) {
		t.Errorf("header is % x", p[:20])
	}
	if got := sum(protoUDP+uint32(len(p)-ipHeader), p[12:]); got != 0xffff {
		t.Errorf("UDP checksum is wrong: %x", got)
	}
	p[ipHeader+3] = clientPort
	got, src, err := unwrap(append(p, 0, 0, 0)) // with an Ethernet frame's padding
	if err != nil || string(got) != string(message) || !src.IsUnspecified() {
		t.Errorf("unwrap = %q, %v, %v", got, src, err)
	}
	for cut := range p {
		if _, _, err := unwrap(p[:cut]); err == nil {
			t.Errorf("a packet cut at %d of %d is taken", cut, len(p))
		}
	}
}

// FuzzLease reads a lease out of any options, and checks what the rest of the
// program relies on.
func FuzzLease(f *testing.F) {
	join := func(options ...[]byte) []byte { return slices.Concat(options...) }
	f.Add(uint32(0xc633640a), join(optAck, optServer, optMask, optRouter, optTime, []byte{255}))
	f.Add(uint32(0xc633640a), join(optAck, optServer, []byte{121, 8, 24, 192, 168, 17, 198, 51, 100, 66}, []byte{26, 2, 5, 0}))
	f.Add(uint32(0x0a000001), join(optAck, optServer, []byte{58, 4, 0, 0, 1, 0}, []byte{59, 4, 0, 0, 0, 60}, []byte{15, 1, 'a'}, []byte{42, 4, 1, 2, 3, 4}, []byte{6, 200, 1}))
	header := ack()[:240]
	f.Fuzz(func(t *testing.T, address uint32, options []byte) {
		if p, err := Parse(options); err == nil && p == nil {
			t.Error("neither message nor error")
		}
		data := append(slices.Clone(header), options...)
		binary.BigEndian.PutUint32(data[16:], address)
		p, err := Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		l, _, err := ParseLease(p)
		if err != nil {
			return
		}
		switch {
		case !isHost(l.Address.Addr()) || l.Address.Bits() < 1 || !isHost(l.Server):
			t.Errorf("address %v of server %v", l.Address, l.Server)
		case l.Time < 0 || l.Time > 0 && (l.Renew <= 0 || l.Renew >= l.Rebind || l.Rebind >= l.Time):
			t.Errorf("T1 %v, T2 %v, lease %v", l.Renew, l.Rebind, l.Time)
		case l.MTU != 0 && l.MTU < minMTU:
			t.Errorf("MTU %d", l.MTU)
		case len(l.Routes) > maxRoutes || len(l.DNS) > maxServers || len(l.NTP) > maxServers:
			t.Errorf("%d routes, %d DNS and %d NTP servers", len(l.Routes), len(l.DNS), len(l.NTP))
		case l.Gateway.IsValid() && (!isHost(l.Gateway) || l.Gateway == l.Address.Addr()):
			t.Errorf("gateway %v", l.Gateway)
		case !l.Equal(l):
			t.Error("lease differs from itself")
		}
		for _, r := range l.Routes {
			if r.To != r.To.Masked() || r.Via.IsValid() && !isHost(r.Via) {
				t.Errorf("route %v via %v", r.To, r.Via)
			}
		}
	})
}

// FuzzPacket unwraps anything.
func FuzzPacket(f *testing.F) {
	p := broadcastPacket([]byte("message"))
	p[ipHeader+3] = clientPort
	f.Add(p)
	f.Fuzz(func(t *testing.T, data []byte) {
		if message, _, err := unwrap(data); err == nil && len(message) > len(data)-ipHeader-udpHeader {
			t.Errorf("%d octets of message in a packet of %d", len(message), len(data))
		}
	})
}

func TestFilter(t *testing.T) {
	vm, err := bpf.NewVM(filter)
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, octet byte) []byte {
		p := broadcastPacket([]byte("message"))
		p[ipHeader+3] = clientPort
		p[at] = octet
		return p
	}
	withOptions := append([]byte{0x46}, change(0, 0)[1:20]...)
	withOptions = append(append(withOptions, 1, 1, 1, 1), change(0, 0)[20:]...)
	for name, tt := range map[string]struct {
		packet []byte
		pass   bool
	}{
		"to the client":   {change(0, 0x45), true},
		"with IP options": {withOptions, true},
		"to the server":   {change(ipHeader+3, serverPort), false},
		"TCP":             {change(9, 6), false},
		"first fragment":  {change(6, 0x20), false},
		"later fragment":  {change(7, 1), false},
		"don't fragment":  {change(6, 0x40), true},
		"runt":            {change(0, 0x45)[:21], false},
	} {
		n, err := vm.Run(tt.packet)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 != tt.pass {
			t.Errorf("%s: filter keeps %d octets, want pass %v", name, n, tt.pass)
		}
	}
}
