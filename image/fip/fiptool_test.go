//go:build image

package fip

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// TestFiptool checks that we write what Trusted Firmware-A's own program (package
// arm-trusted-firmware-tools) writes, octet by octet, and that it reads what we do.
func TestFiptool(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	fiptool := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("fiptool", args...).CombinedOutput(); err != nil {
			t.Fatalf("fiptool %q: %v\n%s", args, err, out)
		}
	}
	p := &Package{Images: []Image{
		{ID: BL2, Data: bytes.Repeat([]byte("two"), 700)},
		{ID: BL31, Data: bytes.Repeat([]byte("thirty-one"), 90)},
		{ID: BL33, Data: []byte("boot loader")},
	}}
	for _, align := range []int{1, 4, 0x100} {
		file := filepath.Join(dir, "theirs.fip")
		fiptool("create", "--align", strconv.Itoa(align),
			"--tb-fw", write("bl2", p.Images[0].Data), "--soc-fw", write("bl31", p.Images[1].Data), "--nt-fw", write("bl33", p.Images[2].Data), file)
		theirs, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(p.Marshal(align), theirs) {
			t.Errorf("at multiples of %d fiptool writes something else", align)
		}
	}
	p.Find(BL33).Data = []byte("another boot loader")
	unpacked := filepath.Join(dir, "unpacked")
	fiptool("unpack", "--nt-fw", unpacked, write("ours.fip", p.Marshal(1)))
	if got, err := os.ReadFile(unpacked); err != nil || string(got) != "another boot loader" {
		t.Errorf("fiptool unpacks %q, %v", got, err)
	}
}
