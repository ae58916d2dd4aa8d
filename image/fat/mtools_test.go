//go:build image

package fat

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestOthersReadIt has the programs of other people check and read it.
func TestOthersReadIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "fat")
	if err := os.WriteFile(file, marshal(t), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range sample() {
		out, err := exec.Command("mtype", "-i", file, "::"+f.Name).Output()
		if err != nil || !bytes.Equal(out, f.Data) {
			t.Errorf("mtools reads %d octets of %s (%v), want %d", len(out), f.Name, err, len(f.Data))
		}
	}
}
