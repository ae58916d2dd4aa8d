package wire

import (
	"bytes"
	"errors"
	"testing"
)

// header is that of a message without payloads, with the given next payload,
// version and flags.
func header(t testing.TB, version, flags string) []byte {
	return octets(t, "1122334455667788 99aabbccddeeff00 00", version, "25", flags, "00000007 0000001c")
}

func TestHeaderFields(t *testing.T) {
	h, err := ParseHeader(header(t, "20", "20"))
	want := Header{SPIi: 0x1122334455667788, SPIr: 0x99aabbccddeeff00, Exchange: Informational, Flags: FlagResponse, MessageID: 7}
	if err != nil || h != want {
		t.Errorf("ParseHeader = %+v, %v; want %+v", h, err, want)
	}
}

func TestMinorVersionIsIgnored(t *testing.T) {
	for _, version := range []string{"20", "21", "2f"} {
		if _, err := Parse(header(t, version, "08")); err != nil {
			t.Errorf("version %s: %v", version, err)
		}
	}
}

func TestReservedFlagsAreIgnored(t *testing.T) {
	for flags, want := range map[string][2]bool{ // from the initiator, a response
		"c7": {false, false}, "cf": {true, false}, "e7": {false, true}, "ff": {true, true}, "18": {true, false},
	} {
		h, err := ParseHeader(header(t, "20", flags))
		if got := [2]bool{h.FromInitiator(), h.Response()}; err != nil || got != want {
			t.Errorf("flags %s are read as %v, %v; want %v", flags, got, err, want)
		}
	}
}

func TestOtherMajorVersions(t *testing.T) {
	for version, major := range map[string]uint8{"10": 1, "00": 0, "30": 3, "f0": 15} {
		var other *VersionError
		if _, err := Parse(header(t, version, "08")); !errors.As(err, &other) || other.Major != major {
			t.Errorf("version %s: %v, want a VersionError of %d", version, err, major)
		}
	}
}

func TestExchangesWeDoNotKnowAreParsed(t *testing.T) {
	b := header(t, "20", "08")
	b[18] = 240
	if m, err := Parse(b); err != nil || m.Exchange != 240 {
		t.Errorf("Parse = %+v, %v", m, err)
	}
}

// everyPayload is one of each kind.
func everyPayload() []Payload {
	return []Payload{
		SA{Proposals: []Proposal{
			{Number: 1, Protocol: ProtocolESP, SPI: []byte{1, 2, 3, 4}, Transforms: []Transform{{Type: Encryption, ID: 20, KeyBits: 256}, {Type: ESN}}},
			{Number: 2, Protocol: ProtocolESP, SPI: []byte{1, 2, 3, 4}, Transforms: []Transform{{Type: Encryption, ID: 12, KeyBits: 128}, {Type: Integrity, ID: 12}, {Type: ESN}}},
		}},
		KE{Group: 31, Data: make([]byte, 32)},
		ID{Form: IDKeyID, Data: []byte("spoke")}, ID{Responder: true, Form: IDFQDN, Data: []byte("hub")},
		Auth{Method: AuthSharedKey, Data: make([]byte, 32)},
		Nonce(make([]byte, 32)),
		Notify{Kind: InitialContact}, Notify{Protocol: ProtocolESP, Kind: RekeySA, SPI: []byte{1, 2, 3, 4}},
		Delete{Protocol: ProtocolIKE}, Delete{Protocol: ProtocolESP, SPIs: []uint32{256, 257}},
		VendorID("Farspoke"),
		TS{Selectors: []Selector{AnySelector(47)}}, TS{Responder: true, Selectors: []Selector{AnySelector(47)}},
	}
}

// reserved returns the offsets of the octets of everyPayload's message that the
// RFC reserves.
func reserved() []int {
	offset := headerLength
	var all []int
	for _, p := range everyPayload() {
		body := p.appendBody(nil)
		all = append(all, offset+1) // of the generic header, beside the critical bit
		offset += genericHeaderLength
		switch p.(type) {
		case KE:
			all = append(all, offset+2, offset+3)
		case ID, Auth, TS:
			all = append(all, offset+1, offset+2, offset+3)
		case SA:
			all = append(all, offset+1, offset+13, offset+17) // first proposal and its first transform
		}
		offset += len(body)
	}
	return all
}

func TestReservedFieldsAreSentAsZero(t *testing.T) {
	m := &Message{Header: Header{SPIi: 1, Exchange: IKESAInit, Flags: FlagInitiator}, Payloads: everyPayload()}
	b := m.Marshal()
	if b[17] != 0x20 || b[19] != byte(FlagInitiator) {
		t.Errorf("version %02x and flags %02x, want 20 and 08", b[17], b[19])
	}
	for _, at := range reserved() {
		if b[at] != 0 {
			t.Errorf("octet %d is %02x, and reserved", at, b[at])
		}
	}
}

func TestReservedFieldsAreIgnored(t *testing.T) {
	m := &Message{Header: Header{SPIi: 1, Exchange: IKESAInit, Flags: FlagInitiator}, Payloads: everyPayload()}
	b := m.Marshal()
	for _, at := range reserved() {
		b[at] |= 0x7f
	}
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if again := got.Marshal(); !bytes.Equal(again, m.Marshal()) {
		t.Errorf("what reserved fields hold changes the message:\n got %x\nwant %x", again, m.Marshal())
	}
}

func TestCriticalIsNeverSetByUs(t *testing.T) {
	b := (&Message{Payloads: everyPayload()}).Marshal()
	for offset := headerLength; offset < len(b); {
		if b[offset+1] != 0 {
			t.Errorf("the payload at octet %d is sent with flags %02x", offset, b[offset+1])
		}
		offset += int(b[offset+2])<<8 | int(b[offset+3])
	}
}

func TestCriticalDoesNotMatterInKnownPayloads(t *testing.T) {
	for _, p := range append(everyPayload(), Raw{Number: TypeCert}, Raw{Number: TypeCertReq}, Raw{Number: TypeConfigure}, Raw{Number: TypeEAP}) {
		first, b := MarshalPayloads([]Payload{p})
		b[1] = criticalPayload
		payloads, err := ParsePayloads(first, b)
		if err != nil || len(payloads) != 1 {
			t.Errorf("%s with the critical bit: %v, %v", first, payloads, err)
		}
		if unknown, critical := UnknownCritical(payloads); critical {
			t.Errorf("%s counts as unknown", unknown)
		}
	}
}

func TestPayloadsWeDoNotKnowAreSkipped(t *testing.T) {
	m := &Message{Header: Header{SPIi: 1}, Payloads: []Payload{
		Raw{Number: 200, Body: []byte("anything")}, Nonce(make([]byte, 16)), Raw{Number: 1}, Notify{Kind: 50000},
	}}
	got, err := Parse(m.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := Find[Nonce](got.Payloads); !ok || len(got.Payloads) != 4 {
		t.Errorf("payloads %v", got.Payloads)
	}
	if _, critical := UnknownCritical(got.Payloads); critical {
		t.Error("an unknown payload that may be skipped counts as critical")
	}
}

func TestEncryptedHoldsNoOther(t *testing.T) {
	if _, err := ParsePayloads(TypeEncrypted, octets(t, "00000008 00000000")); err == nil {
		t.Error("an encrypted payload inside another is accepted")
	}
}

// TestLongMessages goes up to what the RFC wants every implementation to take,
// and beyond.
func TestLongMessages(t *testing.T) {
	for _, size := range []int{1280, 3000, MaxMessage} {
		m := &Message{Header: Header{SPIi: 1}}
		for left := size - headerLength; left > 0; {
			n := min(left, 60000)
			m.Payloads = append(m.Payloads, VendorID(make([]byte, n-genericHeaderLength)))
			left -= n
		}
		if b := m.Marshal(); len(b) != size {
			t.Fatalf("made %d octets, want %d", len(b), size)
		} else if _, err := Parse(b); err != nil {
			t.Errorf("a message of %d octets: %v", size, err)
		}
	}
}
