package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/image/fit"
	"github.com/farspoke/farspoke/image/uboot"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/gpt"
)

// The files that a build of a disk writes besides.
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
	// verifiedArgs go behind the board's kernel arguments: what the boot loader has
	// verified loads no module that nobody has signed. Debian signs all of its own.
	verifiedArgs = "module.sig_enforce=1"
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
	loader, err := uboot.For(ctx, o.cache, o.board)
	if err != nil {
		return nil, err
	}
	m.BootLoader, m.Compiler = &loader.Source, loader.Compiler
	program, err := loader.Program()
	if err != nil {
		return nil, fmt.Errorf("read the boot loader: %w", err)
	}
	firmware := filepath.Join(o.out, bootLoaderFile)
	if err := os.WriteFile(firmware, program, 0o644); err != nil {
		return nil, fmt.Errorf("write the boot loader: %w", err)
	}
	tree, err := deviceTree(ctx, o.board, kernel, firmware)
	if err != nil {
		return nil, err
	}
	progress("signature by the key " + signer.Name())
	signed, err := signedImage(o, source, fdt.Marshal(tree), signer)
	if err != nil {
		return nil, err
	}
	control, err := controlTree(tree, signer)
	if err != nil {
		return nil, err
	}
	disk, size, err := diskPieces(signed)
	if err != nil {
		return nil, err
	}
	for name, data := range map[string][]byte{
		fitFile: signed, controlFile: control, bootLoaderFile: append(program, control...), bmapFile: bmap(disk, size),
	} {
		if err := os.WriteFile(filepath.Join(o.out, name), data, 0o644); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	if err := writeDisk(filepath.Join(o.out, diskFile), disk, size); err != nil {
		return nil, err
	}
	return []string{bootLoaderFile, controlFile, fitFile, diskFile, bmapFile}, nil
}

// signedImage reads what was built and signs it.
func signedImage(o options, source source, deviceTree []byte, signer fit.Signer) ([]byte, error) {
	kernel, err := os.ReadFile(filepath.Join(o.out, kernelFile))
	if err != nil {
		return nil, fmt.Errorf("sign the image: %w", err)
	}
	archive, err := os.ReadFile(filepath.Join(o.out, initramfsFile))
	if err != nil {
		return nil, fmt.Errorf("sign the image: %w", err)
	}
	signed, err := fit.Sign(fit.Image{
		Description: "Farspoke " + source.version, Date: source.date,
		Kernel: kernel, Initramfs: archive, Load: o.board.Boot.KernelAddress,
		Boards: []fit.Board{{Name: o.board.Name, DeviceTree: deviceTree, Args: o.board.CommandLine() + " " + verifiedArgs}},
	}, signer)
	if err != nil {
		return nil, err
	}
	if len(signed) > uboot.SlotSize {
		return nil, fmt.Errorf("the signed image has %d octets, a slot has room for %d", len(signed), uboot.SlotSize)
	}
	return signed, nil
}

// controlTree is the boot loader's own device tree: the board's, the key that it
// trusts, and the order to do nothing but what is compiled in. It changes tree.
func controlTree(tree *fdt.Node, signer fit.Signer) ([]byte, error) {
	key, err := signer.Public()
	if err != nil {
		return nil, err
	}
	if err := fit.Trust(tree, signer.Name(), key); err != nil {
		return nil, err
	}
	config := tree.Add("config")
	config.SetString("bootcmd", "boot")
	config.SetCells("bootsecure", 1)
	return fdt.Marshal(tree), nil
}

// piece is a part of a disk that is not zero, or has to be overwritten.
type piece struct {
	offset int64
	data   []byte
}

// diskPieces lays out a new disk, with the image in both slots: the second is what
// a box falls back to when the first is damaged. The rest of the disk, however
// large, becomes the data partition at the first start.
func diskPieces(signed []byte) (pieces []piece, size int64, err error) {
	table := gpt.Table{Disk: identifier("disk")}
	next := int64(diskStart)
	add := func(name string, octets int64) int64 {
		offset := next
		next += octets
		table.Partitions = append(table.Partitions, gpt.Partition{
			Name: name, Type: gpt.LinuxData, ID: identifier(name),
			First: uint64(offset / gpt.Sector), Last: uint64(next/gpt.Sector) - 1,
		})
		return offset
	}
	state := add(bootstate.Partition, bootstate.PartitionSize)
	record := make([]byte, bootstate.PartitionSize)
	copy(record[bootstate.Offsets[0]:], bootstate.Fresh().Marshal())
	pieces = append(pieces, piece{state, record})
	for _, slot := range []bootstate.Slot{bootstate.A, bootstate.B} {
		pieces = append(pieces, piece{add(slot.Partition(), uboot.SlotSize), signed})
	}
	size = next + alignment
	head, tail, err := table.Marshal(uint64(size / gpt.Sector))
	if err != nil {
		return nil, 0, err
	}
	pieces = append([]piece{{0, head}}, pieces...)
	return append(pieces, piece{size - int64(len(tail)), tail}), size, nil
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
