package pid1

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestFileSystem(t *testing.T) {
	var seen []string
	for _, s := range fileSystem {
		switch s := s.(type) {
		case mount:
			if s.flags&unix.MS_NOSUID == 0 || s.flags&unix.MS_NOEXEC == 0 {
				t.Errorf("%s: programs could be run from it", s)
			}
			if s.flags&unix.MS_NODEV == 0 && !strings.HasPrefix(s.target, "/dev") {
				t.Errorf("%s: devices could be opened on it", s)
			}
			if s.fstype == "tmpfs" && (!strings.Contains(s.data, "size=") || !strings.Contains(s.data, "mode=")) {
				t.Errorf("%s: size or mode is left to the kernel", s)
			}
			if above := filepath.Dir(s.target); above != "/" && !slices.ContainsFunc(seen, func(m string) bool {
				return strings.HasPrefix(s.target, m+"/")
			}) {
				t.Errorf("%s: nothing is mounted above it yet", s)
			}
			seen = append(seen, s.target)
		case dir:
			if s.mode.Perm()&0o077 != 0 {
				t.Errorf("%s: others may look into it", s)
			}
		}
	}
	if !slices.Contains(seen, "/sys/fs/cgroup") || slices.Contains(seen, "/sys/kernel/debug") {
		t.Errorf("mounted are %q", seen)
	}
	if last := fileSystem[len(fileSystem)-1]; last != (readOnly{"/"}) {
		t.Errorf("the last step is to %s: what comes later could be written", last)
	}
}

func TestDir(t *testing.T) {
	d := dir{filepath.Join(t.TempDir(), "a", "b"), 0o700}
	for range 2 {
		if err := d.Create(); err != nil {
			t.Fatal(err)
		}
		// A second Create closes what somebody opened.
		if info, err := os.Stat(d.path); err != nil || info.Mode().Perm() != 0o700 {
			t.Fatalf("got %v, %v", info.Mode(), err)
		}
		if err := os.Chmod(d.path, 0o777); err != nil {
			t.Fatal(err)
		}
	}
}
