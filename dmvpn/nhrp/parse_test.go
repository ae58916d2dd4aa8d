package nhrp

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
)

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
		offset int
		want   string
	}{
		{"empty", func(b []byte) []byte { return nil }, 0, "0 octets are less than the 28"},
		{"cut", func(b []byte) []byte { return b[:67] }, 10, "packet size at offset 10 is 68, of 67"},
		{"size below headers", set(11, 27), 10, "packet size at offset 10 is 27"},
		{"version", set(16, 2), 16, "version at offset 16 is 2"},
		{"family", set(1, 8), 0, "address family at offset 0 is 8"},
		{"protocol", set(3, 6), 2, "protocol type at offset 2 is 0x0806"},
		{"extensions offset past the end", set(15, 69), 14, "extensions offset at offset 14 is 69"},
		{"extensions offset inside the headers", set(15, 20), 14, "extensions offset at offset 14 is 20"},
		{"E.164 source", set(18, 0x44), 28, "NBMA address at offset 28 is of type 0x40"},
		{"source length", set(18, 6), 28, "NBMA address at offset 28 has 6 octets, its family 4"},
		{"subaddress past the end", set(19, 63), 32, "NBMA subaddress at offset 32 needs 63 octets, 28 are left"},
		{"protocol address length", set(20, 16), 32, "source protocol address at offset 32 has 16 octets"},
		{"entry's subaddress past the end", set(49, 17), 56, "NBMA subaddress at offset 56 needs 17 octets, 4 are left"},
		{"entry's protocol address past the end", set(50, 16), 56, "protocol address at offset 56 has 16 octets, its family 4"},
		{"cut entry", set(15, 50), 40, "client information entry at offset 40 needs 12 octets, 10 are left"},
		{"entry's address", set(48, 3), 52, "NBMA address at offset 52 has 3 octets"},
		{"extension past the end", set(63, 5), 64, "extension value at offset 64 needs 5 octets, 4 are left"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := test.change(append([]byte(nil), registration...))
			if len(b) == len(registration) {
				sum(b)
			}
			_, err := Parse(b)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("err = %v, want it to contain %q", err, test.want)
			}
			var fault *Fault
			if !errors.As(err, &fault) || fault.Code != ProtocolError || fault.Offset != test.offset {
				t.Errorf("fault = %+v, want a protocol error at %d", fault, test.offset)
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

func set(offset int, value byte) func([]byte) []byte {
	return func(b []byte) []byte {
		b[offset] = value
		return b
	}
}
