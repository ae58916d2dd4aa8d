package lockdown

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// file returns a file as /proc and /sys have them.
func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// closedMounts are those of a box.
const closedMounts = `rootfs / rootfs ro,nosuid,nodev,relatime,size=191140k,nr_inodes=47785 0 0
proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0
devtmpfs /dev devtmpfs rw,nosuid,noexec,relatime,size=191144k,nr_inodes=47786,mode=755 0 0
tmpfs /run tmpfs rw,nosuid,nodev,noexec,relatime,size=43772k,mode=755 0 0
/dev/vda4 /data ext4 rw,nosuid,nodev,noexec,noatime,errors=remount-ro 0 0
`

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		files fstest.MapFS
		want  State
	}{
		"closed": {
			fstest.MapFS{
				levelFile:     file("none integrity [confidentiality]\n"),
				signatureFile: file("Y\n"),
				mountsFile:    file(closedMounts),
			},
			State{Kernel: Confidentiality, SignedModules: true, ReadOnlyRoot: true},
		},
		"half": {
			fstest.MapFS{
				levelFile:     file("none [integrity] confidentiality\n"),
				signatureFile: file("N\n"),
				mountsFile:    file(closedMounts + "tmpfs /tmp tmpfs rw,nosuid,nodev,relatime 0 0\n"),
			},
			State{Kernel: Integrity, ReadOnlyRoot: true, Open: []string{"/tmp"}},
		},
		"open": {
			fstest.MapFS{
				levelFile:  file("[none] integrity confidentiality\n"),
				mountsFile: file("rootfs / rootfs ro 0 0\ntmpfs / tmpfs rw 0 0\nshort\n"),
			},
			State{Kernel: Off, Open: []string{"/"}},
		},
		"the kernel says nothing": {fstest.MapFS{}, State{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, Read(c.files)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestGaps(t *testing.T) {
	closed := State{Kernel: Confidentiality, SignedModules: true, ReadOnlyRoot: true}
	for name, c := range map[string]struct {
		state    State
		verified bool
		want     []string
	}{
		"closed":                 {closed, true, nil},
		"nobody has verified it": {State{Kernel: Off, ReadOnlyRoot: true}, false, nil},
		"integrity is not all":   {State{Kernel: Integrity, SignedModules: true, ReadOnlyRoot: true}, true, []string{"the kernel is not locked down"}},
		"open": {State{Open: []string{"/", "/tmp"}}, true, []string{
			"the kernel is not locked down", "the kernel loads unsigned modules",
			"the root file system can be written", "/tmp can be written and run from",
		}},
	} {
		if got := c.state.Gaps(c.verified); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
