package initramfs

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/u-root/u-root/pkg/cpio"
)

func build(t *testing.T, names ...string) []byte {
	t.Helper()
	var a Archive
	for _, name := range names {
		a.File(name, 0o600, []byte("contents of "+filepath.Base(name)))
	}
	a.Dir("/tmp", 0o1777)
	a.Symlink("init", "bin/farspoke")
	a.CharDev("/dev/console", 0o600, 5, 1)
	var out bytes.Buffer
	n, err := a.WriteTo(&out)
	if err != nil {
		t.Fatal(err)
	}
	if n != int64(out.Len()) || n%4 != 0 {
		t.Errorf("WriteTo = %d for %d octets, want the same and a multiple of 4", n, out.Len())
	}
	return out.Bytes()
}

func TestOrderOfCallsDoesNotMatter(t *testing.T) {
	one := build(t, "/etc/b", "/etc/a", "bin/farspoke")
	two := build(t, "bin/farspoke", "/etc/a", "/etc/b")
	if !bytes.Equal(one, two) {
		t.Error("the same files in another order give another archive")
	}
}

func TestParentsComeFirst(t *testing.T) {
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(build(t, "/etc/farspoke/farspoke.yaml"))))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	inodes := make(map[uint64]bool)
	for _, r := range records {
		names = append(names, r.Name)
		if inodes[r.Ino] {
			t.Errorf("inode %d of %s is taken", r.Ino, r.Name)
		}
		inodes[r.Ino] = true
		if r.MTime != 0 || r.UID != 0 {
			t.Errorf("%s has time %d and owner %d, want none", r.Name, r.MTime, r.UID)
		}
	}
	want := []string{"dev", "dev/console", "etc", "etc/farspoke", "etc/farspoke/farspoke.yaml", "init", "tmp"}
	if len(names) != len(want) {
		t.Fatalf("got %v, want %v", names, want)
	}
	for i := range want {
		if names[i] != want[i] {
			t.Fatalf("got %v, want %v", names, want)
		}
	}
}

func TestCopyTree(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "sub", "run"), []byte("x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("sub/run", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	var a Archive
	if err := a.CopyTree("opt", dir); err != nil {
		t.Fatal(err)
	}
	if got := a.records["opt/sub/run"].Mode & 0o7777; got != 0o755 {
		t.Errorf("mode of an executable is %o, want 755", got)
	}
	if got := a.records["opt/link"].Mode & cpio.S_IFMT; got != cpio.S_IFLNK {
		t.Errorf("link became type %o", got)
	}
	if err := a.CopyTree("opt", filepath.Join(dir, "missing")); err == nil {
		t.Error("CopyTree of nothing reports nothing")
	}
}
