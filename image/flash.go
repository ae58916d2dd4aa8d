package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fip"
	"github.com/farspoke/farspoke/image/tfa"
	"github.com/farspoke/farspoke/image/tim"
)

// What is written to the flash of boards that do not start from their disk alone.
const (
	bootImageFile  = "boot-image.bin"
	flashImageFile = "flash-image.bin"
	a53File        = "a53-firmware.bin"
	bl3File        = "bl3.bin"
)

const (
	// packageOffset is where the first stage of an Armada 3720's TF-A looks for what it
	// loads, behind itself, in octets.
	packageOffset = 128 << 10
	// packageAlign is what the images that TF-A loads begin at a multiple of.
	packageAlign = 0x100
	// maxStock bounds what is read: no board has that much flash for its boot loader.
	maxStock = 64 << 20
)

// readStock reads what the board came with, if it was given, and records it.
func (o options) readStock(m *manifest) ([]byte, error) {
	if o.stock == "" {
		return nil, nil
	}
	switch o.board.Boot.Loader.Packing {
	case board.Armada3720, board.Layerscape:
	default:
		return nil, fmt.Errorf("the boot loader of %s needs nothing of what the board came with", o.board.Name)
	}
	info, err := os.Stat(o.stock)
	if err != nil {
		return nil, fmt.Errorf("read what the board came with: %w", err)
	}
	if info.Size() > maxStock {
		return nil, fmt.Errorf("%s has %d octets, more than the flash of a board", o.stock, info.Size())
	}
	data, err := os.ReadFile(o.stock)
	if err != nil {
		return nil, fmt.Errorf("read what the board came with: %w", err)
	}
	m.Stock = &part{Name: filepath.Base(o.stock), Size: int64(len(data)), SHA256: fmt.Sprintf("%x", sha256.Sum256(data))}
	return data, nil
}

// armada3720 is the boot image, and the board's flash with it, from the beginning: its
// table of images and what sets up the memory are the board's own.
func (l *loader) armada3720(ctx context.Context) ([]output, error) {
	image, err := l.bootImage(ctx)
	if err != nil || l.stock == nil {
		return []output{{bootImageFile, image}}, err
	}
	flash, err := tim.Replace(l.stock, image)
	if err != nil {
		return nil, err
	}
	return []output{{bootImageFile, image}, {flashImageFile, flash}}, fits(flash, l.board)
}

// turrisMox is the boot image, which has a place of its own in the flash of a MOX.
func (l *loader) turrisMox(ctx context.Context) ([]output, error) {
	image, err := l.bootImage(ctx)
	if err != nil {
		return nil, err
	}
	return []output{{a53File, image}}, fits(image, l.board)
}

// bootImage is what the application processors of an Armada 3720 start: TF-A, and
// U-Boot with its device tree. Clocks and memory have been set up by then, by a
// program for another processor which nobody packages.
func (l *loader) bootImage(ctx context.Context) ([]byte, error) {
	program, err := l.withTree()
	if err != nil {
		return nil, err
	}
	progress("Trusted Firmware-A (a quarter of a minute, once)")
	built, err := tfa.For(ctx, l.cache, "a3700", l.board.Boot.Loader.TrustedFirmware...)
	if err != nil {
		return nil, err
	}
	l.trustedFirmware = &built.Source
	first, err := built.BL1()
	if err != nil {
		return nil, err
	}
	rest, err := built.Package(program)
	if err != nil {
		return nil, err
	}
	return joinStages(first, rest)
}

// joinStages puts what the first stage of TF-A loads where it looks for it.
func joinStages(first []byte, rest *fip.Package) ([]byte, error) {
	if len(first) > packageOffset {
		return nil, fmt.Errorf("the first stage of TF-A has %d octets, there is room for %d", len(first), packageOffset)
	}
	return slices.Concat(first, make([]byte, packageOffset-len(first)), rest.Marshal(packageAlign)), nil
}

// layerscape is U-Boot with its device tree, and the board's package of firmware with
// it in place of another. Nobody packages the rest of that for the board.
func (l *loader) layerscape(context.Context) ([]output, error) {
	program, err := l.withTree()
	if err != nil || l.stock == nil {
		return []output{{bootLoaderFile, program}}, err
	}
	bl3, err := replaceBootLoader(l.stock, program)
	if err != nil {
		return nil, err
	}
	return []output{{bootLoaderFile, program}, {bl3File, bl3}}, fits(bl3, l.board)
}

// replaceBootLoader returns a package of firmware with another boot loader in it.
func replaceBootLoader(firmware, program []byte) ([]byte, error) {
	p, err := fip.Parse(firmware)
	if err != nil {
		return nil, err
	}
	replaced := p.Find(fip.BL33)
	switch {
	case replaced == nil:
		return nil, errors.New("what the board came with has no boot loader in it")
	case p.Find(fip.BL33Certificate) != nil:
		return nil, errors.New("the boot loader that the board came with is signed, and the board takes no other")
	}
	replaced.Data = program
	return p.Marshal(packageAlign), nil
}

// fits returns an error if a file is too long for its place in the board's flash.
func fits(file []byte, b board.Board) error {
	if room := b.Boot.Loader.Room; int64(len(file)) > room {
		return fmt.Errorf("it has %d octets, the flash of %s has room for %d", len(file), b.Name, room)
	}
	return nil
}
