package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fdt"
)

// signedImage is the firmware of a board as it lies in a slot of the disk. Sizes
// are in octets.
type signedImage struct {
	Board string
	Size  int
	// Contents are the sizes of what is in it, by the type that a FIT image calls
	// it: kernel, ramdisk, flat_dt.
	Contents map[string]int
	// Parts are the sizes of the initramfs' parts before compression.
	Parts map[string]int
}

// buildSignedImages builds the firmware of every board that has a boot loader of
// ours, below dir.
func buildSignedImages(ctx context.Context, root, dir string) ([]signedImage, error) {
	var all []signedImage
	for _, b := range board.All() {
		if b.Boot.Defconfig == "" {
			continue
		}
		out := filepath.Join(dir, b.Name)
		cmd := exec.CommandContext(ctx, "go", "run", "./image", "-board", b.Name, "-disk", "-toolbox=false", "-o", out)
		cmd.Dir = root
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build the signed image of %s: %w\n%s", b.Name, err, text)
		}
		image, err := readSignedImage(out)
		if err != nil {
			return nil, fmt.Errorf("read the signed image of %s: %w", b.Name, err)
		}
		image.Board = b.Name
		all = append(all, image)
	}
	return all, nil
}

// readSignedImage reads the output of a build.
func readSignedImage(dir string) (signedImage, error) {
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		return signedImage{}, err
	}
	var manifest struct {
		Parts []struct {
			Name string
			Size int
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		return signedImage{}, err
	}
	data, err := os.ReadFile(filepath.Join(dir, "firmware.fit"))
	if err != nil {
		return signedImage{}, err
	}
	root, err := fdt.Parse(data)
	if err != nil {
		return signedImage{}, err
	}
	image := signedImage{Size: len(data), Contents: make(map[string]int), Parts: make(map[string]int)}
	for _, part := range manifest.Parts {
		image.Parts[part.Name] = part.Size
	}
	images := root.Child("images")
	if images == nil {
		return signedImage{}, fmt.Errorf("there are no images in it")
	}
	for _, n := range images.Children {
		kind, _ := n.Property("type")
		data, _ := n.Property("data")
		image.Contents[string(bytes.TrimRight(kind, "\x00"))] += len(data)
	}
	return image, nil
}

// String says what is in the image.
func (i signedImage) String() string {
	mib := func(octets int) string { return fmt.Sprintf("%.2f", float64(octets)/mebibyte) }
	return fmt.Sprintf("%s: kernel %s, initramfs %s (of a program of %s and modules of %s before compression), device trees %s",
		i.Board, mib(i.Contents["kernel"]), mib(i.Contents["ramdisk"]), mib(i.Parts["binary"]), mib(i.Parts["modules"]), mib(i.Contents["flat_dt"]))
}

// published are sizes that others tell of their images.
const published = "Published sizes, not measured here: VyOS, which has the same functions and many more, says that its images are “about 600M at the moment” (June 2025, pull request 4569 of vyos/vyos-1x), and a nightly build had 391 MB in September 2023 (pull request 427 of vyos/vyos-build). No published size of an OpenWrt image with strongSwan and FRR was found."

// fitSize is the size of each board's signed image.
func fitSize(_ context.Context, built images) ([]Figure, error) {
	var figures []Figure
	var contents []string
	for _, image := range built.Signed {
		figures = append(figures, Figure{ID: "fit-size/" + image.Board, Ours: float64(image.Size) / mebibyte, Unit: "MiB", Target: 32})
		contents = append(contents, image.String())
	}
	if figures != nil {
		figures[0].Method = "The signed FIT image as it lies in each of the two slots of the disk, without the toolbox. It is all of the firmware but the boot loader. In MiB, " +
			strings.Join(contents, "; ") + ". " + published
	}
	return figures, nil
}
