package tim

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"strings"
	"testing"
)

// image is one of a synthesised flash.
type image struct {
	id, entry, load, hashed, algorithm uint32
	data                               []byte
}

const (
	idWTMI    = 0x57544d49
	tableSize = 0x200 // with what goes before and behind the list
)

// sample is what Marvell's tools make: the table and WTMI with checksums, and of the
// boot image too.
func sample() []image {
	boot := []byte(strings.Repeat("old boot image ", 40))
	return []image{
		{id: idTable, load: 0x20006000, hashed: tableSize, algorithm: 64, data: make([]byte, tableSize)},
		{id: idWTMI, entry: 0x400, load: 0x1fff0000, hashed: 9, algorithm: 32, data: []byte("sets up memory")},
		{id: idBoot, entry: 0x800, load: loadAddress, hashed: uint32(len(boot)), algorithm: 64, data: boot},
	}
}

// flash lays images out, without checksums if sum is nil.
func flash(images []image, sum func(flash []byte)) []byte {
	out := bytes.Repeat([]byte{0xff}, 0x1000)
	words := func(at int, v ...uint32) {
		for i, w := range v {
			binary.LittleEndian.PutUint32(out[at+4*i:], w)
		}
	}
	for _, m := range images {
		copy(out[m.entry:], m.data)
	}
	words(0, version36, idTable, 0, 0x28112026, 0x4d52564c, 0, 0, 0, 0, 0, fromSPI, uint32(len(images)), 0, 64)
	for i, m := range images {
		words(headerSize+i*infoSize, m.id, 0xffffffff, m.entry, m.load, uint32(len(m.data)), m.hashed, m.algorithm)
	}
	if sum != nil {
		sum(out)
	}
	return out
}

// sums writes the sample's checksums, in the ways that the sources say.
func sums(out []byte) {
	wtmi := sha256.Sum256(out[0x400:][:9])
	copy(out[headerSize+infoSize+28:], wtmi[:])
	boot := sha512.Sum512(out[0x800:][:600])
	copy(out[headerSize+2*infoSize+28:], boot[:])
	table := sha512.Sum512(out[:tableSize]) // its own place is zero
	copy(out[headerSize+28:], table[:])
}

// trustTable takes the checksum of the table away.
func trustTable(out []byte) {
	table := info(out[headerSize:])
	table.setHashed(0)
	clear(table.hash())
}

func TestReplace(t *testing.T) {
	old := flash(sample(), sums)
	before := bytes.Clone(old)
	got, err := Replace(old, []byte("a new boot image, longer or shorter"))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(old, before) {
		t.Error("the old flash has changed")
	}
	wanted := sample()
	wanted[2].data = []byte("a new boot image, longer or shorter\x00")
	wanted[2].hashed = 36
	want := flash(wanted, func(out []byte) {
		wtmi := sha256.Sum256(out[0x400:][:9])
		copy(out[headerSize+infoSize+28:], wtmi[:])
		boot := sha512.Sum512([]byte("a new boot image, longer or shorter\x00"))
		copy(out[headerSize+2*infoSize+28:], boot[:])
		table := sha512.Sum512(out[:tableSize])
		copy(out[headerSize+28:], table[:])
	})[:0x800+36]
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%x\nwant\n%x", got, want)
	}
	// What was made is as good as what it was made of.
	again, err := Replace(got, sample()[2].data)
	if err != nil || !bytes.Equal(again, before[:0x800+600]) {
		t.Errorf("the way back leads elsewhere: %v", err)
	}
}

func TestReplaceWithoutChecksums(t *testing.T) {
	images := sample()
	for i := range images {
		images[i].hashed, images[i].algorithm = 0, 0
	}
	got, err := Replace(flash(images, nil), []byte("new!"))
	if err != nil || !bytes.HasSuffix(got, []byte("\xff\xffnew!")) || len(got) != 0x804 {
		t.Errorf("got %d octets, %v", len(got), err)
	}
}

func TestReplaceRefuses(t *testing.T) {
	boot := headerSize + 2*infoSize
	for name, c := range map[string]struct {
		change func(b []byte)
		want   string
	}{
		"another beginning": {func(b []byte) { b[5]++ }, "does not begin"},
		"another version":   {func(b []byte) { b[1]++ }, "does not begin"},
		"signed":            {func(b []byte) { b[8] = 1 }, "signed"},
		"for a serial port": {func(b []byte) { copy(b[40:], "#RAU") }, `"UAR#"`},
		"no images":         {func(b []byte) { b[44] = 0 }, "0 images"},
		"many images":       {func(b []byte) { b[47] = 0xff }, "images"},
		"no boot image":     {func(b []byte) { b[boot]++ }, "no image"},
		"an image twice":    {func(b []byte) { copy(b[boot:], b[headerSize+infoSize:][:4]) }, "two images"},
		"damaged WTMI":      {func(b []byte) { b[0x401]++ }, "checksum"},
		"damaged table":     {func(b []byte) { b[tableSize-1]++ }, "checksum"},
		"damaged boot":      {func(b []byte) { b[0x801]++ }, "checksum"},
		"beyond the end":    {func(b []byte) { trustTable(b); b[boot+11] = 0xff }, "cut short"},
		"longer than it is": {func(b []byte) { trustTable(b); b[boot+19] = 0xff }, "cut short"},
		"in the table":      {func(b []byte) { b[boot+9] = 0 }, "in its table"},
		"unknown checksum":  {func(b []byte) { trustTable(b); b[boot+24]++ }, "kind"},
	} {
		b := flash(sample(), sums)
		c.change(b)
		if _, err := Replace(b, []byte("new")); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	for name, change := range map[string]func([]image){
		"somewhere else": func(m []image) { m[2].load = 0x1000000 },
		"not the last":   func(m []image) { m[1].entry = 0xc00 },
	} {
		images := sample()
		change(images)
		for i := range images {
			images[i].hashed = 0
		}
		if _, err := Replace(flash(images, nil), []byte("new")); err == nil {
			t.Errorf("a boot image %s is replaced", name)
		}
	}
	for _, cut := range []int{0, headerSize - 1, headerSize + infoSize, 0x7ff, 0x900} {
		if _, err := Replace(flash(sample(), sums)[:cut], []byte("new")); err == nil {
			t.Errorf("the first %d octets are enough", cut)
		}
	}
}

func FuzzReplace(f *testing.F) {
	f.Add(flash(sample(), sums), []byte("boot"))
	f.Fuzz(func(t *testing.T, data, boot []byte) {
		out, err := Replace(data, boot)
		if err != nil {
			return
		}
		if _, err := Replace(out, boot); err != nil {
			t.Fatalf("what was made is not taken: %v", err)
		}
	})
}
