package nhrp

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestErrorIndication tells the sender of each kind of packet what was wrong
// with it.
func TestErrorIndication(t *testing.T) {
	fault := &Fault{Code: UnrecognizedExtension, Offset: 40}
	for kind, to := range map[Type]netip.Addr{
		ResolutionRequest: spoke4, RegistrationRequest: spoke4, PurgeRequest: spoke4, TrafficIndication: spoke4, 99: spoke4,
		// These come from where the request went.
		ResolutionReply: hub4, RegistrationReply: hub4, PurgeReply: hub4,
	} {
		b, err := (&Packet{
			Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 1, Type: kind, RequestID: 7,
			SrcNBMA: spoke, SrcProtocol: spoke4, DstProtocol: hub4,
		}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		p, ok := NewErrorIndication(b, fault, hub, hub4)
		if !ok {
			t.Errorf("no indication about a %s", kind)
			continue
		}
		want := &Packet{
			Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 255, Type: ErrorIndication, Error: UnrecognizedExtension, ErrorOffset: 40,
			SrcNBMA: hub, SrcProtocol: hub4, DstProtocol: to, Payload: b,
		}
		if diff := cmp.Diff(want, p, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("indication about a %s (-want +got):\n%s", kind, diff)
		}
		if offender, id, ok := parsed(t, p).Offender(); !ok || offender != kind || id != 7 {
			t.Errorf("Offender = %s, %d, %v", offender, id, ok)
		}
	}
}

func TestErrorIndicationBytes(t *testing.T) {
	// A purge request of version 2, with an octet of padding behind it.
	about := fromHex(t, `0001 0800 0000000000 40 0028 XXXX 0000 02 05 04 00
		04 04 8000 00000007 64400003 0aff000d 0aff0001`)
	_, err := Parse(about)
	if err == nil {
		t.Fatal("version 2 is accepted")
	}
	p, ok := NewErrorIndication(append(about, 0), &Fault{Code: ProtocolError, Offset: 16}, hub, hub4)
	if !ok {
		t.Fatal("no indication")
	}
	got, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := fromHex(t, `0001 0800 0000000000 ff 0050 XXXX 0000 01 07 04 00
		04 04 0000 0007 0010 c6336401 0aff0001 0aff000d`+hex.EncodeToString(about))
	if diff := cmp.Diff(hex.EncodeToString(want), hex.EncodeToString(got)); diff != "" {
		t.Errorf("indication (-want +got):\n%s", diff)
	}
}

// TestNoErrorAboutErrors: two stations that find each other's indications wrong
// would never stop.
func TestNoErrorAboutErrors(t *testing.T) {
	b, err := (&Packet{Family: FamilyIPv4, Protocol: ProtocolIPv4, Type: ErrorIndication, SrcNBMA: spoke, SrcProtocol: spoke4}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, about := range map[string][]byte{"an error indication": b, "a torn error indication": b[:28], "too little": b[:27], "nothing": nil} {
		if _, ok := NewErrorIndication(about, &Fault{Code: ProtocolError}, hub, hub4); ok {
			t.Errorf("an indication about %s", name)
		}
	}
}

// TestErrorIndicationIsBounded: it repeats an even number of octets, as many as
// fit into the smallest packets, and says to whom it goes if that can be read.
func TestErrorIndicationIsBounded(t *testing.T) {
	long := Packet{
		Family: FamilyIPv4, Protocol: ProtocolIPv4, Type: TrafficIndication, SrcNBMA: spoke, SrcProtocol: spoke4, DstProtocol: hub4,
		Payload: bytes.Repeat([]byte{1}, 60000),
	}
	short := long
	short.Payload = []byte{1}
	ipv6 := Packet{Family: FamilyIPv4, Protocol: ProtocolIPv6, Type: PurgeRequest, SrcNBMA: spoke, SrcProtocol: spoke6, DstProtocol: hub6}
	for _, test := range []struct {
		name   string
		about  Packet
		cut    int
		quoted int
		to     netip.Addr
	}{
		{"long", long, 0, 256, spoke4},
		{"odd", short, 0, 40, spoke4},
		{"torn behind the addresses", short, 1, 40, spoke4},
		{"torn inside the addresses", short, 10, 30, netip.Addr{}},
		{"another protocol", ipv6, 0, 64, netip.Addr{}},
	} {
		b, err := test.about.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		b = b[:len(b)-test.cut]
		p, ok := NewErrorIndication(b, &Fault{Code: ProtocolError, Offset: 10}, hub, hub4)
		if !ok || p.DstProtocol != test.to || !bytes.Equal(p.Payload, b[:test.quoted]) {
			t.Errorf("%s: %v, %d octets to %v", test.name, ok, len(p.Payload), p.DstProtocol)
		}
		parsed(t, p)
	}
}

func TestRedirected(t *testing.T) {
	ipv4 := "45000054f06640003f01c6ef c0a80101 c0a80201"
	ipv6 := "6000000000083a40" + "20010db8000000000000000000000013" + "20010db8000000000000000000000001"
	for _, test := range []struct {
		name     string
		protocol Protocol
		payload  string
		from, to netip.Addr
	}{
		{"IPv4", ProtocolIPv4, ipv4, netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("192.168.2.1")},
		{"IPv4 with what follows", ProtocolIPv4, ipv4 + "0800", netip.MustParseAddr("192.168.1.1"), netip.MustParseAddr("192.168.2.1")},
		{"IPv6", ProtocolIPv6, ipv6, spoke6, hub6},
		{"nothing", ProtocolIPv4, "", netip.Addr{}, netip.Addr{}},
		{"torn IPv4", ProtocolIPv4, ipv4[:len(ipv4)-2], netip.Addr{}, netip.Addr{}},
		{"torn IPv6", ProtocolIPv6, ipv6[:len(ipv6)-2], netip.Addr{}, netip.Addr{}},
		{"IPv6 as IPv4", ProtocolIPv4, ipv6, netip.Addr{}, netip.Addr{}},
		{"IPv4 as IPv6", ProtocolIPv6, ipv4 + ipv4, netip.Addr{}, netip.Addr{}},
		{"no IP", ProtocolIPv4, "00" + ipv4[2:], netip.Addr{}, netip.Addr{}},
	} {
		p := &Packet{Type: TrafficIndication, Protocol: test.protocol, Payload: octets(t, test.payload)}
		from, to, ok := p.Redirected()
		if from != test.from || to != test.to || ok != test.to.IsValid() {
			t.Errorf("%s: from %v to %v, %v", test.name, from, to, ok)
		}
		p.Type = ErrorIndication
		if _, _, ok := p.Redirected(); ok {
			t.Errorf("%s: an error indication redirects", test.name)
		}
	}

	// FRR's own.
	found := 0
	for _, v := range vectors(t) {
		p, err := Parse(v.packet)
		if err != nil {
			t.Fatal(err)
		}
		if p.Type != TrafficIndication {
			continue
		}
		found++
		if from, to, ok := p.Redirected(); !ok || from != p.DstProtocol || to == from {
			t.Errorf("%x: from %v to %v, %v", v.packet, from, to, ok)
		}
	}
	if found == 0 {
		t.Error("no traffic indication in the capture")
	}
}
