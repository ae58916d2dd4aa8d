package fit

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/farspoke/farspoke/image/fdt"
)

func sample() Image {
	return Image{
		Description: "v1", Date: time.Unix(1_700_000_000, 0), Load: 0x4020_0000,
		Kernel: []byte("kernel"), Initramfs: []byte("initramfs"),
		Boards: []Board{
			{Name: "virt", DeviceTree: fdt.Marshal(&fdt.Node{}), Args: "console=ttyAMA0"},
			{Name: "other", DeviceTree: fdt.Marshal(&fdt.Node{}), Args: "console=ttyS0"},
		},
	}
}

func newKey(t *testing.T, name string) *KeyFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := Generate(path); err != nil {
		t.Fatal(err)
	}
	key, err := OpenKeyFile(name, path)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSignedTwiceIsTheSame(t *testing.T) {
	key := newKey(t, "k")
	one, err := Sign(sample(), key)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Sign(sample(), key)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one, two) {
		t.Error("one image, signed twice with one key, differs")
	}
}

func TestKeysAreNotOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := Generate(path); err != nil {
		t.Fatal(err)
	}
	if err := Generate(path); err == nil {
		t.Error("a key was overwritten")
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key's mode is %v, %v", info.Mode(), err)
	}
}

// TestCommandSigns lets openssl, as another machine might, sign.
func TestCommandSigns(t *testing.T) {
	dir := t.TempDir()
	private := filepath.Join(dir, "key.pem")
	if err := Generate(private); err != nil {
		t.Fatal(err)
	}
	file, err := OpenKeyFile("k", private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&file.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(dir, "key.pub")
	if err := os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	key, err := OpenPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Sign(sample(), file)
	if err != nil {
		t.Fatal(err)
	}
	line := "openssl dgst -sha256 -sign " + private
	got, err := Sign(sample(), &Command{Context: t.Context(), KeyName: "k", Key: key, Line: line})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the command's image differs from that of the key's file")
	}
	for name, wrong := range map[string]*Command{
		"another key's":   {Context: t.Context(), KeyName: "k", Key: &newKey(t, "k").key.PublicKey, Line: line},
		"no":              {Context: t.Context(), KeyName: "k", Key: key, Line: "cat"},
		"a failing one's": {Context: t.Context(), KeyName: "k", Key: key, Line: "exit 1"},
	} {
		if _, err := Sign(sample(), wrong); err == nil {
			t.Errorf("%s signature is taken for the key's", name)
		}
	}
}

func TestTrustRefusesKeysThatUBootCannotUse(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	if err := Trust(&fdt.Node{}, "short", &key.PublicKey); err == nil {
		t.Error("a key of 1024 bits is trusted")
	}
}
