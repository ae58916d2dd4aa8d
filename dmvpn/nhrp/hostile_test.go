package nhrp

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
)

// TestParseAllocates: memory for what a packet holds is bounded by its size,
// and is taken in few pieces however many things it holds.
func TestParseAllocates(t *testing.T) {
	headers := octets(t, `0001 0800 0000000000 ff 0000 0000 0000 01 03 04 00
		04 04 0000 00000001 64400003 0aff000d 0aff0001`)
	// packet puts rest behind the headers, as entries or as extensions.
	packet := func(extensions uint16, rest []byte) []byte {
		b := append(bytes.Clone(headers), rest...)
		binary.BigEndian.PutUint16(b[10:], uint16(len(b)))
		binary.BigEndian.PutUint16(b[14:], extensions)
		sum(b)
		return b
	}
	const most = 0xffff - 40
	for _, test := range []struct {
		name   string
		packet []byte
		fails  bool
		// cies and extensions is how many there are.
		cies, extensions int
	}{
		{"entries without addresses", packet(0, make([]byte, most/12*12)), false, most / 12, 0},
		{"extensions without values", packet(40, bytes.Repeat([]byte{0, 0x33, 0, 0}, most/4)), false, 0, most / 4},
		{"one long extension", packet(40, append([]byte{0, 0x33, 0xff, 0xd3}, make([]byte, 0xffd3)...)), false, 0, 1},
		{"one that claims more than there is", packet(40, append([]byte{0, 0x33, 0xff, 0xd4}, make([]byte, 0xffd3)...)), true, 0, 0},
		{"many, the last of which is torn", packet(40, bytes.Repeat([]byte{0, 0x33, 0, 0}, most/4+1)[:most]), true, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := Parse(test.packet)
			if (err != nil) != test.fails {
				t.Fatalf("Parse = %v", err)
			}
			if err == nil && (len(p.CIEs) != test.cies || len(p.Extensions) != test.extensions) {
				t.Errorf("%d entries and %d extensions", len(p.CIEs), len(p.Extensions))
			}
			if n := testing.AllocsPerRun(5, func() { _, _ = Parse(test.packet) }); n > 16 {
				t.Errorf("%v allocations", n)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = Parse(test.packet)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 12*uint64(len(test.packet)) {
				t.Errorf("%d octets of memory for a packet of %d", n, len(test.packet))
			}
		})
	}
}
