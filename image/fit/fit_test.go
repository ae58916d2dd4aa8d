package fit

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/farspoke/farspoke/image/fdt"
)

func sample() Image {
	return Image{
		Description: "v1", Date: time.Unix(1_700_000_000, 0),
		Kernel: []byte("contents of the kernel"), Initramfs: []byte("contents of the initramfs"),
		Boards: []Board{
			{Name: "virt", Load: 0x4020_0000, DeviceTree: fdt.Marshal(&fdt.Node{}), Args: "console=ttyAMA0"},
			{Name: "third", Load: 0x4020_0000, DeviceTree: fdt.Marshal(&fdt.Node{}), Args: "console=ttyAMA1"},
			{Name: "other", Load: 0x20_0000, DeviceTree: fdt.Marshal(&fdt.Node{}), Args: "console=ttyS0"},
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

// TestKernelIsThereOnce has boards with two addresses between them.
func TestKernelIsThereOnce(t *testing.T) {
	octets := Unsigned(sample())
	if n := bytes.Count(octets, sample().Kernel); n != 1 {
		t.Errorf("the kernel is there %d times", n)
	}
	root, err := fdt.Parse(octets)
	if err != nil {
		t.Fatal(err)
	}
	cell := func(n *fdt.Node, property string) uint32 {
		value, ok := n.Property(property)
		if !ok || len(value) != 4 {
			t.Fatalf("%s of %s is %x", property, n.Name, value)
		}
		return binary.BigEndian.Uint32(value)
	}
	for _, b := range sample().Boards {
		name, _ := root.Child("configurations").Child(b.Name).Property("kernel")
		kernel := root.Child("images").Child(string(bytes.TrimRight(name, "\x00")))
		if load := cell(kernel, "load"); load != b.Load || cell(kernel, "entry") != load {
			t.Errorf("on %s the kernel goes to %#x, want %#x", b.Name, load, b.Load)
		}
		at, size := cell(kernel, "data-position"), cell(kernel, "data-size")
		if got := octets[at : at+size]; !bytes.Equal(got, sample().Kernel) {
			t.Errorf("on %s the kernel is %q", b.Name, got)
		}
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
