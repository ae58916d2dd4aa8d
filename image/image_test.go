//go:build image

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/debian"
)

// TestBuildsAreByteIdentical builds the same commit in two places, once with
// the toolbox and the boot loader of the cache and once with fresh ones.
func TestBuildsAreByteIdentical(t *testing.T) {
	cache, err := debian.UserCache()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Kernel(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := t.TempDir()
	if err := os.Mkdir(filepath.Join(fresh, "farspoke"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := (keys{}).signer(t.Context(), cache); err != nil {
		t.Fatal(err)
	}
	if _, err := cache.Source(t.Context(), "u-boot"); err != nil {
		t.Fatal(err)
	}
	for _, same := range []string{"kernel", "sources", "keys"} {
		if err := os.Symlink(cache.Path(same), filepath.Join(fresh, "farspoke", same)); err != nil {
			t.Fatal(err)
		}
	}
	one, two := buildClone(t), buildClone(t, "XDG_CACHE_HOME="+fresh)
	for _, name := range []string{kernelFile, initramfsFile, bootLoaderFile, fitFile, diskFile, bmapFile, sbomFile, manifestFile} {
		a, err := os.ReadFile(filepath.Join(one, name))
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(filepath.Join(two, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%s differs between two builds of one commit (%d and %d octets)", name, len(a), len(b))
		}
	}
}

// buildClone builds the committed sources in a directory of their own and
// returns the directory of the output.
func buildClone(t *testing.T, env ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "--quiet", "..", dir).CombinedOutput(); err != nil {
		t.Fatalf("git clone: %v\n%s", err, out)
	}
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./image", "-disk", "-o", out)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("image: %v\n%s", err, text)
	}
	return out
}

// TestSizes holds the image to its budget.
func TestSizes(t *testing.T) {
	cache, err := debian.UserCache()
	if err != nil {
		t.Fatal(err)
	}
	virt, err := board.Find("virt")
	if err != nil {
		t.Fatal(err)
	}
	m, err := build(t.Context(), options{board: virt, toolbox: true, cache: cache, out: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	const mib = 1 << 20
	if sum := m.size(); sum > 32*mib {
		t.Errorf("kernel and initramfs have %d octets, want at most 32 MiB", sum)
	}
	for _, p := range m.Parts {
		if p.Name == "binary" && p.Size > 16*mib {
			t.Errorf("our binary has %d octets, want at most 16 MiB", p.Size)
		}
	}
}
