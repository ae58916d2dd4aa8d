package fip

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

func sample() *Package {
	return &Package{Flags: 7, Images: []Image{
		{ID: BL31, Data: []byte("thirty-one")},
		{ID: BL33, Flags: 9, Data: []byte("boot loader")},
	}}
}

// sampleOctets are the sample at multiples of 16, octet by octet.
var sampleOctets = strings.Join([]string{
	"010064aa78563412", "0700000000000000",
	"47d4086d4cfe98469b952950cbbd5a00", "9000000000000000", "0a00000000000000", "0000000000000000",
	"d6d0eea7fcead54b97829934f234b6e4", "a000000000000000", "0b00000000000000", "0900000000000000",
	"00000000000000000000000000000000", "b000000000000000", "0000000000000000", "0000000000000000",
	"0000000000000000", // up to 0x90
	hex.EncodeToString([]byte("thirty-one\x00\x00\x00\x00\x00\x00boot loader\x00\x00\x00\x00\x00")),
}, "")

func TestMarshal(t *testing.T) {
	if got := hex.EncodeToString(sample().Marshal(16)); got != sampleOctets {
		t.Errorf("got\n%s\nwant\n%s", got, sampleOctets)
	}
}

func TestParse(t *testing.T) {
	octets, err := hex.DecodeString(sampleOctets)
	if err != nil {
		t.Fatal(err)
	}
	for _, behind := range []string{"", "\xff\xff"} {
		got, err := Parse(append(bytes.Clone(octets), behind...))
		if err != nil || !reflect.DeepEqual(got, sample()) {
			t.Errorf("with %q behind it: %+v, %v", behind, got, err)
		}
	}
	if m := sample().Find(BL33); m == nil || string(m.Data) != "boot loader" {
		t.Errorf("the boot loader is %+v", m)
	}
	if m := sample().Find(BL2); m != nil {
		t.Errorf("BL2 is %+v", m)
	}
}

func TestParseRefuses(t *testing.T) {
	octets, _ := hex.DecodeString(sampleOctets)
	second := headerSize + entrySize
	for name, broken := range map[string]func(b []byte) []byte{
		"nothing":            func([]byte) []byte { return nil },
		"another magic":      func(b []byte) []byte { b[0]++; return b },
		"no end of the list": func(b []byte) []byte { return b[:second+entrySize+entrySize-1] },
		"an offset beyond":   func(b []byte) []byte { b[second+17] = 1; return b },
		"a size beyond":      func(b []byte) []byte { b[second+24+7] = 0xff; return b },
		"an image twice":     func(b []byte) []byte { copy(b[second:], BL31[:]); return b },
		"too many images": func(b []byte) []byte {
			entries := make([]byte, (maxImages+1)*entrySize)
			for i := range maxImages + 1 {
				entries[i*entrySize] = byte(i + 1)
			}
			return append(b[:headerSize], append(entries, make([]byte, entrySize)...)...)
		},
	} {
		if p, err := Parse(broken(bytes.Clone(octets))); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().Marshal(1))
	f.Add(sample().Marshal(0x100))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Parse(data)
		if err != nil || len(data) > 1<<16 {
			return
		}
		var size int // images may share octets
		for _, m := range p.Images {
			size += len(m.Data)
		}
		if size > 1<<20 {
			return
		}
		again, err := Parse(p.Marshal(4))
		if err != nil || len(again.Images) != len(p.Images) || again.Flags != p.Flags {
			t.Fatalf("%v: %d images, had %d", err, len(again.Images), len(p.Images))
		}
		for i, m := range p.Images {
			if a := again.Images[i]; a.ID != m.ID || a.Flags != m.Flags || !bytes.Equal(a.Data, m.Data) {
				t.Fatalf("image %x has changed", m.ID)
			}
		}
	})
}
