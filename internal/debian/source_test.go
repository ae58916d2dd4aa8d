package debian

import (
	"context"
	"os"
	"testing"
)

func TestUnsignedDescription(t *testing.T) {
	const plain = "Format: 3.0 (quilt)\nSource: u-boot\nVersion: 2023.01+dfsg-2+deb12u3\n"
	const signed = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + plain + "\n-----BEGIN PGP SIGNATURE-----\n"
	for _, text := range []string{plain, signed} {
		if got := parseFields(string(unsigned([]byte(text))))["Version"]; got != "2023.01+dfsg-2+deb12u3" {
			t.Errorf("Version = %q of\n%s", got, text)
		}
	}
}

func TestCachedSourceNeedsNoNetwork(t *testing.T) {
	c := Cache(t.TempDir())
	if err := os.MkdirAll(c.Path("sources", "u-boot"), 0o755); err != nil {
		t.Fatal(err)
	}
	record := `{"name":"u-boot","version":"1","files":[{"name":"u-boot_1.dsc","sha256":"ab"}]}`
	if err := os.WriteFile(c.Path("sources", "u-boot", "source.json"), []byte(record), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := c.Source(context.Background(), "u-boot")
	if err != nil || s.Version != "1" || len(s.Files) != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
}
