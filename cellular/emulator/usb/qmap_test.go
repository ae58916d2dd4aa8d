package usb

import (
	"bytes"
	"reflect"
	"testing"
)

func TestQMAP(t *testing.T) {
	one, two := Packet{1, []byte{0x45, 1, 2}}, Packet{7, []byte{0x60, 1, 2, 3}}
	want := octets(t, "01 01 0004 450102 00  00 07 0004 60010203")
	if got := appendQMAP(appendQMAP(nil, one), two); !bytes.Equal(got, want) || len(got) != qmapLen(one)+qmapLen(two) {
		t.Errorf("written % x, want % x", got, want)
	}
	for name, test := range map[string]struct {
		octets string
		want   []Packet
	}{
		"two, of which one is padded": {"01 01 0004 450102 00  00 07 0004 60010203", []Packet{one, two}},
		"not padded":                  {"00 01 0003 450102", []Packet{one}},
		"a command before":            {"80 01 0002 aabb  00 01 0003 450102", []Packet{one}},
		"nothing but padding":         {"02 01 0002 0000  00 01 0003 450102", []Packet{one}},
		"cut short":                   {"00 01 0003 450102  00 07 0004 600102", []Packet{one}},
		"padding beyond the packet":   {"03 01 0002 aabb  00 01 0003 450102", nil},
		"half a header":               {"00 01 00", nil},
		"nothing":                     {"", nil},
	} {
		if got := parseQMAP(octets(t, test.octets)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// FuzzQMAP: what is read is no more than there is, and written it reads the same.
func FuzzQMAP(f *testing.F) {
	f.Add(octets(f, "01 01 0004 450102 00  00 07 0004 60010203"))
	f.Fuzz(func(t *testing.T, b []byte) {
		packets := parseQMAP(b)
		var written []byte
		size := 0
		for _, p := range packets {
			if len(p.Data) > 0xfff0 {
				return // for which no header has room once it is padded
			}
			written = appendQMAP(written, p)
			size += qmapHeader + len(p.Data)
		}
		if size > len(b) {
			t.Fatalf("%d octets out of %d", size, len(b))
		}
		if again := parseQMAP(written); !reflect.DeepEqual(again, packets) {
			t.Fatalf("%v written as % x, and read as %v", packets, written, again)
		}
	})
}
