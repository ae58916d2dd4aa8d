//go:build image

package main

import (
	"bytes"
	"encoding/binary"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/image/uboot"
	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/gpt"
)

var everyBoard = flag.Bool("every-board", false, "build the disk of every board, twice, in place of that of one")

// TestDiskOfABoard builds a disk for a board that is real, and takes the boot loader
// off it again as the board's first stage does.
func TestDiskOfABoard(t *testing.T) {
	cache, err := debian.UserCache()
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range board.All() {
		if b.Boot.DeviceTree == "" || hasBootLoader(b) != nil || b.Name != "nanopi-r4s" && !*everyBoard {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			dir := buildDiskOf(t, b, cache)
			control := readFile(t, dir, controlFile)
			checkControlTree(t, b, control)
			checkSignature(t, b, cache, dir)
			switch b.Boot.Loader.Packing {
			case board.Rockchip:
				checkRockchip(t, dir, control)
			case board.RaspberryPi:
				checkRaspberryPi(t, dir, control)
			case board.Armada3720, board.TurrisMox, board.Layerscape:
				checkFlash(t, b, dir, control)
			}
			if !*everyBoard {
				return
			}
			again := buildDiskOf(t, b, freshCache(t, cache, "kernel", "sources", "keys", "packages"))
			for _, name := range []string{controlFile, fitFile, diskFile, bmapFile, sbomFile, manifestFile} {
				if !bytes.Equal(readFile(t, dir, name), readFile(t, again, name)) {
					t.Errorf("%s differs between two builds", name)
				}
			}
		})
	}
}

func buildDiskOf(t *testing.T, b board.Board, cache debian.Cache) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if _, err := build(t.Context(), options{board: b, disk: true, cache: cache, out: dir, stock: stockOf(t, b)}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// freshCache returns a cache that has a few things of another and nothing else.
func freshCache(t *testing.T, cache debian.Cache, same ...string) debian.Cache {
	t.Helper()
	fresh := debian.Cache(t.TempDir())
	for _, name := range same {
		if err := os.Symlink(cache.Path(name), fresh.Path(name)); err != nil {
			t.Fatal(err)
		}
	}
	return fresh
}

func readFile(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// cards are the nodes of the disks, in U-Boot's device trees, of boards whose U-Boot
// has more than one host for cards.
var cards = map[string]string{"nanopi-r4s": "/mmc@fe320000", "cm4-io": "/emmc2bus/mmc@7e340000"}

// checkControlTree checks that U-Boot trusts our key only, does nothing but its
// script, and means the right disk by its number.
func checkControlTree(t *testing.T, b board.Board, control []byte) {
	t.Helper()
	root, err := fdt.Parse(control)
	if err != nil {
		t.Fatal(err)
	}
	text := func(n *fdt.Node, name string) string {
		value, _ := n.Property(name)
		return strings.TrimRight(string(value), "\x00")
	}
	keys := root.Child("signature")
	if len(keys.Children) != 1 || keys.Children[0].Name != "key-"+developmentKey || text(keys.Children[0], "required") != "conf" {
		t.Errorf("the boot loader trusts %v", keys.Children)
	}
	config := root.Child("config")
	if secure, _ := config.Property("bootsecure"); !bytes.Equal(secure, []byte{0, 0, 0, 1}) || text(config, "bootcmd") != "boot" {
		t.Errorf("the boot loader is told %v", config.Properties)
	}
	if cards[b.Name] == "" {
		return
	}
	// U-Boot numbers the hosts of cards by their aliases, and the others as they come.
	var hosts []string
	var walk func(n *fdt.Node, path string)
	walk = func(n *fdt.Node, path string) {
		if status := text(n, "status"); status != "" && status != "okay" {
			return
		}
		if strings.HasPrefix(n.Name, "mmc@") {
			hosts = append(hosts, path)
		}
		for _, c := range n.Children {
			walk(c, path+"/"+c.Name)
		}
	}
	walk(root, "")
	number := slices.Index(hosts, cards[b.Name])
	for _, alias := range root.Child("aliases").Properties {
		if digits, ok := strings.CutPrefix(alias.Name, "mmc"); ok && strings.TrimRight(string(alias.Value), "\x00") == cards[b.Name] {
			number = int(digits[0] - '0')
		}
	}
	if number != b.Boot.Device || b.Boot.Interface != "mmc" {
		t.Errorf("the disk is %s %d, and %q is mmc %d", b.Boot.Interface, b.Boot.Device, cards[b.Name], number)
	}
}

// checkSignature has U-Boot's own program check the image with the boot loader's key.
func checkSignature(t *testing.T, b board.Board, cache debian.Cache, dir string) {
	t.Helper()
	built, err := uboot.For(t.Context(), cache, b)
	if err != nil {
		t.Fatal(err)
	}
	image := readFile(t, dir, fitFile)
	for _, good := range []bool{true, false} {
		file := filepath.Join(t.TempDir(), "fit")
		if !good {
			image[len(image)/2] ^= 1
		}
		if err := os.WriteFile(file, image, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(built.Checker(), "-f", file, "-k", filepath.Join(dir, controlFile), "-c", b.Name).CombinedOutput()
		if (err == nil) != good {
			t.Errorf("an image that is good: %v; U-Boot says %v\n%s", good, err, out)
		}
	}
}

// checkRockchip reads both stages from the sectors at which the ROM and the first
// stage look.
func checkRockchip(t *testing.T, dir string, control []byte) {
	t.Helper()
	disk := readFile(t, dir, diskFile)
	if !bytes.HasPrefix(disk[64*gpt.Sector:], readFile(t, dir, "idbloader.img")) {
		t.Error("the first stage is not at sector 64")
	}
	second := disk[16384*gpt.Sector : diskStart]
	root, err := fdt.Parse(second)
	if err != nil {
		t.Fatal(err)
	}
	contents := func(name string) []byte {
		n := root.Child("images").Child(name)
		offset, _ := n.Property("data-offset")
		size, _ := n.Property("data-size")
		start := binary.BigEndian.Uint32(second[4:]) + binary.BigEndian.Uint32(offset)
		return second[start:][:binary.BigEndian.Uint32(size)]
	}
	if !bytes.Equal(contents("fdt"), control) {
		t.Error("the second stage has another device tree")
	}
	for name, length := range map[string]int{"u-boot": 200 << 10, "tf-a-1": 100 << 10, "tf-a-2": 1 << 10, "tf-a-3": 1 << 10} {
		if got := contents(name); len(got) < length {
			t.Errorf("%s has %d octets, want %d at least", name, len(got), length)
		}
	}
}

// checkRaspberryPi looks for what the firmware needs in the first partition.
func checkRaspberryPi(t *testing.T, dir string, control []byte) {
	t.Helper()
	disk := readFile(t, dir, diskFile)
	table, err := gpt.Read(bytes.NewReader(disk), uint64(len(disk)/gpt.Sector))
	if err != nil {
		t.Fatal(err)
	}
	first := table.Partitions[0]
	boot := disk[first.Offset():][:first.Size()]
	if first.Type != gpt.BasicData || !bytes.Contains(boot, control) || !bytes.Contains(boot, []byte(raspberryPiConfig)) {
		t.Errorf("the first partition, %s of type %x, is not what the firmware looks for", first.Name, first.Type)
	}
}
