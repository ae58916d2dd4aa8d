package main

import (
	"encoding/binary"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fdt"
)

// reserveCrashMemory adds to a board's tree where the text of a crash outlasts a
// reset, so that the boot loader and the kernel leave it alone and the kernel's driver
// finds it.
func reserveCrashMemory(root *fdt.Node, r board.Ramoops) {
	reserved := root.Child("reserved-memory")
	if reserved == nil {
		reserved = root.Add("reserved-memory")
		// Numbers are written as at the root, or the kernel heeds none of it.
		for _, name := range []string{"#address-cells", "#size-cells"} {
			value, _ := root.Property(name)
			reserved.Set(name, value)
		}
		reserved.Set("ranges", nil)
	}
	node := reserved.Add(r.Node())
	node.SetString("compatible", "ramoops")
	node.SetCells("reg", append(wide(reserved, "#address-cells", r.Address), wide(reserved, "#size-cells", r.Size)...)...)
	for _, c := range r.Cells() {
		node.SetCells(c.Name, c.Value)
	}
}

// withCrashMemory does so with a tree in octets, which it leaves as it is for a board
// without.
func withCrashMemory(blob []byte, r board.Ramoops) ([]byte, error) {
	if r == (board.Ramoops{}) {
		return blob, nil
	}
	root, err := fdt.Parse(blob)
	if err != nil {
		return nil, err
	}
	reserveCrashMemory(root, r)
	return fdt.Marshal(root), nil
}

// wide writes a number in as many cells as a property of a node says.
func wide(node *fdt.Node, cells string, number uint32) []uint32 {
	value, _ := node.Property(cells)
	if len(value) == 4 && binary.BigEndian.Uint32(value) == 2 {
		return []uint32{0, number}
	}
	return []uint32{number}
}
