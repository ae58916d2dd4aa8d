package main

import (
	"context"
	"fmt"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/uboot"
	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/rootfs"
)

// loader is U-Boot and what it is packed with.
type loader struct {
	board board.Board
	build uboot.Build
	// control is U-Boot's own device tree, with the key in it; tree is the kernel's.
	control, tree []byte
	cache         debian.Cache
	// stock is what the board came with in its flash, nil if it was not given.
	stock []byte
	// inputs are the packages that the packing took from, and trustedFirmware the
	// sources of TF-A if it was built.
	inputs          []debian.Package
	trustedFirmware *debian.Source
}

// output is a file that a build writes.
type output struct {
	name string
	data []byte
}

// packings make what the stage before U-Boot takes.
var packings = map[board.Packing]func(*loader, context.Context) ([]output, error){
	board.Plain:       (*loader).plain,
	board.Rockchip:    (*loader).rockchip,
	board.Armada3720:  (*loader).armada3720,
	board.TurrisMox:   (*loader).turrisMox,
	board.Layerscape:  (*loader).layerscape,
	board.RaspberryPi: (*loader).raspberryPi,
}

// pack returns the boot loader as the board's first stage takes it. The key is in
// every packing, by U-Boot's device tree.
func (l *loader) pack(ctx context.Context) ([]output, error) {
	pack, ok := packings[l.board.Boot.Loader.Packing]
	if !ok {
		return nil, fmt.Errorf("pack the boot loader: nothing makes %q", l.board.Boot.Loader.Packing)
	}
	files, err := pack(l, ctx)
	if err != nil {
		return nil, fmt.Errorf("pack the boot loader: %w", err)
	}
	return files, nil
}

// plain is U-Boot with its device tree directly behind it.
func (l *loader) plain(context.Context) ([]output, error) {
	program, err := l.withTree()
	return []output{{bootLoaderFile, program}}, err
}

func (l *loader) withTree() ([]byte, error) {
	program, err := l.build.Program()
	return append(program, l.control...), err
}

// packageFiles returns the files of a package of Debian's, which becomes one of the
// inputs.
func (l *loader) packageFiles(ctx context.Context, fetch func(ctx context.Context, set string, names ...string) ([]debian.Package, error), name string) (rootfs.Tree, error) {
	packages, err := fetch(ctx, "loader-"+name, name)
	if err != nil {
		return nil, err
	}
	l.inputs = append(l.inputs, packages...)
	return rootfs.Unpack(ctx, packages[0].File)
}
