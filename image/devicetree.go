package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/internal/debian"
)

// deviceTree is the description of a board.
type deviceTree struct {
	board board.Board
	// origin is the file in the kernel's package, or the emulator and its version.
	origin string
	blob   []byte
}

// deviceTrees returns those of all boards.
func deviceTrees(ctx context.Context, kernel debian.Kernel) ([]deviceTree, error) {
	var trees []deviceTree
	for _, b := range board.All() {
		t, err := readDeviceTree(ctx, b, kernel)
		if err == nil {
			t.blob, err = withCrashMemory(t.blob, b.Ramoops)
		}
		if err != nil {
			return nil, fmt.Errorf("get the device tree of %s: %w", b.Name, err)
		}
		trees = append(trees, t)
	}
	return trees, nil
}

// readDeviceTree returns Debian's as it is, or what an emulator says of itself.
func readDeviceTree(ctx context.Context, b board.Board, kernel debian.Kernel) (deviceTree, error) {
	if b.Boot.DeviceTree == "" {
		return askQEMU(ctx, b)
	}
	blob, err := os.ReadFile(filepath.Join(kernel.DeviceTrees(), b.Boot.DeviceTree))
	return deviceTree{board: b, origin: b.Boot.DeviceTree, blob: blob}, err
}

const emulator = "qemu-system-aarch64"

// askQEMU returns what QEMU says of the machine that boots firmware: without any, it
// describes devices that it then does not have.
func askQEMU(ctx context.Context, b board.Board) (deviceTree, error) {
	version, err := exec.CommandContext(ctx, emulator, "--version").Output()
	if err != nil {
		return deviceTree{}, fmt.Errorf("ask QEMU for its version: %w", err)
	}
	dir, err := os.MkdirTemp("", "farspoke-image-*")
	if err != nil {
		return deviceTree{}, err
	}
	defer os.RemoveAll(dir)
	file, firmware := filepath.Join(dir, "virt.dtb"), filepath.Join(dir, "firmware")
	if err := os.WriteFile(firmware, []byte("does not run"), 0o600); err != nil {
		return deviceTree{}, err
	}
	cmd := exec.CommandContext(ctx, emulator, "-machine", "virt,dumpdtb="+file,
		"-cpu", "cortex-a72", "-smp", "2", "-m", "512", "-nodefaults", "-display", "none", "-bios", firmware)
	if out, err := cmd.CombinedOutput(); err != nil {
		return deviceTree{}, fmt.Errorf("ask QEMU: %w\n%s", err, out)
	}
	blob, err := os.ReadFile(file)
	if err != nil {
		return deviceTree{}, err
	}
	tree, err := fdt.Parse(blob)
	if err != nil {
		return deviceTree{}, err
	}
	// Random numbers that are the same at every start are worse than none.
	if chosen := tree.Child("chosen"); chosen != nil {
		chosen.Unset("kaslr-seed")
		chosen.Unset("rng-seed")
	}
	first, _, _ := strings.Cut(string(version), "\n")
	return deviceTree{board: b, origin: first + ", virt", blob: fdt.Marshal(tree)}, nil
}
