package debian

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestParseFieldsReadsTheFirstStanza(t *testing.T) {
	got := parseFields(`Package: linux-image-arm64
Version: 6.1.192-2
Depends: linux-image-6.1.0-56-arm64 (= 6.1.192-2)
Description-en: Linux for 64-bit ARMv8 machines
 This metapackage: depends on the latest kernel.
SHA256: 7d00

Package: linux-image-arm64
Version: 6.1.176-1
`)
	for key, want := range map[string]string{
		"Version": "6.1.192-2",
		"Depends": "linux-image-6.1.0-56-arm64 (= 6.1.192-2)",
		"SHA256":  "7d00",
	} {
		if got[key] != want {
			t.Errorf("%s = %q, want %q", key, got[key], want)
		}
	}
}

func TestCachedKernelNeedsNoNetwork(t *testing.T) {
	c := Cache(t.TempDir())
	if err := os.MkdirAll(c.Path("kernel"), 0o755); err != nil {
		t.Fatal(err)
	}
	record := `{"package":"linux-image-6.1.0-1-arm64","version":"6.1.2","sha256":"ab","release":"6.1.0-1-arm64"}`
	if err := os.WriteFile(c.Path("kernel", "kernel.json"), []byte(record), 0o644); err != nil {
		t.Fatal(err)
	}
	k, err := c.Kernel(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if want := c.Path("kernel", "boot", "vmlinuz-6.1.0-1-arm64"); k.Image() != want {
		t.Errorf("Image() = %s, want %s", k.Image(), want)
	}
	if want := filepath.Join(c.Path("kernel"), "lib", "modules", "6.1.0-1-arm64"); k.Modules() != want {
		t.Errorf("Modules() = %s, want %s", k.Modules(), want)
	}
}
