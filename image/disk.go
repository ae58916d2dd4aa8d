package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/image/fit"
	"github.com/farspoke/farspoke/image/uboot"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/gpt"
)

// The files that a build of a disk writes besides, and those of the boot loader.
const (
	fitFile        = "firmware.fit"
	bootLoaderFile = "u-boot.bin"
	controlFile    = "u-boot.dtb"
	diskFile       = "disk.img"
	bmapFile       = "disk.bmap"
)

const (
	// diskStart is where the first partition begins, in octets: boot loaders of
	// boards that start from the same disk lie before it.
	diskStart = 16 << 20
	// alignment is what partitions begin at a multiple of, in octets.
	alignment = 1 << 20
	// controlRoom is for what U-Boot's code for a board changes in its device tree: on a
	// Turris MOX, what is plugged in.
	controlRoom = 4096
)

// buildDisk writes the boot loader, the signed image and the disk that holds it,
// and returns the names of the files.
func buildDisk(ctx context.Context, o options, kernel debian.Kernel, source source, m *manifest) ([]string, error) {
	signer, err := o.keys.signer(ctx, o.cache)
	if err != nil {
		return nil, err
	}
	m.Key = signer.Name()
	progress("boot loader (half a minute, once)")
	built, err := uboot.For(ctx, o.cache, o.board)
	if err != nil {
		return nil, err
	}
	m.BootLoader, m.Compiler = &built.Source, built.Compiler
	trees, err := deviceTrees(ctx, kernel)
	if err != nil {
		return nil, err
	}
	progress("signature by the key " + signer.Name())
	signed, err := signedImage(o.out, source, trees, signer, m)
	if err != nil {
		return nil, err
	}
	own := slices.IndexFunc(trees, func(t deviceTree) bool { return t.board.Name == o.board.Name })
	control, err := controlTree(built, trees[own], signer)
	if err != nil {
		return nil, err
	}
	l := loader{board: o.board, build: built, control: control, tree: trees[own].blob, cache: o.cache}
	if l.stock, err = o.readStock(m); err != nil {
		return nil, err
	}
	outputs, err := l.pack(ctx)
	if err != nil {
		return nil, err
	}
	m.LoaderInputs, m.TrustedFirmware = l.inputs, l.trustedFirmware
	disk, size, err := diskPieces(signed, o.board.Boot.Loader.OnDisk, outputs)
	if err != nil {
		return nil, err
	}
	outputs = append(outputs, output{controlFile, control}, output{fitFile, signed}, output{bmapFile, bmap(disk, size)})
	var names []string
	for _, f := range outputs {
		if err := os.WriteFile(filepath.Join(o.out, f.name), f.data, 0o644); err != nil {
			return nil, fmt.Errorf("write %s: %w", f.name, err)
		}
		names = append(names, f.name)
	}
	return append(names, diskFile), writeDisk(filepath.Join(o.out, diskFile), disk, size)
}

// controlTree is the boot loader's own device tree: U-Boot's of the board or the
// emulator's, the key that it trusts, and the order to do nothing but what is compiled
// in.
func controlTree(built uboot.Build, own deviceTree, signer fit.Signer) ([]byte, error) {
	blob := own.blob
	if own.board.Boot.DeviceTree != "" {
		var err error
		if blob, err = built.DeviceTree(); err != nil {
			return nil, fmt.Errorf("read U-Boot's device tree: %w", err)
		}
	}
	tree, err := fdt.Parse(blob)
	if err != nil {
		return nil, err
	}
	key, err := signer.Public()
	if err != nil {
		return nil, err
	}
	if err := fit.Trust(tree, signer.Name(), key); err != nil {
		return nil, err
	}
	config := tree.Child("config")
	if config == nil {
		config = tree.Add("config")
	}
	config.SetString("bootcmd", "boot")
	config.SetCells("bootsecure", 1)
	return fdt.WithRoom(fdt.Marshal(tree), controlRoom), nil
}

// piece is a part of a disk that is not zero, or has to be overwritten.
type piece struct {
	offset int64
	data   []byte
}

// diskPieces lays out a new disk, with the image in both slots: the second is what
// a box falls back to when the first is damaged. The rest of the disk, however
// large, becomes the data partition at the first start.
func diskPieces(signed []byte, onDisk []board.DiskFile, loader []output) (pieces []piece, size int64, err error) {
	table := gpt.Table{Disk: identifier("disk")}
	partition := func(name string, kind gpt.GUID, offset, end int64) {
		table.Partitions = append(table.Partitions, gpt.Partition{
			Name: name, Type: kind, ID: identifier(name),
			First: uint64(offset / gpt.Sector), Last: uint64(end/gpt.Sector) - 1,
		})
	}
	if pieces, err = loaderPieces(onDisk, loader); err != nil {
		return nil, 0, err
	}
	for i, f := range onDisk {
		if f.Partition != "" {
			partition(f.Partition, gpt.BasicData, f.Offset, f.Offset+int64(len(pieces[i].data)))
		}
	}
	next := int64(diskStart)
	add := func(name string, octets int64) int64 {
		offset := next
		next += octets
		partition(name, gpt.LinuxData, offset, next)
		return offset
	}
	state := add(bootstate.Partition, bootstate.PartitionSize)
	record := make([]byte, bootstate.PartitionSize)
	copy(record[bootstate.Offsets[0]:], bootstate.Fresh().Marshal())
	pieces = append(pieces, piece{state, record})
	for _, slot := range []bootstate.Slot{bootstate.A, bootstate.B} {
		pieces = append(pieces, piece{add(slot.Partition(), uboot.SlotSize), signed})
	}
	size = next + alignment // the data partition begins behind it: see package disk
	head, tail, err := table.Marshal(uint64(size / gpt.Sector))
	if err != nil {
		return nil, 0, err
	}
	pieces = append([]piece{{0, head}}, pieces...)
	return append(pieces, piece{size - int64(len(tail)), tail}), size, nil
}

// loaderPieces are the files of the boot loader that lie on the disk, behind the
// partition table and before the first slot.
func loaderPieces(onDisk []board.DiskFile, loader []output) (pieces []piece, err error) {
	free := int64(gpt.HeadSectors * gpt.Sector)
	for _, f := range onDisk {
		i := slices.IndexFunc(loader, func(o output) bool { return o.name == f.Name })
		if i < 0 {
			return nil, fmt.Errorf("lay out the disk: the boot loader has no file %s", f.Name)
		}
		if f.Offset < free {
			return nil, fmt.Errorf("lay out the disk: %s is to be at octet %d, and what is before it ends at %d", f.Name, f.Offset, free)
		}
		pieces = append(pieces, piece{f.Offset, loader[i].data})
		free = f.Offset + int64(len(loader[i].data))
	}
	if free > diskStart {
		return nil, fmt.Errorf("lay out the disk: the boot loader ends at octet %d, and the first slot begins at %d", free, diskStart)
	}
	return pieces, nil
}

// identifier returns the same GUID for the same name, of version 8.
func identifier(name string) gpt.GUID {
	sum := sha256.Sum256([]byte("farspoke " + name))
	id := gpt.GUID(sum[:16])
	id[7] = id[7]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id
}

// writeDisk writes a disk, with holes where nothing is.
func writeDisk(file string, pieces []piece, size int64) error {
	return writeFile(file, func(w io.Writer) error {
		out := w.(*os.File)
		for _, p := range pieces {
			if _, err := io.Copy(io.NewOffsetWriter(out, p.offset), bytes.NewReader(p.data)); err != nil {
				return err
			}
		}
		return out.Truncate(size)
	})
}
