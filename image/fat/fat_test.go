package fat

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

const size = 15 << 20

func sample() []File {
	long := make([]byte, 3*cluster+7)
	for i := range long {
		long[i] = byte(i / 251)
	}
	return []File{{"config.txt", []byte("arm_64bit=1\n")}, {"empty", nil}, {"u-boot.bin", long}, {"whole.bin", long[:cluster]}}
}

func marshal(t *testing.T) []byte {
	t.Helper()
	octets, err := Marshal("BOOT", size, sample())
	if err != nil {
		t.Fatal(err)
	}
	return octets
}

// TestReadBack reads the files as a first boot stage does: by the boot sector's
// numbers, the root and the chains of the table.
func TestReadBack(t *testing.T) {
	octets := marshal(t)
	le := binary.LittleEndian
	tableLength := int(le.Uint16(octets[22:])) * sector
	table := octets[int(le.Uint16(octets[14:]))*sector:]
	if !bytes.Equal(table[:tableLength], table[tableLength:][:tableLength]) {
		t.Error("the two tables differ")
	}
	root := table[int(octets[16])*tableLength:]
	data := root[int(le.Uint16(octets[17:]))*entrySize:]
	if string(root[:12]) != "BOOT       \x08" {
		t.Errorf("the label is %q", root[:12])
	}
	for i, f := range sample() {
		e := root[(i+1)*entrySize:]
		name := strings.TrimRight(string(e[:8]), " ") + "." + strings.TrimRight(string(e[8:11]), " ")
		if got := strings.TrimSuffix(strings.ToLower(name), "."); got != f.Name {
			t.Errorf("file %d is called %s, want %s", i, got, f.Name)
		}
		var got []byte
		for c := int(le.Uint16(e[26:])); c >= 2 && c < 0xfff8; c = int(le.Uint16(table[2*c:])) {
			got = append(got, data[(c-2)*cluster:][:cluster]...)
		}
		if length := int(le.Uint32(e[28:])); length > len(got) || !bytes.Equal(got[:length], f.Data) {
			t.Errorf("%s has %d octets in %d, want %d", f.Name, length, len(got), len(f.Data))
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		size  int64
		files []File
	}{
		"FAT12":         {4 << 20, nil},
		"FAT32":         {256 << 20, nil},
		"half a sector": {size + 256, nil},
		"no room":       {size, []File{{"a", make([]byte, size)}}},
		"long name":     {size, []File{{"bcm2711-rpi-cm4.dtb", nil}}},
		"capitals":      {size, []File{{"A", nil}}},
		"no name":       {size, []File{{".txt", nil}}},
	} {
		if _, err := Marshal("BOOT", c.size, c.files); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
