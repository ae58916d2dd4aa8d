//go:build disk

package bootchain

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestBmaptoolFlashes lets bmaptool itself, which people flash with, write the disk
// by its map, and a disk that does not fit the map.
func TestBmaptoolFlashes(t *testing.T) {
	t.Parallel()
	image, blockMap := filepath.Join(built.dir, "disk.img"), filepath.Join(built.dir, "disk.bmap")
	written, err := bmaptool(t, image, blockMap)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, want) {
		t.Errorf("bmaptool has written %d octets that are not the %d of the disk", len(written), len(want))
	}

	other := filepath.Join(t.TempDir(), "disk.img")
	want[bytes.Index(want, built.signed)+len(built.signed)/2] ^= 1
	if err := os.WriteFile(other, want, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bmaptool(t, other, blockMap); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("bmaptool takes a disk with a bit changed: %v", err)
	}
}

// bmaptool writes an image by a map into a new file and returns what is in it. An
// error is what it prints.
func bmaptool(t *testing.T, image, blockMap string) ([]byte, error) {
	t.Helper()
	medium := filepath.Join(t.TempDir(), "medium")
	cmd := exec.CommandContext(t.Context(), "bmaptool", "copy", "--bmap", blockMap, image, medium)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, said.Bytes())
	}
	return os.ReadFile(medium)
}
