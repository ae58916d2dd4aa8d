package ntb

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// octets reads hexadecimal digits; what follows a # on a line is a comment.
func octets(t testing.TB, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var vectors = []struct {
	name     string
	sequence uint16
	packets  []Packet
	octets   string
}{
	{"one packet of session 0", 7, []Packet{{Session(0), []byte{0x45, 1, 2}}}, `
		4e434d48 0c00 0700 2000 1000  # NCMH, 12 octets, number 7, block of 32, table at 16
		45010200
		49505300 1000 0000            # IPS0, 16 octets, the last
		0c00 0300 0000 0000`},
	{"two sessions and two packets", 0x1234, []Packet{
		{Session(0), []byte{0x45}}, {Session(0), []byte{0x46, 2}}, {Session(5), []byte{0x60, 2, 3, 4}}}, `
		4e434d48 0c00 3412 3c00 1800
		45000000 46020000 60020304
		49505300 1400 2c00 0c00 0100 1000 0200 0000 0000
		49505305 1000 0000 1400 0400 0000 0000`},
	{"an Ethernet frame", 0, []Packet{{Ethernet, []byte{1, 2, 3, 4, 5}}}, `
		4e434d48 0c00 0000 2400 1400
		01020304 05000000
		4e434d30 1000 0000 0c00 0500 0000 0000`},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		want := octets(t, v.octets)
		got, n := Pack(v.sequence, 16384, v.packets)
		if !bytes.Equal(got, want) || n != len(v.packets) {
			t.Errorf("%s: packed %d as\n% x, want\n% x", v.name, n, got, want)
		}
		sequence, packets, err := Parse(want)
		if err != nil || sequence != v.sequence || !reflect.DeepEqual(packets, v.packets) {
			t.Errorf("%s: parsed as %d %v, %v", v.name, sequence, packets, err)
		}
	}
}

// TestParseTakesWhatHostsSend: the table in front of the packets, an octet of
// padding behind the block, and a block that leaves its length to the transfer.
func TestParseTakesWhatHostsSend(t *testing.T) {
	want := []Packet{{Session(3), []byte{0x45, 9}}}
	for name, text := range map[string]string{
		"table first, one octet behind": "4e434d48 0c00 0000 1e00 0c00  49505303 1000 0000 1c00 0200 0000 0000  4509 00",
		"no length":                     "4e434d48 0c00 0000 0000 0c00  49505303 1000 0000 1c00 0200 0000 0000  4509",
		"entries behind the last":       "4e434d48 0c00 0000 2600 0c00  49505303 1800 0000 2400 0200 0000 0000 aaaa bbbb cccc dddd  4509",
	} {
		if _, got, err := Parse(octets(t, text)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		octets string
		want   error
	}{
		"nothing":                {"", ErrShort},
		"half a header":          {"4e434d48 0c00 0000 1000", ErrShort},
		"another signature":      {"6e636d68 0c00 0000 0000 0000", ErrSignature},
		"another header length":  {"4e434d48 1000 0000 0000 0000 00000000", ErrTable},
		"longer than it is":      {"4e434d48 0c00 0000 0d00 0000", ErrShort},
		"shorter than a header":  {"4e434d48 0c00 0000 0b00 0000", ErrShort},
		"table within header":    {"4e434d48 0c00 0000 0000 0800 49505300 1000 0000 0c00 0300 0000 0000", ErrTable},
		"table out of line":      {"4e434d48 0c00 0000 0000 0d00 00 49505300 1000 0000 0c00 0300 0000 0000", ErrTable},
		"table beyond the block": {"4e434d48 0c00 0000 0000 1000 49505300 1000 0000 0c00 0300 0000 0000", ErrTable},
		"table too short":        {"4e434d48 0c00 0000 0000 0c00 49505300 0c00 0000 0c00 0300 0000 0000", ErrTable},
		"table with half entry":  {"4e434d48 0c00 0000 0000 0c00 49505300 1200 0000 0c00 0300 0000 0000 0000", ErrTable},
		"table that is cut off":  {"4e434d48 0c00 0000 0000 0c00 49505300 1400 0000 0c00 0300 0000 0000", ErrTable},
		"packet within header":   {"4e434d48 0c00 0000 0000 0c00 49505300 1000 0000 0b00 0300 0000 0000", ErrTable},
		"packet that is cut off": {"4e434d48 0c00 0000 0000 0c00 49505300 1000 0000 1800 0500 0000 0000", ErrTable},
		"table after itself":     {"4e434d48 0c00 0000 0000 0c00 49505300 1000 0c00 0c00 0300 0000 0000", ErrTable},
	} {
		if _, packets, err := Parse(octets(t, test.octets)); !errors.Is(err, test.want) || packets != nil {
			t.Errorf("%s: %v, %v, want %v", name, packets, err, test.want)
		}
	}
}

func TestPackKeepsTheLimit(t *testing.T) {
	big := bytes.Repeat([]byte{0x45}, 1400)
	var packets []Packet
	for i := range 9 {
		packets = append(packets, Packet{Session(uint8(i % 3)), big})
	}
	sent := 0
	for turns := 0; len(packets) > 0; turns++ {
		block, n := Pack(0, 4096, packets)
		if len(block) > 4096 || n != min(2, len(packets)) || turns > 9 {
			t.Fatalf("packed %d in %d octets, want 2", n, len(block))
		}
		_, parsed, err := Parse(block)
		if err != nil || !reflect.DeepEqual(parsed, packets[:n]) {
			t.Fatalf("parsed otherwise than packed: %v", err)
		}
		packets, sent = packets[n:], sent+n
	}
	if sent != 9 {
		t.Errorf("sent %d packets of 9", sent)
	}
}

func TestPackLeavesOutWhatNeverFits(t *testing.T) {
	good := Packet{Session(0), []byte{0x45}}
	block, n := Pack(0, 64, []Packet{{Session(0), nil}, {Session(0), make([]byte, 100)}, good})
	_, packets, err := Parse(block)
	if err != nil || n != 3 || !reflect.DeepEqual(packets, []Packet{good}) {
		t.Errorf("packed %d: %v, %v", n, packets, err)
	}
	if block, n := Pack(0, 64, []Packet{{Session(0), make([]byte, 100)}}); block != nil || n != 1 {
		t.Errorf("a block without packets: % x", block)
	}
}

func TestStreamNames(t *testing.T) {
	for stream, want := range map[Stream]string{
		Session(0): "IPS0", Session(255): "IPS255", Ethernet: "NCM0", serviceSignature | 2<<24: "DSS2", 1: "stream 0x00000001",
	} {
		if got := stream.String(); got != want {
			t.Errorf("%#x is %q, want %q", uint32(stream), got, want)
		}
	}
	if n, ok := Session(200).Session(); n != 200 || !ok {
		t.Errorf("session 200 is session %d, %v", n, ok)
	}
	if _, ok := Ethernet.Session(); ok {
		t.Error("Ethernet is a session")
	}
}

// FuzzParse: what is read fits into the octets it was read from, and packed again
// it is the same.
func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(octets(f, v.octets))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sequence, packets, err := Parse(b)
		if err != nil {
			return
		}
		if len(packets)*entryLen > len(b) {
			t.Fatalf("%d packets out of %d octets", len(packets), len(b))
		}
		for len(packets) > 0 {
			block, n := Pack(sequence, MaxLen, packets)
			again, parsed, err := Parse(block)
			if err != nil || again != sequence || !reflect.DeepEqual(parsed, packets[:n]) {
				t.Fatalf("packed otherwise than parsed: %v", err)
			}
			packets = packets[n:]
		}
	})
}
