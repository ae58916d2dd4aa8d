package main

import (
	"bytes"
	"testing"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fdt"
)

var crashMemory = board.Ramoops{Address: 0x5c00_0000, Size: 0x10_0000, RecordSize: 0x1_0000}

// emptyTree is a board's tree in which numbers have so many cells.
func emptyTree(addressCells, sizeCells uint32) *fdt.Node {
	root := &fdt.Node{}
	root.SetCells("#address-cells", addressCells)
	root.SetCells("#size-cells", sizeCells)
	return root
}

func TestReserveCrashMemory(t *testing.T) {
	for _, c := range []struct {
		addressCells, sizeCells uint32
		reg                     []byte
	}{
		{2, 2, []byte{0, 0, 0, 0, 0x5c, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0}},
		{2, 1, []byte{0, 0, 0, 0, 0x5c, 0, 0, 0, 0, 0x10, 0, 0}},
		{1, 1, []byte{0x5c, 0, 0, 0, 0, 0x10, 0, 0}},
	} {
		root := emptyTree(c.addressCells, c.sizeCells)
		reserveCrashMemory(root, crashMemory)
		reserved := root.Child("reserved-memory")
		for _, name := range []string{"#address-cells", "#size-cells"} {
			want, _ := root.Property(name)
			if got, _ := reserved.Property(name); !bytes.Equal(got, want) {
				t.Errorf("%s is %x, and %x at the root", name, got, want)
			}
		}
		if _, ok := reserved.Property("ranges"); !ok {
			t.Error("its addresses are not those of its parent")
		}
		node := reserved.Child("ramoops@5c000000")
		for name, want := range map[string][]byte{
			"compatible": []byte("ramoops\x00"), "reg": c.reg, "record-size": {0, 1, 0, 0}, "ecc-size": {0, 0, 0, 16}, "max-reason": {0, 0, 0, 4},
		} {
			if got, _ := node.Property(name); !bytes.Equal(got, want) {
				t.Errorf("with %d and %d cells %s is %x, want %x", c.addressCells, c.sizeCells, name, got, want)
			}
		}
	}
}

func TestReserveCrashMemoryBesideOther(t *testing.T) {
	root := emptyTree(2, 2)
	reserved := root.Add("reserved-memory")
	reserved.SetCells("#address-cells", 2)
	reserved.SetCells("#size-cells", 2)
	reserved.Add("psci-area@4000000")
	reserveCrashMemory(root, crashMemory)
	if len(root.Children) != 1 || len(reserved.Children) != 2 {
		t.Errorf("%d nodes at the root, %d in what is reserved", len(root.Children), len(reserved.Children))
	}
}

func TestWithCrashMemory(t *testing.T) {
	blob := fdt.Marshal(emptyTree(2, 2))
	if got, err := withCrashMemory(blob, board.Ramoops{}); !bytes.Equal(got, blob) || err != nil {
		t.Errorf("of a board without: %x, %v", got, err)
	}
	got, err := withCrashMemory(blob, crashMemory)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := fdt.Parse(got)
	if err != nil || tree.Child("reserved-memory").Child(crashMemory.Node()) == nil {
		t.Errorf("the tree has no place for it: %v", err)
	}
	if _, err := withCrashMemory(blob[:20], crashMemory); err == nil {
		t.Error("half a tree is taken")
	}
}
