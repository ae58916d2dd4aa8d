package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/farspoke/farspoke/board"
)

// published are sizes that others tell of their images.
const published = "Published sizes, not measured here: VyOS, which has the same functions and many more, says that its images are “about 600M at the moment” (June 2025, pull request 4569 of vyos/vyos-1x), and a nightly build had 391 MB in September 2023 (pull request 427 of vyos/vyos-build). No published size of an OpenWrt image with strongSwan and FRR was found."

// fitSize is the size of the signed image, which is one for all boards.
func fitSize(_ context.Context, built images) ([]Figure, error) {
	sizes, err := readSizes(filepath.Dir(built.Disk.Disk), "firmware.fit", "Image.gz", "initramfs.cpio.zst", "binary", "modules")
	if err != nil {
		return nil, err
	}
	var boards []string
	for _, b := range board.All() {
		boards = append(boards, b.Name)
	}
	whole, kernel, initramfs := sizes[0], sizes[1], sizes[2]
	return []Figure{{
		ID: "fit-size", Ours: whole, Unit: "MiB", Target: 32,
		Method: fmt.Sprintf("The signed FIT image as it lies in each of the two slots of a disk, without the toolbox: all of the firmware but the boot loader. It is the same for all boards (%s). It holds the kernel with %.2f MiB, the initramfs with %.2f MiB (before compression our program has %.2f MiB, and the modules of all boards have %.2f MiB), and device trees, command lines and signatures with %.2f MiB. %s",
			strings.Join(boards, ", "), kernel, initramfs, sizes[3], sizes[4], whole-kernel-initramfs, published),
	}}, nil
}

// readSizes returns the sizes, in MiB, of files and parts that a build's manifest
// names.
func readSizes(dir string, names ...string) ([]float64, error) {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return nil, fmt.Errorf("read the image's manifest: %w", err)
	}
	type part struct {
		Name string
		Size int64
	}
	var manifest struct{ Parts, Files []part }
	if err := json.Unmarshal(text, &manifest); err != nil {
		return nil, fmt.Errorf("read the image's manifest: %w", err)
	}
	known := make(map[string]int64)
	for _, p := range append(manifest.Parts, manifest.Files...) {
		known[p.Name] = p.Size
	}
	var sizes []float64
	for _, name := range names {
		if known[name] == 0 {
			return nil, fmt.Errorf("read the image's manifest: it knows no size of %s", name)
		}
		sizes = append(sizes, float64(known[name])/mebibyte)
	}
	return sizes, nil
}
