package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/debian"
)

// The files with which a boot loader that is not ours starts the box, unverified.
const (
	deviceTreeFile = "board.dtb"
	extlinuxFile   = "extlinux.conf"
)

// writeBringUp writes them for a board with a device tree of Debian's, and returns
// their names.
func writeBringUp(out string, b board.Board, kernel debian.Kernel) ([]string, error) {
	if b.Boot.DeviceTree == "" {
		return nil, nil
	}
	tree, err := os.ReadFile(filepath.Join(kernel.DeviceTrees(), b.Boot.DeviceTree))
	if err != nil {
		return nil, fmt.Errorf("read the device tree of %s: %w", b.Name, err)
	}
	if tree, err = withCrashMemory(tree, b.Ramoops); err != nil {
		return nil, fmt.Errorf("read the device tree of %s: %w", b.Name, err)
	}
	for name, data := range map[string][]byte{deviceTreeFile: tree, extlinuxFile: extlinux(b)} {
		if err := os.WriteFile(filepath.Join(out, name), data, 0o644); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return []string{deviceTreeFile, extlinuxFile}, nil
}

// extlinux is what U-Boot looks for as extlinux/extlinux.conf. The kernel is to lie
// beside it unpacked, for not every U-Boot unpacks one.
func extlinux(b board.Board) []byte {
	return fmt.Appendf(nil, `default farspoke
label farspoke
	kernel /Image
	initrd /%s
	fdt /%s
	append %s
`, initramfsFile, deviceTreeFile, b.CommandLine())
}

// hasBootLoader returns an error if there is no boot loader of ours for a board.
func hasBootLoader(b board.Board) error {
	if b.Boot.Defconfig == "" {
		return fmt.Errorf("there is no boot loader of ours for %s yet, so no disk: build without -disk and see docs/boards", b.Name)
	}
	return nil
}
