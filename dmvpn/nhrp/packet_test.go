package nhrp

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	hub    = netip.MustParseAddr("198.51.100.1")
	spoke  = netip.MustParseAddr("100.64.0.3")
	hub4   = netip.MustParseAddr("10.255.0.1")
	spoke4 = netip.MustParseAddr("10.255.0.13")
	hub6   = netip.MustParseAddr("2001:db8::1")
	spoke6 = netip.MustParseAddr("2001:db8::13")
)

// TestBytes holds what the capture has not: the packet types, the extensions
// and the address families that FRR 8.4.4 does not speak.
func TestBytes(t *testing.T) {
	for _, test := range []struct {
		name   string
		packet Packet
		// wire is hexadecimal; blanks are for the eye. The checksum is XXXX.
		wire string
	}{
		{
			"registration with authentication and NAT",
			Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 255, Type: RegistrationRequest,
				Flags: RegistrationUnique | NAT, RequestID: 0x01020304,
				SrcNBMA: spoke, SrcProtocol: spoke4, DstProtocol: hub4,
				CIEs: []CIE{{PrefixLen: 0xff, MTU: 1514, HoldingTime: 600}},
				Extensions: []Extension{
					{Type: ResponderAddress, Compulsory: true},
					NewAuthentication("nhrp-hq"),
					natExtension(t, CIE{PrefixLen: 32, NBMA: hub, Protocol: hub4}),
				},
			},
			`0001 0800 0000000000 ff 0063 XXXX 0034 01 03 04 00
			 04 04 8002 01020304 64400003 0aff000d 0aff0001
			 00 ff 0000 05ea 0258 00 00 00 00
			 8003 0000
			 8007 000b 00000001 6e6872702d6871
			 0009 0014 00 20 0000 0000 0000 04 00 04 00 c6336401 0aff0001
			 8000 0000`,
		},
		{
			"purge request",
			Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 64, Type: PurgeRequest,
				Flags: PurgeNoReply, RequestID: 7, SrcNBMA: spoke, SrcProtocol: spoke4, DstProtocol: hub4,
				CIEs: []CIE{{PrefixLen: 32, Protocol: spoke4}},
			},
			`0001 0800 0000000000 40 0038 XXXX 0000 01 05 04 00
			 04 04 8000 00000007 64400003 0aff000d 0aff0001
			 00 20 0000 0000 0000 00 00 04 00 0aff000d`,
		},
		{
			"purge reply without entries, extensions empty",
			Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 1, Type: PurgeReply, RequestID: 7,
				SrcNBMA: spoke, SrcProtocol: spoke4, DstProtocol: hub4, Extensions: []Extension{},
			},
			`0001 0800 0000000000 01 002c XXXX 0028 01 06 04 00
			 04 04 0000 00000007 64400003 0aff000d 0aff0001
			 8000 0000`,
		},
		{
			"error indication, odd, checksum as the standard has it",
			Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 255, Type: ErrorIndication,
				Error: AuthenticationFailure, ErrorOffset: 52,
				SrcNBMA: hub, SrcProtocol: hub4, DstProtocol: spoke4, Payload: []byte{1, 2, 3},
			},
			`0001 0800 0000000000 ff 002b XXXX 0000 01 07 04 00
			 04 04 0000 000b 0034 c6336401 0aff0001 0aff000d
			 010203`,
		},
		{
			"traffic indication whose payload the extensions bound",
			Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 1, Type: TrafficIndication,
				SrcNBMA: hub, SrcProtocol: hub4, DstProtocol: spoke4, Payload: []byte{0x45, 0},
				Extensions: []Extension{NewAuthentication("x")},
			},
			`0001 0800 0000000000 01 0037 XXXX 002a 01 08 04 00
			 04 04 0000 00000000 c6336401 0aff0001 0aff000d
			 4500
			 8007 0005 00000001 78
			 8000 0000`,
		},
		{
			"IPv6 over IPv6, subaddresses, order and unknown extensions kept",
			Packet{
				Family: FamilyIPv6, Protocol: ProtocolIPv6, Hops: 2, Type: ResolutionReply,
				Flags: ResolutionAuthoritative, RequestID: 9,
				SrcNBMA: spoke6, SrcSubaddress: []byte{0xaa}, SrcProtocol: spoke6, DstProtocol: hub6,
				CIEs: []CIE{{
					Code: NoBinding, PrefixLen: 64, HoldingTime: 60, Preference: 3,
					NBMA: hub6, Subaddress: []byte{0xbb, 0xcc}, Protocol: hub6,
				}},
				Extensions: []Extension{
					{Type: 0x33, Compulsory: true, Value: []byte{1}},
					NewVendorPrivate([3]byte{0, 0, 0x0c}, []byte("g")),
					{Type: ForwardTransit, Compulsory: true},
				},
			},
			`0002 86dd 0000000000 02 0090 XXXX 007b 01 02 10 01
			 10 10 4000 00000009 20010db8000000000000000000000013 aa
			 20010db8000000000000000000000013 20010db8000000000000000000000001
			 0c 40 0000 0000 003c 10 02 10 03
			 20010db8000000000000000000000001 bbcc 20010db8000000000000000000000001
			 8033 0001 01
			 0008 0004 00000c 67
			 8004 0000
			 8000 0000`,
		},
		{
			"IPv6 over IPv4",
			Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv6, Hops: 255, Type: ResolutionRequest,
				Flags: ResolutionRouter, SrcNBMA: spoke, SrcProtocol: spoke6, DstProtocol: hub6,
			},
			`0001 86dd 0000000000 ff 0040 XXXX 0000 01 01 04 00
			 10 10 8000 00000000 64400003
			 20010db8000000000000000000000013 20010db8000000000000000000000001`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := fromHex(t, test.wire)
			got, err := test.packet.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(hex.EncodeToString(want), hex.EncodeToString(got)); diff != "" {
				t.Errorf("Marshal (-want +got):\n%s", diff)
			}
			back, err := Parse(want)
			if err != nil {
				t.Fatal(err)
			}
			options := []cmp.Option{cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.EquateEmpty()}
			if diff := cmp.Diff(&test.packet, back, options...); diff != "" {
				t.Errorf("Parse (-want +got):\n%s", diff)
			}
			if (back.Extensions == nil) != (test.packet.Extensions == nil) {
				t.Error("an absent and an empty extensions part are mixed up")
			}
		})
	}
}

// TestChecksumTailLow accepts an indication of odd length as FRR sums it.
func TestChecksumTailLow(t *testing.T) {
	p := Packet{Family: FamilyIPv4, Protocol: ProtocolIPv4, Type: TrafficIndication, SrcNBMA: hub, SrcProtocol: hub4, DstProtocol: spoke4, Payload: []byte{0x45}}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	b[12], b[13] = 0, 0
	binary.BigEndian.PutUint16(b[12:], checksumTailLow(b))
	if _, err := Parse(b); err != nil {
		t.Error(err)
	}
	b[12]++
	if _, err := Parse(b); err == nil {
		t.Error("a wrong checksum is accepted")
	}
}

func TestParseErrors(t *testing.T) {
	// registration is the smallest with all parts: headers to 40, an entry of
	// 20 octets to 60, an extension of 4 to 64, End to 68.
	registration := fromHex(t, `0001 0800 0000000000 ff 0044 XXXX 003c 01 03 04 00
		04 04 0000 00000001 64400003 0aff000d 0aff0001
		00 20 0000 0000 0258 04 00 04 00 64400003 0aff000d
		8003 0000  8000 0000`)
	if _, err := Parse(registration); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name   string
		change func([]byte) []byte
		want   string
	}{
		{"empty", func(b []byte) []byte { return nil }, "0 octets are less than the 28"},
		{"cut", func(b []byte) []byte { return b[:67] }, "packet size at offset 10 is 68, of 67"},
		{"size below headers", set(11, 27), "packet size at offset 10 is 27"},
		{"version", set(16, 2), "version at offset 16 is 2"},
		{"family", set(1, 8), "address family at offset 0 is 8"},
		{"protocol", set(3, 6), "protocol type at offset 2 is 0x0806"},
		{"extensions offset past the end", set(15, 69), "extensions offset at offset 14 is 69"},
		{"extensions offset inside the headers", set(15, 20), "extensions offset at offset 14 is 20"},
		{"NSAP source", set(18, 0x44), "NBMA address at offset 28 is of type 0x40"},
		{"source length", set(18, 6), "NBMA address at offset 28 has 6 octets, its family 4"},
		{"subaddress past the end", set(19, 63), "NBMA subaddress at offset 32 needs 63 octets, 28 are left"},
		{"protocol address length", set(20, 16), "source protocol address at offset 32 has 16 octets"},
		{"cut entry", set(15, 50), "client information entry at offset 40 needs 12 octets, 10 are left"},
		{"entry's address", set(48, 3), "NBMA address at offset 52 has 3 octets"},
		{"extension past the end", set(63, 5), "value of extension 3 at offset 64 needs 5 octets, 4 are left"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := test.change(append([]byte(nil), registration...))
			if len(b) == len(registration) {
				sum(b)
			}
			_, err := Parse(b)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want it to contain %q", err, test.want)
			}
		})
	}
}

// TestPaddingAndMissingEnd: octets after the packet are nobody's, and a list of
// extensions may end with the packet.
func TestPaddingAndMissingEnd(t *testing.T) {
	b := fromHex(t, `0001 0800 0000000000 01 002c XXXX 0028 01 06 04 00
		04 04 0000 00000007 64400003 0aff000d 0aff0001  8004 0000`)
	p, err := Parse(append(b, 0xff, 0xff))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Extensions) != 1 || p.Extensions[0].Type != ForwardTransit {
		t.Errorf("extensions = %v", p.Extensions)
	}
}

func TestMarshalErrors(t *testing.T) {
	valid := Packet{Family: FamilyIPv4, Protocol: ProtocolIPv4, Type: PurgeRequest}
	for _, test := range []struct {
		name   string
		change func(*Packet)
	}{
		{"no family", func(p *Packet) { p.Family = 0 }},
		{"NBMA of another family", func(p *Packet) { p.SrcNBMA = hub6 }},
		{"protocol of another family", func(p *Packet) { p.DstProtocol = hub6 }},
		{"entry of another family", func(p *Packet) { p.CIEs = []CIE{{Protocol: hub6}} }},
		{"long subaddress", func(p *Packet) { p.SrcSubaddress = make([]byte, 64) }},
		{"End among the extensions", func(p *Packet) { p.Extensions = []Extension{{}} }},
		{"long extension", func(p *Packet) { p.Extensions = []Extension{{Type: 3, Value: make([]byte, 1<<16)}} }},
		{"long packet", func(p *Packet) { p.Extensions = []Extension{{Type: 3, Value: make([]byte, 1<<16-1)}} }},
	} {
		p := valid
		if _, err := p.Marshal(); err != nil {
			t.Fatal(err)
		}
		test.change(&p)
		if _, err := p.Marshal(); err == nil {
			t.Errorf("%s: no error", test.name)
		}
	}
}

func TestExtensions(t *testing.T) {
	p := Packet{Extensions: []Extension{{Type: 0x33}, NewAuthentication("secret"), {Type: 0x34, Compulsory: true}}}
	if e, ok := p.Extension(Authentication); !ok || !e.Authenticates("secret") || e.Authenticates("secre") || e.Authenticates("") {
		t.Error("authentication does not tell the secret from others")
	}
	if (Extension{Type: VendorPrivate, Value: NewAuthentication("a").Value}).Authenticates("a") {
		t.Error("another extension authenticates")
	}
	if _, ok := p.Extension(NATAddress); ok {
		t.Error("found an extension that is not there")
	}
	if e, ok := p.Unrecognized(); !ok || e.Type != 0x34 {
		t.Errorf("Unrecognized = %v, %v", e, ok)
	}
	if oui, data, err := NewVendorPrivate([3]byte{0, 0, 12}, []byte("abc")).Vendor(); err != nil || oui != [3]byte{0, 0, 12} || string(data) != "abc" {
		t.Errorf("Vendor = %v, %q, %v", oui, data, err)
	}
	if _, _, err := (Extension{Type: VendorPrivate, Value: []byte{1}}).Vendor(); err == nil {
		t.Error("a vendor without identifier is accepted")
	}
	capabilities := Extension{Type: NATAddress, Value: make([]byte, 8)}
	if _, err := capabilities.CIEs(FamilyIPv4, ProtocolIPv4); err == nil {
		t.Error("device capabilities pass for NAT addresses")
	}
}

func natExtension(t *testing.T, cies ...CIE) Extension {
	t.Helper()
	e, err := NewCIEExtension(NATAddress, false, FamilyIPv4, ProtocolIPv4, cies...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func set(offset int, value byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b[offset] = value
		return b
	}
}

// sum puts the checksum into a packet.
func sum(b []byte) {
	b[12], b[13] = 0, 0
	binary.BigEndian.PutUint16(b[12:], checksum(b))
}

// fromHex returns the bytes of a packet and computes the checksum XXXX.
func fromHex(t *testing.T, text string) []byte {
	t.Helper()
	text = strings.Join(strings.Fields(text), "")
	b, err := hex.DecodeString(strings.Replace(text, "XXXX", "0000", 1))
	if err != nil {
		t.Fatal(err)
	}
	sum(b)
	return b
}
