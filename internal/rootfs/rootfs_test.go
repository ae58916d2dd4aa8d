package rootfs

import (
	"io/fs"
	"maps"
	"slices"
	"testing"
)

func TestSelectFollowsLinks(t *testing.T) {
	tree := Tree{
		"usr/bin/sh":      {Mode: fs.ModeSymlink | 0o777, Data: []byte("busybox")},
		"usr/bin/busybox": {Mode: 0o755, Data: []byte("no ELF file")},
		"usr/bin/other":   {Mode: 0o755},
	}
	selected, err := tree.Select("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(selected))
	if want := []string{"usr/bin/busybox", "usr/bin/sh"}; !slices.Equal(got, want) {
		t.Errorf("selected %v, want %v", got, want)
	}
}

func TestSelectTakesPatterns(t *testing.T) {
	tree := Tree{"usr/lib/x/a.so": {}, "usr/lib/x/b.so": {}, "usr/lib/x/c.conf": {}, "usr/lib/a.so": {}}
	selected, err := tree.Select("/lib/x/*.so")
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(selected))
	if want := []string{"usr/lib/x/a.so", "usr/lib/x/b.so"}; !slices.Equal(got, want) {
		t.Errorf("selected %v, want %v", got, want)
	}
}

func TestSelectReportsWhatNobodyHolds(t *testing.T) {
	for _, name := range []string{"/bin/sh", "/bin/*", "/bin/[*"} {
		if _, err := (Tree{}).Select(name); err == nil {
			t.Errorf("selecting %s of no package is no error", name)
		}
	}
	loop := Tree{"a": {Mode: fs.ModeSymlink, Data: []byte("b")}, "b": {Mode: fs.ModeSymlink, Data: []byte("/a")}}
	if _, err := loop.Select("a"); err == nil {
		t.Error("a loop of links is no error")
	}
}

func TestCleanMergesUsr(t *testing.T) {
	for name, want := range map[string]string{
		"./bin/ip":         "usr/bin/ip",
		"/lib/ld-linux.so": "usr/lib/ld-linux.so",
		"usr/sbin/x":       "usr/sbin/x",
		"etc/passwd":       "etc/passwd",
		"library/x":        "library/x",
	} {
		if got := clean(name); got != want {
			t.Errorf("clean(%q) = %q, want %q", name, got, want)
		}
	}
}
