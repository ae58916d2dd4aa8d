package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/farspoke/farspoke/lab/qemu"
)

// diskImage is our firmware on a disk, and the boot loader that starts it. Both are
// paths of files.
type diskImage struct {
	BootLoader, Disk string
}

// diskSize is that of the box's disk, in octets: larger than the image, as a real
// one.
const diskSize = 512 << 20

// buildDisk builds a disk with a site into dir.
func buildDisk(ctx context.Context, root, dir string, site Site) (diskImage, error) {
	files := filepath.Join(dir, "site")
	if err := os.MkdirAll(files, 0o700); err != nil {
		return diskImage{}, fmt.Errorf("build the box's disk: %w", err)
	}
	for name, data := range site {
		if err := os.WriteFile(filepath.Join(files, name), data, 0o600); err != nil {
			return diskImage{}, fmt.Errorf("build the box's disk: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, "go", "run", "./image", "-disk", "-site", files, "-o", dir)
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		return diskImage{}, fmt.Errorf("build the box's disk: %w\n%s", err, output)
	}
	return diskImage{BootLoader: filepath.Join(dir, "u-boot.bin"), Disk: filepath.Join(dir, "disk.img")}, nil
}

// onDisk is the box with its firmware on a disk, which is new at each start of the
// machine and kept when it restarts.
func onDisk(k kind, image diskImage) kind {
	return fromDisk(k, image.BootLoader, func(dir string) (string, error) {
		file := filepath.Join(dir, "box.disk")
		return file, flash(image.Disk, file)
	})
}

// fromDisk is the box with its firmware on the disk that a function provides for
// each start of the machine.
func fromDisk(k kind, bootLoader string, disk func(dir string) (file string, err error)) kind {
	k.machine = func(dir string, _ *Branch) (qemu.Config, error) {
		file, err := disk(dir)
		return qemu.Config{Firmware: bootLoader, Disk: file, Watchdog: true, Button: true}, err
	}
	k.milestones = append([]milestone{
		{"u-boot", `farspoke: slot`}, {"kernel", `^Starting kernel`}, {"slot", `milestone=slot`},
	}, k.milestones...)
	return k
}

// flash copies an image to a larger disk.
func flash(image, disk string) error {
	in, err := os.Open(image)
	if err != nil {
		return fmt.Errorf("flash the box's disk: %w", err)
	}
	defer in.Close()
	out, err := os.Create(disk)
	if err != nil {
		return fmt.Errorf("flash the box's disk: %w", err)
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return fmt.Errorf("flash the box's disk: %w", err)
	}
	if err := out.Truncate(diskSize); err != nil {
		return fmt.Errorf("flash the box's disk: %w", err)
	}
	return nil
}
