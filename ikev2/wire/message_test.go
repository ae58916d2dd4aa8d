package wire

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// octets joins hex text in which blanks and line ends are free.
func octets(t testing.TB, lines ...string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(lines, ""), " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// same compares payloads; netip.Addr has unexported fields.
var same = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}

func TestInitRequestBothWays(t *testing.T) {
	b := octets(t,
		"1122334455667788 0000000000000000 21 20 22 08 00000000 0000009a",
		// SA: one AEAD proposal and one with integrity.
		"22 00 0054",
		"02 00 0024 01 01 00 03", "03 00 000c 01 00 0014 800e0100", "03 00 0008 02 00 0006", "00 00 0008 04 00 0014",
		"00 00 002c 02 01 00 04", "03 00 000c 01 00 000c 800e0100", "03 00 0008 02 00 0005", "03 00 0008 03 00 000c", "00 00 0008 04 00 000e",
		"28 00 000c 0014 0000 cafef00d",
		"29 00 0014 000102030405060708090a0b0c0d0e0f",
		"00 00 000a 00 00 402e 0002",
	)
	want := &Message{
		Header: Header{SPIi: 0x1122334455667788, Exchange: IKESAInit, Flags: FlagInitiator},
		Payloads: []Payload{
			SA{Proposals: []Proposal{
				{Number: 1, Protocol: ProtocolIKE, Transforms: []Transform{
					{Type: Encryption, ID: 20, KeyBits: 256}, {Type: PRF, ID: 6}, {Type: Group, ID: 20},
				}},
				{Number: 2, Protocol: ProtocolIKE, Transforms: []Transform{
					{Type: Encryption, ID: 12, KeyBits: 256}, {Type: PRF, ID: 5}, {Type: Integrity, ID: 12}, {Type: Group, ID: 14},
				}},
			}},
			KE{Group: 20, Data: octets(t, "cafef00d")},
			Nonce(octets(t, "000102030405060708090a0b0c0d0e0f")),
			Notify{Kind: FragmentationSupported, Data: octets(t, "0002")},
		},
	}
	if got := want.Marshal(); !cmp.Equal(got, b) {
		t.Errorf("Marshal:\n got %x\nwant %x", got, b)
	}
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

func TestPayloadsBothWays(t *testing.T) {
	addr := netip.MustParseAddr
	for name, test := range map[string]struct {
		first   PayloadType
		octets  string
		payload Payload
	}{
		"IDi address":    {TypeIDi, "0000000c 01000000 c0000201", ID{Form: IDIPv4Addr, Data: []byte{192, 0, 2, 1}}},
		"IDr name":       {TypeIDr, "0000000b 02000000 687562", ID{Responder: true, Form: IDFQDN, Data: []byte("hub")}},
		"AUTH":           {TypeAuth, "0000000a 02000000 abcd", Auth{Method: AuthSharedKey, Data: []byte{0xab, 0xcd}}},
		"cookie":         {TypeNotify, "0000000a 0000 4006 0102", Notify{Kind: Cookie, Data: []byte{1, 2}}},
		"rekey":          {TypeNotify, "0000000c 0304 4009 c1a2b3c4", Notify{Protocol: ProtocolESP, Kind: RekeySA, SPI: []byte{0xc1, 0xa2, 0xb3, 0xc4}}},
		"delete IKE SA":  {TypeDelete, "00000008 01000000", Delete{Protocol: ProtocolIKE}},
		"delete ESP SAs": {TypeDelete, "00000010 03040002 00000100 c1a2b3c4", Delete{Protocol: ProtocolESP, SPIs: []uint32{0x100, 0xc1a2b3c4}}},
		"vendor":         {TypeVendorID, "00000006 abcd", VendorID{0xab, 0xcd}},
		"GRE between hosts": {TypeTSi, "00000018 01000000 072f0010 0000ffff 0a000001 0a000001",
			TS{Selectors: []Selector{HostSelector(addr("10.0.0.1"), 47)}}},
		"any GRE": {TypeTSr, "00000018 01000000 072f0010 0000ffff 00000000 ffffffff",
			TS{Responder: true, Selectors: []Selector{AnySelector(47)}}},
		"IPv6": {TypeTSr, "00000030 01000000 08000028 0000ffff 20010db8000000000000000000000001 20010db8000000000000000000000001",
			TS{Responder: true, Selectors: []Selector{HostSelector(addr("2001:db8::1"), 0)}}},
		"ESP proposal": {TypeSA, "0000002c 00000028 01030403 c1a2b3c4 0300000c 01000014 800e0080 03000008 0400001f 00000008 05000000",
			SA{Proposals: []Proposal{{Number: 1, Protocol: ProtocolESP, SPI: []byte{0xc1, 0xa2, 0xb3, 0xc4}, Transforms: []Transform{
				{Type: Encryption, ID: 20, KeyBits: 128}, {Type: Group, ID: 31}, {Type: ESN},
			}}}}},
		"unknown and critical": {99, "00800005 07", Raw{Number: 99, Critical: true, Body: []byte{7}}},
	} {
		t.Run(name, func(t *testing.T) {
			b := octets(t, test.octets)
			got, err := ParsePayloads(test.first, b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]Payload{test.payload}, got, same); diff != "" {
				t.Errorf("ParsePayloads (-want +got):\n%s", diff)
			}
			first, back := MarshalPayloads([]Payload{test.payload})
			if first != test.first || !cmp.Equal(back, b) {
				t.Errorf("MarshalPayloads = %s %x, want %s %x", first, back, test.first, b)
			}
		})
	}
}

func TestEncryptedBothWays(t *testing.T) {
	header := Header{SPIi: 1, SPIr: 2, Exchange: IKEAuth, Flags: FlagInitiator, MessageID: 1}
	body := octets(t, "00112233445566778899")
	b := append(MarshalEncrypted(header, TypeIDi, len(body)), body...)
	want := octets(t, "0000000000000001 0000000000000002 2e202308 00000001 0000002a", "2300000e 00112233445566778899")
	if !cmp.Equal(b, want) {
		t.Fatalf("MarshalEncrypted:\n got %x\nwant %x", b, want)
	}
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if m.Encrypted.First != TypeIDi || !cmp.Equal(m.Encrypted.Associated, want[:32]) || !cmp.Equal(m.Encrypted.Body, body) {
		t.Errorf("Parse: %+v", m.Encrypted)
	}
}

// hostile are datagrams that have crashed IKE daemons, or would a careless
// parser; each must be refused, with the offset of what is wrong.
var hostile = map[string]struct {
	octets string
	offset int
}{
	"shorter than a header":           {"112233", 3},
	"length beyond the datagram":      {"1122334455667788 0000000000000000 00202208 00000000 000000ff", 24},
	"payload announced but absent":    {"1122334455667788 0000000000000000 21202208 00000000 0000001c", 28},
	"payload length below its header": {"1122334455667788 0000000000000000 28202208 00000000 00000020 00000003", 30},
	"payload length beyond the end":   {"1122334455667788 0000000000000000 28202208 00000000 00000020 000000ff", 30},
	"octets after the last payload":   {"1122334455667788 0000000000000000 00202208 00000000 00000020 00000000", 28},
	"notify SPI wraps an octet":       {"1122334455667788 0000000000000000 29202208 00000000 00000024 00000008 00fc0000", 36},
	"proposal SPI wraps an octet":     {"1122334455667788 0000000000000000 21202208 00000000 00000028 0000000c 00000008 0101fc00", 34},
	"SPI longer than its proposal":    {"1122334455667788 0000000000000000 21202208 00000000 0000002c 00000010 00000008 01010400 11223344", 34},
	"proposal of length zero":         {"1122334455667788 0000000000000000 21202208 00000000 00000028 0000000c 00000000 01010000", 34},
	"SA without a proposal":           {"1122334455667788 0000000000000000 21202208 00000000 00000020 00000004", 32},
	"transform of length zero":        {"1122334455667788 0000000000000000 21202208 00000000 00000030 00000014 00000010 01010001 00000000 01000014", 42},
	"transform missing":               {"1122334455667788 0000000000000000 21202208 00000000 00000028 0000000c 00000008 01010001", 40},
	"attribute beyond its transform":  {"1122334455667788 0000000000000000 21202208 00000000 00000034 00000018 00000014 01010001 0000000c 01000014 000e00ff", 52},
	"delete with a torn SPI":          {"1122334455667788 0000000000000000 2a202208 00000000 00000026 0000000a 03040001 1122", 33},
	"delete with a huge count":        {"1122334455667788 0000000000000000 2a202208 00000000 00000024 00000008 0300ffff", 34},
	"KE without a group":              {"1122334455667788 0000000000000000 22202208 00000000 00000020 00000004", 32},
	"nonce too short":                 {"1122334455667788 0000000000000000 28202208 00000000 00000021 00000005 00", 32},
	"no selectors":                    {"1122334455667788 0000000000000000 2c202208 00000000 00000024 00000008 00000000", 32},
	"selector too short":              {"1122334455667788 0000000000000000 2c202208 00000000 0000002c 00000010 01000000 07000004 00000000", 38},
	"selector with torn addresses":    {"1122334455667788 0000000000000000 2c202208 00000000 0000002e 00000012 01000000 0700000a 0000ffff 0a00", 38},
	"octets after SK":                 {"1122334455667788 0000000000000000 2e202308 00000001 00000024 28000004 00000004", 32},
}

func TestParseRefusesHostile(t *testing.T) {
	for name, test := range hostile {
		t.Run(name, func(t *testing.T) {
			m, err := Parse(octets(t, test.octets))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("Parse = %+v, %v; want an Error", m, err)
			}
			if e.Offset != test.offset {
				t.Errorf("offset %d, want %d: %v", e.Offset, test.offset, err)
			}
		})
	}
}

func TestParseRefusesOtherVersions(t *testing.T) {
	_, err := Parse(octets(t, "1122334455667788 0000000000000000 01100200 00000000 0000001c"))
	var version *VersionError
	if !errors.As(err, &version) || version.Major != 1 {
		t.Errorf("Parse = %v, want a VersionError for IKEv1", err)
	}
}

func TestUnknownCritical(t *testing.T) {
	known := []Payload{Raw{Number: TypeCert, Critical: true}, Raw{Number: 99}}
	if got, ok := UnknownCritical(known); ok {
		t.Errorf("UnknownCritical = %s, want none", got)
	}
	if got, ok := UnknownCritical(append(known, Raw{Number: 100, Critical: true})); !ok || got != 100 {
		t.Errorf("UnknownCritical = %s, %v; want payload 100", got, ok)
	}
}

func TestIdentity(t *testing.T) {
	for text, form := range map[string]IDType{
		"192.0.2.1": IDIPv4Addr, "2001:db8::1": IDIPv6Addr,
		"hub1.example.net": IDFQDN, "ops@example.net": IDRFC822Addr, "key-id:branch-17": IDKeyID,
	} {
		id, err := ParseIdentity(text)
		if err != nil || id.Form != form || id.String() != text {
			t.Errorf("ParseIdentity(%q) = %v of form %d, %v", text, id, id.Form, err)
		}
	}
	name := ID{Form: IDFQDN, Data: []byte("192.0.2.1")}
	if name.Same(AddressIdentity(netip.MustParseAddr("192.0.2.1"))) {
		t.Error("a name that looks like an address is taken for the address")
	}
	if !name.Same(ID{Responder: true, Form: IDFQDN, Data: []byte("192.0.2.1")}) {
		t.Error("the role makes an identity another")
	}
	for _, bad := range []string{"", "two words", "ümlaut.example.net", "key-id:", "line\nend"} {
		if id, err := ParseIdentity(bad); err == nil {
			t.Errorf("ParseIdentity(%q) = %v, want an error", bad, id)
		}
	}
}
