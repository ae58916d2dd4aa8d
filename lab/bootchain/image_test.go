//go:build disk

package bootchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/image/fit"
	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/initramfs"
)

// built is what all tests start from: the real firmware, on a disk.
var built struct {
	dir    string
	image  fit.Image // what is in both slots, without its signature
	signed []byte
	key    fit.Signer
}

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "farspoke-bootchain-*")
	if err == nil {
		err = buildDisk(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// buildDisk builds the firmware and takes its signed image apart.
func buildDisk(ctx context.Context, dir string) error {
	built.dir = dir
	cmd := exec.CommandContext(ctx, "go", "run", "./image", "-disk", "-o", dir)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the disk: %w\n%s", err, out)
	}
	var err error
	if built.signed, err = os.ReadFile(filepath.Join(dir, "firmware.fit")); err != nil {
		return err
	}
	tree, err := fdt.Parse(built.signed)
	if err != nil {
		return err
	}
	data := func(image string) []byte {
		value, _ := tree.Child("images").Child(image).Property("data")
		return value
	}
	args, ok := tree.Child("configurations").Child("virt").Property(fit.ArgsProperty)
	if !ok {
		return errors.New("the image has no command line")
	}
	virt, err := board.Find("virt")
	if err != nil {
		return err
	}
	kernel, _ := tree.Child("kernel").Property("data")
	built.image = fit.Image{
		Description: "variant", Kernel: kernel, Initramfs: data("initramfs"),
		Boards: []fit.Board{{
			Name: "virt", Load: virt.Boot.KernelAddress, DeviceTree: data("fdt-virt"), Args: string(bytes.TrimRight(args, "\x00")),
		}},
	}
	cache, err := debian.UserCache()
	if err != nil {
		return err
	}
	built.key, err = fit.OpenKeyFile("development", cache.Path("keys", "development.pem"))
	return err
}

// sign returns an image, signed by a key.
func sign(t *testing.T, image fit.Image, key fit.Signer) []byte {
	t.Helper()
	signed, err := fit.Sign(image, key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// withFile returns a signed image in which another file takes the place of one.
func withFile(t *testing.T, name string, contents []byte) []byte {
	t.Helper()
	return withFiles(t, map[string][]byte{name: contents})
}

// withFiles returns a signed image in which other files take the places of some.
func withFiles(t *testing.T, files map[string][]byte) []byte {
	t.Helper()
	return sign(t, variant(t, files), built.key)
}

// variant returns an image in which other files take the places of some.
func variant(t *testing.T, files map[string][]byte) fit.Image {
	t.Helper()
	var archive initramfs.Archive
	for name, contents := range files {
		archive.File(name, 0o755, contents)
	}
	var out bytes.Buffer
	out.Write(built.image.Initramfs)
	for out.Len()%4 != 0 { // where the kernel looks for the next archive
		out.WriteByte(0)
	}
	if _, err := archive.WriteTo(&out); err != nil {
		t.Fatal(err)
	}
	image := built.image
	image.Initramfs = out.Bytes()
	return image
}

// withInit returns a signed image whose PID 1 is the program in a folder.
func withInit(t *testing.T, folder string) []byte {
	t.Helper()
	return withFile(t, "/init", program(t, folder))
}

// program builds the program in a folder of testdata for the box.
func program(t *testing.T, folder string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", file, "./"+filepath.Join("testdata", folder))
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", folder, err, out)
	}
	program, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return program
}
