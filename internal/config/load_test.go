package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const tunnel = `hostname: branch-17
vrfs: {front: {}}
interfaces:
  wan: {port: wan, vrf: front, ipv4: {dhcp: true}}
tunnels:
  hq:
    underlay: front
    address: 172.16.100.17/24
    nhrp: {authentication: {secret: nhrp-hq}, servers: [{address: 172.16.100.1, nbma: 203.0.113.1}]}
    ipsec: hq
ipsec:
  hq:
    local: {id: branch-17.example.net, psk: {secret: ike-hq}}
    remote: {id: hub1.example.net}
`

func TestLoadAndCheck(t *testing.T) {
	const keys = "ike-hq: correct-horse-battery-staple\nnhrp-hq: c0urier\n"
	for _, tt := range []struct {
		name, text, secrets string
		mode                os.FileMode
		load, check         string // part of the error, empty for none
		needed              []string
	}{
		{name: "all is well", text: tunnel, secrets: keys, mode: 0o600},
		{name: "no secrets", text: tunnel, load: "mode 0600, with a line `name: value` for each of ike-hq, nhrp-hq", needed: []string{"ike-hq", "nhrp-hq"}},
		{name: "no secrets needed", text: "hostname: a\n"},
		{name: "one secret is missing", text: tunnel, secrets: "ike-hq: x\n", mode: 0o600, load: "has no secret nhrp-hq", check: "has no secret nhrp-hq"},
		{name: "open to others", text: tunnel, secrets: keys, mode: 0o644, load: "chmod 600", check: "chmod 600"},
		{name: "both are wrong", text: "hostnmae: a\n", secrets: "a: [b]\n", mode: 0o600, load: "where the value of a secret belongs", check: `write "hostname"`},
		{name: "secrets are no file", text: "hostnmae: a\n", secrets: "/", load: "secrets", check: `write "hostname"`},
		{name: "wrong without secrets", text: "hostnmae: a\n", load: `write "hostname"`, check: `write "hostname"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "farspoke.yaml")
			if err := os.WriteFile(path, []byte(tt.text), 0o644); err != nil {
				t.Fatal(err)
			}
			if tt.secrets == "/" {
				if err := os.Symlink(t.TempDir(), filepath.Join(filepath.Dir(path), SecretsFile)); err != nil {
					t.Fatal(err)
				}
			} else if tt.secrets != "" {
				if err := os.WriteFile(filepath.Join(filepath.Dir(path), SecretsFile), []byte(tt.secrets), tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			f, err := Load(path)
			expect(t, "Load", f, err, tt.load)
			f, needed, err := Check(path)
			expect(t, "Check", f, err, tt.check)
			if diff := cmp.Diff(tt.needed, needed); diff != "" {
				t.Errorf("secrets that are needed (-want +got):\n%s", diff)
			}
		})
	}
}

func expect(t *testing.T, what string, f *File, err error, part string) {
	t.Helper()
	switch {
	case part == "" && (err != nil || f == nil):
		t.Errorf("%s = %v, %v; want a configuration", what, f, err)
	case part != "" && (f != nil || err == nil || !strings.Contains(err.Error(), part)):
		t.Errorf("%s = %v, %v; want %q", what, f, err, part)
	case part != "":
		if _, ok := errors.AsType[*Errors](err); !ok {
			t.Errorf("%s returned a %T, want an *Errors", what, err)
		}
	}
}

func TestLoadOfNothing(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Load = %v, want that there is no such file", err)
	}
}

func TestSecretsAreResolved(t *testing.T) {
	f, err := Parse("f", []byte(tunnel), testSecrets)
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Tunnels["hq"].NHRP.Authentication.Reveal(); got != testSecrets["nhrp-hq"] {
		t.Errorf("the tunnel's secret is %q, want %q", got, testSecrets["nhrp-hq"])
	}
	if diff := cmp.Diff([]string{"ike-hq", "nhrp-hq"}, f.Secrets()); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}
