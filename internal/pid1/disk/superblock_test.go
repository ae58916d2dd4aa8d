package disk

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTornSuperblock tears the superblock of a real file system: what reads it does
// not, until it is mended.
func TestTornSuperblock(t *testing.T) {
	file := newFileSystem(t)
	readable := func() bool { return exec.Command("/sbin/e2fsck", "-f", "-n", file.Name()).Run() == nil }
	if !readable() {
		t.Fatal("it is not whole")
	}
	const wtime = superblockOffset + 0x30
	if _, err := file.WriteAt([]byte{1, 2, 3}, wtime); err != nil {
		t.Fatal(err)
	}
	if readable() {
		t.Fatal("it is not torn")
	}
	if err := MendSuperblock(file); err != nil || !readable() {
		t.Errorf("it is not mended: %v", err)
	}
}

// TestOtherSuperblocksStay has no superblock, and one that is whole: the plate takes
// no write.
func TestOtherSuperblocksStay(t *testing.T) {
	whole := make([]byte, 4096)
	system := newFileSystem(t)
	if _, err := system.ReadAt(whole, 0); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"nothing": make([]byte, 4096), "noise": bytes.Repeat([]byte{0xff}, 4096), "whole": whole} {
		if err := MendSuperblock(&plate{data: data}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// newFileSystem returns a new file system of the kind that a box has.
func newFileSystem(t *testing.T) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "data")
	if out, err := exec.Command("/sbin/mke2fs", "-q", "-t", "ext4", "-O", "metadata_csum,64bit", "-b", "4096", name, "16M").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v\n%s", err, out)
	}
	file, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}
