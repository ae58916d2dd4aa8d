//go:build image

package fit

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/image/uboot"
	"github.com/farspoke/farspoke/internal/debian"
)

// checker is the path of U-Boot's own program that checks signatures.
func checker(t *testing.T) string {
	t.Helper()
	cache, err := debian.UserCache()
	if err != nil {
		t.Fatal(err)
	}
	virt, err := board.Find("virt")
	if err != nil {
		t.Fatal(err)
	}
	built, err := uboot.For(t.Context(), cache, virt)
	if err != nil {
		t.Fatal(err)
	}
	return built.Checker()
}

// check asks U-Boot whether it would start the image with the key.
func check(t *testing.T, image []byte, trusted *KeyFile) error {
	t.Helper()
	dir := t.TempDir()
	bootLoader := &fdt.Node{}
	if err := Trust(bootLoader, trusted.name, &trusted.key.PublicKey); err != nil {
		t.Fatal(err)
	}
	imageFile, keyFile := filepath.Join(dir, "image.fit"), filepath.Join(dir, "key.dtb")
	for file, data := range map[string][]byte{imageFile: image, keyFile: fdt.Marshal(bootLoader)} {
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, board := range sample().Boards {
		out, err := exec.Command(checker(t), "-f", imageFile, "-k", keyFile, "-c", board.Name).CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			return err
		}
	}
	return nil
}

func TestUBootTakesWhatIsSigned(t *testing.T) {
	key, other := newKey(t, "k"), newKey(t, "k")
	signed, err := Sign(sample(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(t, signed, key); err != nil {
		t.Fatalf("U-Boot refuses it: %v", err)
	}
	if err := check(t, signed, other); err == nil {
		t.Error("U-Boot takes what another key has signed")
	}
	if err := check(t, Unsigned(sample()), key); err == nil {
		t.Error("U-Boot takes what nobody has signed")
	}
	position, _ := fdt.Position(tree(sample()), "/kernel", "data")
	cell := func(v int) string { return string(binary.BigEndian.AppendUint32(nil, uint32(v))) }
	for was, is := range map[string]string{
		"console=ttyAMA0": "console=ttyAMA9", "of the initramfs": "of my initramfs!", "of the kernel": "of my kernel!",
		"v1": "v2", cell(position): cell(position + 1),
	} {
		forged := bytes.Replace(signed, []byte(was), []byte(is), 1)
		if len(forged) != len(signed) || bytes.Equal(forged, signed) {
			t.Fatalf("the image cannot have %q in place of %q", is, was)
		}
		if err := check(t, forged, key); err == nil {
			t.Errorf("U-Boot takes an image with %q in place of %q", is, was)
		}
	}
}
