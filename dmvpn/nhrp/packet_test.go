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
			"error indication with authentication",
			Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 1, Type: ErrorIndication,
				Error: HopCountExceeded, ErrorOffset: 9,
				SrcNBMA: hub, SrcProtocol: hub4, DstProtocol: spoke4, Payload: []byte{0, 1, 8, 0},
				Extensions: []Extension{NewAuthentication("x")},
			},
			`0001 0800 0000000000 01 0039 XXXX 002c 01 07 04 00
			 04 04 0000 000f 0009 c6336401 0aff0001 0aff000d
			 00010800
			 8007 0005 00000001 78
			 8000 0000`,
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
			"resolution that found nothing",
			Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 64, Type: ResolutionReply,
				Flags: ResolutionRouter | ResolutionSourceStable, RequestID: 2,
				SrcNBMA: spoke, SrcProtocol: spoke4, DstProtocol: hub4,
				CIEs: []CIE{{Code: NoBinding}},
			},
			`0001 0800 0000000000 40 0034 XXXX 0000 01 02 04 00
			 04 04 8800 00000002 64400003 0aff000d 0aff0001
			 0c 00 0000 0000 0000 00 00 00 00`,
		},
		{
			"registration refused",
			Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 255, Type: RegistrationReply,
				Flags: RegistrationUnique, RequestID: 3,
				SrcNBMA: spoke, SrcProtocol: spoke4, DstProtocol: hub4,
				CIEs: []CIE{{Code: UniqueAlreadyRegistered, PrefixLen: 0xff}, {Code: AdministrativelyRefused, PrefixLen: 24, Protocol: hub4}},
			},
			`0001 0800 0000000000 ff 0044 XXXX 0000 01 04 04 00
			 04 04 8000 00000003 64400003 0aff000d 0aff0001
			 0e ff 0000 0000 0000 00 00 00 00
			 04 18 0000 0000 0000 00 00 04 00 0aff0001`,
		},
		{
			"several vendors",
			Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: 255, Type: PurgeReply,
				SrcNBMA: spoke, SrcProtocol: spoke4, DstProtocol: hub4,
				Extensions: []Extension{
					NewVendorPrivate([3]byte{0, 0, 0x0c}, []byte{1, 2}),
					{Type: ReverseTransit, Compulsory: true},
					NewVendorPrivate([3]byte{0xac, 0xde, 0x48}, nil),
				},
			},
			`0001 0800 0000000000 ff 0040 XXXX 0028 01 06 04 00
			 04 04 0000 00000000 64400003 0aff000d 0aff0001
			 0008 0005 00000c 0102
			 8005 0000
			 0008 0003 acde48
			 8000 0000`,
		},
		{
			"IPv4 over IPv6",
			Packet{
				Family: FamilyIPv6, Protocol: ProtocolIPv4, Hops: 255, Type: RegistrationRequest, RequestID: 4,
				SrcNBMA: spoke6, SrcProtocol: spoke4, DstProtocol: hub4,
				CIEs: []CIE{{PrefixLen: 32, HoldingTime: 600, NBMA: spoke6, Protocol: spoke4}},
			},
			`0002 0800 0000000000 ff 0054 XXXX 0000 01 03 10 00
			 04 04 0000 00000004 20010db8000000000000000000000013 0aff000d 0aff0001
			 00 20 0000 0000 0258 10 00 04 00 20010db8000000000000000000000013 0aff000d`,
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

// TestUnusedFields: they are ignored, and sent as zero (RFC 2332, 5 to 5.3).
func TestUnusedFields(t *testing.T) {
	registration := fromHex(t, `0001 0800 0000000000 ff 0040 XXXX 0034 01 03 04 00
		04 04 0000 00000001 64400003 0aff000d 0aff0001
		00 20 0000 0000 0258 00 00 00 00
		8003 0004 01020304  8000 0000`)
	indication := fromHex(t, `0001 0800 0000000000 ff 0028 XXXX 0000 01 07 04 00
		04 04 0000 0003 0000 64400003 0aff000d 0aff0001`)
	for _, test := range []struct {
		name   string
		packet []byte
		unused map[int]byte
	}{
		{"long form of the protocol", registration, map[int]byte{4: 1, 8: 0xff}},
		{"form of an absent source subaddress", registration, map[int]byte{19: 0x40}},
		{"field of an entry", registration, map[int]byte{42: 1, 43: 0xff}},
		{"form of an entry's absent addresses", registration, map[int]byte{48: 0x40, 49: 0x40}},
		{"bit of an extension", registration, map[int]byte{52: 0xc0}},
		{"bit of the End", registration, map[int]byte{60: 0x40}},
		{"field of an error indication", indication, map[int]byte{22: 0x80, 23: 1}},
	} {
		b := append([]byte(nil), test.packet...)
		for at, value := range test.unused {
			b[at] = value
		}
		sum(b)
		p, err := Parse(b)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got, err := p.Marshal(); err != nil || hex.EncodeToString(got) != hex.EncodeToString(test.packet) {
			t.Errorf("%s is sent as %x, want %x (%v)", test.name, got, test.packet, err)
		}
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

func natExtension(t testing.TB, cies ...CIE) Extension {
	t.Helper()
	e, err := NewCIEExtension(NATAddress, false, FamilyIPv4, ProtocolIPv4, cies...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// sum puts the checksum into a packet.
func sum(b []byte) {
	b[12], b[13] = 0, 0
	binary.BigEndian.PutUint16(b[12:], checksum(b))
}

// fromHex returns the bytes of a packet and computes the checksum XXXX.
func fromHex(t *testing.T, text string) []byte {
	t.Helper()
	b := octets(t, strings.Replace(text, "XXXX", "0000", 1))
	sum(b)
	return b
}

// octets reads hexadecimal digits with blanks between them.
func octets(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
