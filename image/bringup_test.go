package main

import (
	"slices"
	"testing"

	"github.com/farspoke/farspoke/board"
)

func TestExtlinux(t *testing.T) {
	got := string(extlinux(board.Board{KernelArgs: []string{"console=ttyS0,115200", "panic=1"}}))
	want := `default farspoke
label farspoke
	kernel /Image
	initrd /initramfs.cpio.zst
	fdt /board.dtb
	append console=ttyS0,115200 panic=1
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestNoDiskWithoutBootLoader(t *testing.T) {
	ours := []string{"virt", "espressobin-v7", "espressobin-ultra", "turris-mox", "ten64", "nanopi-r4s", "cm4-io"}
	for _, b := range board.All() {
		err := hasBootLoader(b)
		if (err == nil) != slices.Contains(ours, b.Name) {
			t.Errorf("%s: %v", b.Name, err)
		}
	}
}
