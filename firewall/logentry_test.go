package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// logMessage is what the kernel sends, as a little-endian machine sees it:
// lengths and types of attributes in its order, values in the network's.
func logMessage(number, in, out byte, prefix string, packet []byte) []byte {
	message := slices.Concat(
		[]byte{2, 0, 0, 17},             // AF_INET, version 0, group 17
		[]byte{8, 0, 1, 0, 8, 0, 1, 0},  // NFULA_PACKET_HDR: IPv4, hook 1
		attribute(10, prefix+"\x00"),    // NFULA_PREFIX
		[]byte{8, 0, 12, 0, 0, 0, 0, 0}, // NFULA_SEQ
		[]byte{8, 0, 4, 0, 0, 0, 0, in}, // NFULA_IFINDEX_INDEV
		[]byte{8, 0, 5, 0, 0, 0, 0, out},
		attribute(9, string(packet)), // NFULA_PAYLOAD
	)
	message[4+8+len(attribute(10, prefix+"\x00"))+7] = number
	return message
}

// attribute pads the value to a multiple of four.
func attribute(kind byte, value string) []byte {
	length := 4 + len(value)
	data := append([]byte{byte(length), byte(length >> 8), kind, 0}, value...)
	return append(data, make([]byte, -length&3)...)
}

func newReader() *logReader {
	return &logReader{nameOf: func(index uint32) string { return fmt.Sprintf("dev%d", index) }}
}

func TestLine(t *testing.T) {
	syn := packets["TCP SYN"].data
	line, ok := newReader().line(logMessage(0, 3, 7, "drop outside inside web, mail", syn))
	if !ok {
		t.Fatal("the line is passed over")
	}
	if age := time.Since(line.Time); age < 0 || age > time.Minute {
		t.Errorf("the line is of %s", line.Time)
	}
	want := Logged{
		Decision: Decision{"drop", "outside", "inside", "web, mail"},
		In:       "dev3", Out: "dev7",
		Headers: Headers{
			Protocol: "tcp", Source: netip.MustParseAddr("198.51.100.7"), Destination: netip.MustParseAddr("203.0.113.2"),
			SourcePort: 40120, DestinationPort: 23, Flags: "SYN",
		},
	}
	if diff := cmp.Diff(want, line, cmpopts.EquateComparable(netip.Addr{}), cmpopts.IgnoreFields(Logged{}, "Time")); diff != "" {
		t.Errorf("the line differs (-want +got):\n%s", diff)
	}
}

// TestLinesLost has lines missing at the start, before a line of others, and
// across the end of the count.
func TestLinesLost(t *testing.T) {
	r := newReader()
	read := func(number byte, prefix string) (uint32, bool) {
		line, ok := r.line(logMessage(number, 0, 0, prefix, ipv4Header(17)))
		return line.Lost, ok
	}
	for _, step := range []struct {
		number byte
		others bool
		lost   uint32
	}{
		{number: 2, lost: 2},
		{number: 3},
		{number: 7, others: true},
		{number: 9, lost: 3 + 1},
	} {
		prefix := "drop a b c"
		if step.others {
			prefix = "somebody else's"
		}
		lost, ok := read(step.number, prefix)
		if ok == step.others || lost != step.lost {
			t.Errorf("line %d: %d lost, %t; want %d", step.number, lost, ok, step.lost)
		}
	}
	r.next = 1<<32 - 1
	if lost, _ := read(1, "drop a b c"); lost != 2 {
		t.Errorf("across the end of the count: %d lost, want 2", lost)
	}
}

func TestBadLogEntries(t *testing.T) {
	good := logMessage(0, 3, 7, "drop a b c", ipv4Header(17))
	for name, message := range map[string][]byte{
		"nothing":                  nil,
		"half a header":            good[:3],
		"no attributes":            good[:4],
		"attribute beyond the end": good[:len(good)-1],
		"short number":             slices.Concat(good[:4], []byte{6, 0, 12, 0, 0, 1, 0, 0}),
		"short device":             slices.Concat(good, []byte{6, 0, 4, 0, 0, 1, 0, 0}),
		"length of nothing":        slices.Concat(good[:4], []byte{0, 0, 12, 0}),
	} {
		if line, ok := newReader().line(message); ok {
			t.Errorf("%s is read as %+v", name, line)
		}
	}
}

func FuzzLogEntry(f *testing.F) {
	f.Add(logMessage(0, 3, 7, "drop outside self default", packets["TCP SYN"].data))
	f.Add(logMessage(200, 0, 1, "pass   default", packets["extension headers"].data))
	f.Add([]byte{10, 0, 0, 17, 0, 0, 12, 0})
	f.Fuzz(func(t *testing.T, message []byte) {
		e, err := parseLogEntry(message)
		if err == nil && len(e.packet)+len(e.prefix) > len(message) {
			t.Errorf("%x holds %d octets of packet and the prefix %q", message, len(e.packet), e.prefix)
		}
		newReader().line(message)
	})
}
