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

func TestParseSecrets(t *testing.T) {
	got, err := ParseSecrets("secrets.yaml", []byte("ike-hq: correct horse\nnhrp-hq: \"0123\"\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Secrets{"ike-hq": "correct horse", "nhrp-hq": "0123"}, got); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}

// TestSecretsErrorsQuoteNothing breaks a secrets file and a configuration with
// a secret in it in every way, and looks for the value in the report.
func TestSecretsErrorsQuoteNothing(t *testing.T) {
	for _, text := range []string{
		"ike: [hunter2]", "ike: {hunter2: hunter2}", "ike: !hunter2 x", "ike: &hunter2 x",
		"ike: hunter2: hunter2", "ike: \"hunter2", "ike: hunter2\nike: hunter2", "ike: 'hunter2\n  hunter2': x",
		"hunter2", "ike:\n\thunter2", "ike: %hunter2", "ike: \"hunter2\\q\"", "ike: hunter2\n---\nhunter2", "ike: hunter2\x01",
	} {
		_, err := ParseSecrets("secrets.yaml", []byte(text))
		if err == nil {
			continue // odd, but a value
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the report shows the value:\n%v", text, err)
		}
	}
	for _, text := range []string{
		"name: a\npsk: hunter2", "name: a\npsk: [hunter2]", "{name: a, psk: hunter2, z: 1}", "name: a\npsk: {value: hunter2}",
		"{name: a, psk: \"hun\\x74er2 hunter2\", z: 1}", "{z: 1, name: a, psk: \"hunter2\n  hunter2\", y: 1}",
		"name: a\npsk: {secret: x, psk: hunter2}", "name: a\npsk: |\n  hunter2\nz: hunter\n",
		"name: a\npsk: {secret: [hunter2]}", "name: a\npsk: !x hunter2", "name: a\npsk: &x hunter2", "name: a\npsk: {secret: {hunter2: 1}}", "name: a\npsk: {hunter2}", "name: a\npsk: {\n  hunter2}",
		"name: a\npks: hunter2", "name: a\npassword: hunter2", "name: a\nlsit: [{psk: hunter2}]", "name: a\nx: {psk: \"hunter2\"}",
		"name: a\npsk: {secret: x}\npsk: hunter2", "{name: a, psk: {secret: x}, pks: hunter2}", "name: a\n? [hunter2]\n: hunter2",
		"name: a\npsk: {secret: hunter2 is the key}", "name: a\npsk: [\n  hunter2, z]", "name: a\npsk: {secret: !x hunter2}",
	} {
		_, err := read("f", []byte(text), nil, &shape{})
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the report shows the value, or there is none:\n%v", text, err)
		}
	}
}

func TestSecretsFileIsPrivate(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("ike: x\n"), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for mode, ok := range map[os.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o777: false} {
		path := write("s", mode)
		_, err := ReadSecrets(path)
		if (err == nil) != ok {
			t.Errorf("mode %o: %v", mode, err)
		}
		if !ok && !strings.Contains(err.Error(), "run: chmod 600 "+path) {
			t.Errorf("mode %o: the error does not say what to do: %v", mode, err)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ReadSecrets(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := ReadSecrets(dir); err == nil {
		t.Error("a directory is taken for a secrets file")
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(write("target", 0o600), link); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadSecrets(link); err == nil {
		t.Error("a symbolic link is followed")
	}
}
