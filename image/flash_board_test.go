//go:build image

package main

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fip"
)

// stockSize is how long a synthesised flash is, and stockBootAt where the boot image
// of one begins, in octets.
const stockSize, stockBootAt = 2 << 20, 0x1_0000

// stockOf returns a file with what a board could have come with in its flash, empty
// for a board that needs none.
func stockOf(t *testing.T, b board.Board) string {
	t.Helper()
	var stock []byte
	switch b.Boot.Loader.Packing {
	case board.Layerscape:
		p := fip.Package{Images: []fip.Image{{ID: fip.BL31, Data: []byte("stock BL31")}, {ID: fip.BL33, Data: []byte("stock U-Boot")}}}
		stock = p.Marshal(1)
	case board.Armada3720: // a table of two images without checksums: itself and what starts
		for _, word := range []uint32{0x30600, 0x54494d48, 0, 0, 0, 0, 0, 0, 0, 0, 0x5350490a, 2, 0, 0} {
			stock = binary.LittleEndian.AppendUint32(stock, word)
		}
		for _, image := range [][5]uint32{{0x54494d48, 0x4f424d49, 0, 0x20006000, 0x200}, {0x4f424d49, 0xffffffff, stockBootAt, 0x64100000, 0x1000}} {
			for _, word := range image {
				stock = binary.LittleEndian.AppendUint32(stock, word)
			}
			stock = append(stock, make([]byte, 22*4)...)
		}
	default:
		return ""
	}
	file := filepath.Join(t.TempDir(), "stock.bin")
	if err := os.WriteFile(file, append(stock, bytes.Repeat([]byte{0xff}, stockSize-len(stock))...), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// checkFlash looks for the boot loader in what is written to a board's flash.
func checkFlash(t *testing.T, b board.Board, dir string, control []byte) {
	t.Helper()
	inPackage := func(firmware []byte) *fip.Package {
		t.Helper()
		p, err := fip.Parse(firmware)
		if err != nil {
			t.Fatal(err)
		}
		if p.Find(fip.BL31) == nil || p.Find(fip.BL33) == nil || !bytes.HasSuffix(p.Find(fip.BL33).Data, control) {
			t.Fatal("a stage is missing, or the boot loader has another device tree")
		}
		return p
	}
	switch b.Boot.Loader.Packing {
	case board.Armada3720:
		image := readFile(t, dir, bootImageFile)
		inPackage(image[packageOffset:])
		if flash := readFile(t, dir, flashImageFile); !bytes.HasPrefix(flash[stockBootAt:], image) {
			t.Errorf("%s is not in %s", bootImageFile, flashImageFile)
		}
	case board.TurrisMox:
		if p := inPackage(readFile(t, dir, a53File)[packageOffset:]); p.Find(fip.BL2) == nil {
			t.Errorf("%s lacks BL2", a53File)
		}
	case board.Layerscape:
		if p := inPackage(readFile(t, dir, bl3File)); string(p.Find(fip.BL31).Data) != "stock BL31" {
			t.Errorf("%s has another BL31 than the board came with", bl3File)
		}
	}
}
