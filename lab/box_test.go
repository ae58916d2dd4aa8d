package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/u-root/u-root/pkg/cpio"

	"github.com/farspoke/farspoke/internal/config"
)

func TestSiteIsAValidConfiguration(t *testing.T) {
	site := ordinarySite()
	secrets, err := config.ParseSecrets("secrets.yaml", site["secrets.yaml"])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Parse("farspoke.yaml", site["farspoke.yaml"], secrets); err != nil {
		t.Fatal(err)
	}
}

func TestReplaceLeavesTheOrdinarySiteAlone(t *testing.T) {
	site := ordinarySite()
	changed := site.Replace("secrets.yaml", "horse", "mule")
	if !strings.Contains(string(changed["secrets.yaml"]), "mule") || strings.Contains(string(site["secrets.yaml"]), "mule") {
		t.Errorf("changed %q, original %q", changed["secrets.yaml"], site["secrets.yaml"])
	}
}

func TestWithSiteAppendsAnAlignedArchive(t *testing.T) {
	dir := t.TempDir()
	firmware := filepath.Join(dir, "initramfs")
	if err := os.WriteFile(firmware, []byte("12345"), 0o644); err != nil {
		t.Fatal(err)
	}
	file, err := boxImage{Initramfs: firmware}.withSite(dir, ordinarySite(), "")
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(data[:8]); got != "12345\x00\x00\x00" {
		t.Fatalf("firmware and padding = %q", got)
	}
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(strings.NewReader(string(data[8:]))))
	if err != nil {
		t.Fatal(err)
	}
	modes := make(map[string]uint64)
	for _, r := range records {
		modes[r.Name] = r.Mode & 0o7777
	}
	if modes["etc/farspoke/secrets.yaml"] != 0o600 || modes["etc/farspoke/farspoke.yaml"] != 0o644 {
		t.Errorf("modes %v: want the secrets for root alone", modes)
	}
}

func TestSiteAtTheSecondBranch(t *testing.T) {
	site := ordinarySite().at(secondBranch())
	secrets, err := config.ParseSecrets("secrets.yaml", site["secrets.yaml"])
	if err != nil {
		t.Fatal(err)
	}
	file, err := config.Parse("farspoke.yaml", site["farspoke.yaml"], secrets)
	if err != nil {
		t.Fatal(err)
	}
	if got := file.Tunnels["hq"].Address.Addr(); got != secondBranch().tunnel() {
		t.Errorf("the spoke of the second branch has %s in the tunnel", got)
	}
}
