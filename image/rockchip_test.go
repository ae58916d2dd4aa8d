package main

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/internal/gpt"
)

// TestSecondStage reads the image as U-Boot's first stage does: the tree first, then
// each of the contents in whole sectors.
func TestSecondStage(t *testing.T) {
	secure := []segment{{0x4_0000, bytes.Repeat([]byte("a"), 700)}, {0xff3b_0000, []byte("bb")}}
	octets := secondStage(secure, 0x4_0040, []byte("program"), []byte("tree"))
	root, err := fdt.Parse(octets)
	if err != nil {
		t.Fatal(err)
	}
	cell := func(n *fdt.Node, name string) uint32 {
		value, ok := n.Property(name)
		if !ok || len(value) != 4 {
			t.Fatalf("%s has no number %s", n.Name, name)
		}
		return binary.BigEndian.Uint32(value)
	}
	after := binary.BigEndian.Uint32(octets[4:])
	for name, want := range map[string]struct {
		data string
		load uint32
	}{
		"u-boot": {"program", uBootAddress}, "tf-a-1": {string(secure[0].data), 0x4_0000}, "tf-a-2": {"bb", 0xff3b_0000}, "fdt": {"tree", 0},
	} {
		n := root.Child("images").Child(name)
		start := after + cell(n, "data-offset")
		if start%gpt.Sector != 0 || string(octets[start:][:cell(n, "data-size")]) != want.data {
			t.Errorf("%s, at octet %d, is not what was put in", name, start)
		}
		if want.load != 0 && cell(n, "load") != want.load {
			t.Errorf("%s goes to %#x, want %#x", name, cell(n, "load"), want.load)
		}
	}
	if entry := cell(root.Child("images").Child("tf-a-1"), "entry"); entry != 0x4_0040 {
		t.Errorf("it starts at %#x", entry)
	}
	c := root.Child("configurations").Child("board")
	for name, want := range map[string]string{"firmware": "tf-a-1\x00", "loadables": "u-boot\x00tf-a-2\x00", "fdt": "fdt\x00"} {
		if got, _ := c.Property(name); string(got) != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestLoadSegments(t *testing.T) {
	program := elfProgram(0x4_0040, elfPart{0x4_0000, "first", 5}, elfPart{0x5_0000, "", 100}, elfPart{0xff3b_0000, "second", 6})
	segments, entry, err := loadSegments(program)
	if err != nil || entry != 0x4_0040 || len(segments) != 2 {
		t.Fatalf("%d segments, entry %#x, %v", len(segments), entry, err)
	}
	if s := segments[1]; s.address != 0xff3b_0000 || string(s.data) != "second" {
		t.Errorf("the second is %q at %#x", s.data, s.address)
	}
	for name, program := range map[string][]byte{
		"nothing":        nil,
		"cut short":      program[:len(program)-1],
		"without parts":  elfProgram(0),
		"beyond 32 bits": elfProgram(0, elfPart{1 << 32, "x", 1}),
	} {
		if _, _, err := loadSegments(program); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// elfPart is what belongs at an address; it takes size octets of memory.
type elfPart struct {
	address uint64
	data    string
	size    uint64
}

// elfProgram returns an ELF program for arm64 of parts.
func elfProgram(entry uint64, parts ...elfPart) []byte {
	const header, partHeader = 64, 56
	le := binary.LittleEndian
	out := append([]byte("\x7fELF\x02\x01\x01"), make([]byte, 9)...)
	out = le.AppendUint16(out, 2)   // a program
	out = le.AppendUint16(out, 183) // for arm64
	out = le.AppendUint32(out, 1)
	out = le.AppendUint64(out, entry)
	out = le.AppendUint64(out, header)
	out = le.AppendUint64(out, 0)
	out = le.AppendUint32(out, 0)
	for _, v := range []uint16{header, partHeader, uint16(len(parts)), 0, 0, 0} {
		out = le.AppendUint16(out, v)
	}
	at := uint64(header + partHeader*len(parts))
	var contents []byte
	for _, p := range parts {
		out = le.AppendUint32(out, 1) // to load
		out = le.AppendUint32(out, 7)
		for _, v := range []uint64{at + uint64(len(contents)), p.address, p.address, uint64(len(p.data)), p.size, 1} {
			out = le.AppendUint64(out, v)
		}
		contents = append(contents, p.data...)
	}
	return append(out, contents...)
}
