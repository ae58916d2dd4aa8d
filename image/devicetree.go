package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/internal/debian"
)

// deviceTree returns the description of a board: Debian's, or what an emulator says
// of itself when it starts firmware. firmware is the path of one, which does not
// run.
func deviceTree(ctx context.Context, b board.Board, kernel debian.Kernel, firmware string) (*fdt.Node, error) {
	if b.Boot.DeviceTree != "" {
		blob, err := os.ReadFile(filepath.Join(kernel.DeviceTrees(), b.Boot.DeviceTree))
		if err != nil {
			return nil, fmt.Errorf("read the device tree of %s: %w", b.Name, err)
		}
		return fdt.Parse(blob)
	}
	dir, err := os.MkdirTemp("", "farspoke-image-*")
	if err != nil {
		return nil, fmt.Errorf("ask QEMU for its device tree: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "virt.dtb")
	cmd := exec.CommandContext(ctx, "qemu-system-aarch64", "-machine", "virt,dumpdtb="+file,
		"-cpu", "cortex-a72", "-smp", "2", "-m", "512", "-nodefaults", "-display", "none", "-bios", firmware)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ask QEMU for its device tree: %w\n%s", err, out)
	}
	blob, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ask QEMU for its device tree: %w", err)
	}
	tree, err := fdt.Parse(blob)
	if err != nil {
		return nil, err
	}
	// Random numbers that are the same at every start are worse than none.
	if chosen := tree.Child("chosen"); chosen != nil {
		chosen.Unset("kaslr-seed")
		chosen.Unset("rng-seed")
	}
	return tree, nil
}
