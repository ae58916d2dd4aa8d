//go:build disk

package bootchain

import (
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
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/gpt"
)

var withAddresses = flag.Bool("addresses", false, "build a boot loader that looks for MAC addresses, and test that it finds them")

// settingsAt is where the disk has what an ESPRESSObin's flash has of stock U-Boot, in
// octets: before the first partition.
const settingsAt = 2 << 20

// TestAddressesFromStockSettings gives the commands of an ESPRESSObin to the boot
// loader of virt, which reads the settings from its disk and not from a flash.
// U-Boot's own mkenvimage (package u-boot-tools) writes them.
func TestAddressesFromStockSettings(t *testing.T) {
	if !*withAddresses {
		t.Skip("without -addresses: a boot loader of its own takes a minute to build")
	}
	firmware := lookingForAddresses(t)
	signed := withPorts(t)
	run := func(name string, settings []byte, want ...string) {
		t.Run(name, func(t *testing.T) {
			d := newDisk(t, ordinarySize)
			d.install(bootstate.A, signed)
			file, err := os.OpenFile(d.path, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := file.WriteAt(settings, settingsAt); err != nil {
				t.Fatal(err)
			}
			b := startFirmware(t, firmware, d.path)
			b.see(append([]string{"farspoke: slot A"}, want...)...)
			b.see("addresses: that is all")
		})
	}
	stock := environment(t, "bootcmd=echo hijacked", "board=hijacked", "eth1addr=F0:AD:4E:00:00:02", "ethaddr=f0:ad:4e:00:00:01")
	run("as they should be", stock, "port@0 has f0ad4e000001", "port@1 has f0ad4e000002", "port@2 has none")
	run("none", nil, "port@0 has none", "port@1 has none", "port@2 has none")
	damaged := slices.Clone(stock)
	damaged[100] ^= 1
	run("damaged", damaged, "port@0 has none", "port@1 has none", "port@2 has none")
}

// lookingForAddresses returns the file of a boot loader.
func lookingForAddresses(t *testing.T) string {
	t.Helper()
	b, err := board.Find("virt")
	if err != nil {
		t.Fatal(err)
	}
	real, err := board.Find("espressobin-v7")
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range real.Boot.FindAddresses {
		switch {
		case command == "sf probe":
		case strings.HasPrefix(command, "sf read "):
			if command != "sf read ${record} 3f0000 10000" {
				t.Fatalf("%q reads other settings than this test writes", command)
			}
			command = "virtio dev 0 && virtio read ${record} 1000 80" // in sectors
			fallthrough
		default:
			b.Boot.FindAddresses = append(b.Boot.FindAddresses, command)
		}
	}
	cache, err := debian.UserCache()
	if err != nil {
		t.Fatal(err)
	}
	build, err := uboot.For(t.Context(), cache, b)
	if err != nil {
		t.Fatal(err)
	}
	uBoot, err := build.Program()
	if err != nil {
		t.Fatal(err)
	}
	control, err := os.ReadFile(filepath.Join(built.dir, "u-boot.dtb"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "u-boot.bin")
	if err := os.WriteFile(file, append(uBoot, control...), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// withPorts returns a signed image that says which addresses the ports of its device
// tree have.
func withPorts(t *testing.T) []byte {
	t.Helper()
	image := variant(t, map[string][]byte{"/init": program(t, "addresses")})
	tree, err := fdt.Parse(image.Boards[0].DeviceTree)
	if err != nil {
		t.Fatal(err)
	}
	aliases := tree.Child("aliases")
	if aliases == nil {
		aliases = tree.Add("aliases")
	}
	for _, n := range []string{"0", "1", "2"} {
		tree.Add("port@" + n)
		aliases.SetString("ethernet"+n, "/port@"+n)
	}
	image.Boards = slices.Clone(image.Boards)
	image.Boards[0].DeviceTree = fdt.Marshal(tree)
	return sign(t, image, built.key)
}

// environment returns what stock U-Boot saves of its environment.
func environment(t *testing.T, variables ...string) []byte {
	t.Helper()
	text, file := filepath.Join(t.TempDir(), "text"), filepath.Join(t.TempDir(), "environment")
	if err := os.WriteFile(text, []byte(strings.Join(variables, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkenvimage", "-s", "0x10000", "-o", file, text).CombinedOutput(); err != nil {
		t.Fatalf("mkenvimage: %v\n%s", err, out)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) != 0x10000 || settingsAt/gpt.Sector != 0x1000 {
		t.Fatalf("%d octets of settings at sector %#x", len(data), settingsAt/gpt.Sector)
	}
	return data
}
