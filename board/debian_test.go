//go:build image

package board_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fdt"
	"github.com/farspoke/farspoke/image/uboot"
	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/kmod"
	"github.com/farspoke/farspoke/internal/parts"
)

// kernel returns the kernel that boxes have, and the index of its modules.
func kernel(t *testing.T) (debian.Kernel, *kmod.Index) {
	t.Helper()
	cache, err := debian.UserCache()
	if err != nil {
		t.Fatal(err)
	}
	k, err := cache.Kernel(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	index, err := kmod.ReadIndex(os.DirFS(k.Modules()))
	if err != nil {
		t.Fatal(err)
	}
	return k, index
}

func readTree(t *testing.T, file string) *fdt.Node {
	t.Helper()
	blob, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	root, err := fdt.Parse(blob)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return root
}

// real are the boards that Debian has a device tree of.
func real() []board.Board {
	return slices.DeleteFunc(board.All(), func(b board.Board) bool { return b.Boot.DeviceTree == "" })
}

// forEach runs a test for each board with the nodes of its tree that are in use, by
// their paths.
func forEach(t *testing.T, test func(t *testing.T, b board.Board, nodes map[string]*node, index *kmod.Index)) {
	k, index := kernel(t)
	for _, b := range real() {
		t.Run(b.Name, func(t *testing.T) {
			root := readTree(t, filepath.Join(k.DeviceTrees(), b.Boot.DeviceTree))
			nodes := make(map[string]*node)
			walk(root, func(n *node) { nodes[n.path()] = n }, plugged...)
			test(t, b, nodes, index)
		})
	}
}

// plugged are nodes that U-Boot switches on when it finds what they describe.
var plugged = []string{
	"/soc/internal-regs@d0000000/mdio@32004/switch0@10", // module E of a Turris MOX
	"/soc/internal-regs@d0000000/mdio@32004/switch0@2",  // its module C
	"/soc/internal-regs@d0000000/ethernet@40000",        // where they are connected
	"/soc/pcie@3400000", "/soc/pcie@3500000", "/soc/pcie@3600000", // of a Ten64
}

// find returns the first node that f accepts, nil for none.
func find(nodes map[string]*node, f func(*node) bool) *node {
	for _, n := range nodes {
		if f(n) {
			return n
		}
	}
	return nil
}

func compatible(names ...string) func(*node) bool {
	return func(n *node) bool {
		return slices.ContainsFunc(n.texts("compatible"), func(c string) bool { return slices.Contains(names, c) })
	}
}

// TestDetectAllOfDebian asks of every device tree in the kernel's package which board
// it is.
func TestDetectAllOfDebian(t *testing.T) {
	k, _ := kernel(t)
	want := map[string]string{"marvell/armada-3720-espressobin-v7-emmc.dtb": "espressobin-v7"}
	for _, b := range real() {
		want[b.Boot.DeviceTree] = b.Name
	}
	trees := os.DirFS(k.DeviceTrees())
	err := fs.WalkDir(trees, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".dtb" {
			return err
		}
		names, _ := readTree(t, filepath.Join(k.DeviceTrees(), name)).Property("compatible")
		b, err := board.Detect(fstest.MapFS{"device-tree/compatible": {Data: names}})
		if b.Name != want[name] || (err != nil) != (want[name] == "") || err != nil && !errors.Is(err, board.ErrUnknown) {
			t.Errorf("%s is taken for %q (%v), want %q", name, b.Name, err, want[name])
		}
		delete(want, name)
		return nil
	})
	if err != nil || len(want) > 0 {
		t.Errorf("not in the kernel's package: %v, %v", want, err)
	}
}

// on returns the node whose device the beginning of a pattern matches, the nearest
// to its end, nil for none.
func on(nodes map[string]*node, pattern string) *node {
	for ; pattern != "."; pattern = path.Dir(pattern) {
		n := find(nodes, func(n *node) bool {
			matched, err := path.Match(pattern, n.device())
			return err == nil && matched
		})
		if n != nil && n.parent != nil {
			return n
		}
	}
	return nil
}

func TestPortsAreInTheTree(t *testing.T) {
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, _ *kmod.Index) {
		for name, pattern := range b.Ports {
			n := on(nodes, pattern)
			if n == nil || n.device() == "platform/soc" {
				t.Errorf("port %s: nothing is at %s", name, pattern)
				continue
			}
			direct := strings.HasPrefix(n.Name, "ethernet@") && n.device() == pattern
			if !direct && n.text("device_type") != "pci" {
				t.Errorf("port %s: %s is no Ethernet and no PCI bus", name, n.path())
			}
		}
		for _, name := range b.SwitchPorts {
			n := find(nodes, func(n *node) bool { return n.text("label") == name })
			if n == nil || n.parent.Name != "ports" || !compatible("marvell,mv88e6085", "marvell,mv88e6190")(n.parent.parent) {
				t.Errorf("port %s is no port of a switch", name)
			}
		}
	})
}

func TestModemsAreInTheTree(t *testing.T) {
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, _ *kmod.Index) {
		for name, m := range b.Modems {
			if n := on(nodes, m.Device); n == nil || !strings.HasPrefix(n.Name, "usb@") {
				t.Errorf("modem %s: no USB controller is at %s", name, m.Device)
			}
			for what, line := range map[string]board.Line{"power": m.Power, "reset": m.Reset} {
				if line != (board.Line{}) {
					t.Errorf("modem %s: nothing checks its %s line against the tree", name, what)
				}
			}
		}
	})
}

func TestLEDAndButtonAreInTheTree(t *testing.T) {
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, _ *kmod.Index) {
		led := find(nodes, func(n *node) bool {
			return n.parent != nil && compatible("gpio-leds")(n.parent) && n.text("label") == b.LED
		})
		if b.LED != "" && led == nil {
			t.Errorf("there is no LED %s", b.LED)
		}
		buttons := find(nodes, compatible("gpio-keys"))
		if (buttons != nil) != (b.Button != board.Button{}) {
			t.Fatalf("button %+v, and the tree has %v", b.Button, buttons)
		}
		if buttons == nil {
			return
		}
		// The kernel calls the input device after the node's label, or after its device,
		// whose name is that of a node below the root.
		name := buttons.text("label")
		if name == "" {
			name = path.Base(buttons.device())
		}
		pressed := slices.ContainsFunc(buttons.Children, func(c *fdt.Node) bool {
			return slices.Equal((&node{c, buttons}).cells("linux,code"), []uint32{uint32(b.Button.Code)})
		})
		if name != b.Button.Input || !pressed {
			t.Errorf("there is no key %#x on %s", b.Button.Code, b.Button.Input)
		}
	})
}

func TestClockIsInTheTree(t *testing.T) {
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, index *kmod.Index) {
		if b.Clock == (board.Clock{}) {
			return
		}
		n := nodes[b.Clock.Node]
		if n == nil || !strings.HasPrefix(n.Name, "rtc@") && !compatible("rockchip,rk808")(n) {
			t.Fatalf("no clock is at %s", b.Clock.Node)
		}
		files, err := index.Closure(b.Clock.Driver)
		if err != nil {
			t.Error(err)
		}
		if len(files) > 0 && !slices.Contains(index.Match(n.modalias()), b.Clock.Driver) {
			t.Errorf("%s is not the driver of %s", b.Clock.Driver, n.modalias())
		}
	})
}

// watchdogs are the devices of drivers.
var watchdogs = map[string]string{
	"armada_37xx_wdt": "marvell,armada-3700-wdt",
	"bcm2835_wdt":     "brcm,bcm2835-pm-wdt", // through a built-in driver for what shares the device
	"dw_wdt":          "snps,dw-wdt",
	"sp805_wdt":       "arm,sp805", // which the kernel finds by a number in the device
}

func TestWatchdogIsInTheTree(t *testing.T) {
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, _ *kmod.Index) {
		if find(nodes, compatible(watchdogs[b.Watchdog.Module])) == nil {
			t.Errorf("%s has no device", b.Watchdog.Module)
		}
	})
}

func TestConsoleIsInTheTree(t *testing.T) {
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, _ *kmod.Index) {
		alias, settings, _ := strings.Cut(nodes["/chosen"].text("stdout-path"), ":")
		if nodes[nodes["/aliases"].text(alias)] == nil {
			t.Fatalf("the tree's console %q is not in use", alias)
		}
		number, speed := strings.TrimPrefix(alias, "serial"), strings.TrimSuffix(settings, "n8")
		if strings.TrimLeft(b.Console, "tySMV") != number || !slices.Contains(b.KernelArgs, "console="+b.Console+","+speed) {
			t.Errorf("console %s with %q, and the tree has %s at %s", b.Console, b.KernelArgs, alias, speed)
		}
	})
}

// TestDiskIsInTheTree checks the number that the kernel gives a card or an eMMC: that
// of the host's alias, or 0 where there is but one host. Any number will do where
// there is but one host for cards.
func TestDiskIsInTheTree(t *testing.T) {
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, _ *kmod.Index) {
		if b.Boot.Disk == "" {
			return
		}
		number, err := strconv.Atoi(strings.TrimPrefix(b.Boot.Disk, "mmcblk"))
		anyNumber := b.Boot.Disk == "mmcblk?"
		if err != nil && !anyNumber {
			t.Fatal(err)
		}
		if host := nodes["/aliases"].text("mmc" + strconv.Itoa(number)); !anyNumber && host != "" {
			if nodes[host] == nil {
				t.Errorf("%s is on %s, which is not in use", b.Boot.Disk, host)
			}
			return
		}
		var hosts []string
		for path, n := range nodes {
			wireless := slices.ContainsFunc(n.Children, func(c *fdt.Node) bool { return strings.HasPrefix(c.Name, "wifi@") })
			if (strings.HasPrefix(n.Name, "mmc@") || strings.HasPrefix(n.Name, "esdhc@")) && !wireless {
				hosts = append(hosts, path)
			}
		}
		if len(hosts) != 1 || number != 0 {
			t.Errorf("%s could be on any of %q", b.Boot.Disk, hosts)
		}
	})
}

// TestMemoryHasRoomForEach checks that nothing of what the boot loader puts into memory
// lies on anything else, or where something is reserved.
func TestMemoryHasRoomForEach(t *testing.T) {
	type area struct {
		what       string
		begin, end uint64
	}
	const high = 32 << 20 // for the initramfs and the device tree
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, _ *kmod.Index) {
		k, _ := kernel(t)
		image, err := os.ReadFile(k.Image())
		if err != nil {
			t.Fatal(err)
		}
		// The header of an Image says how much memory it takes, its zeros included.
		size := binary.LittleEndian.Uint64(image[16:])
		at := func(what string, address uint32, size uint64) area {
			return area{what, uint64(address), uint64(address) + size}
		}
		areas := []area{
			at("the unpacked kernel", b.Boot.KernelAddress, size), at("the image", b.Boot.ImageAddress, uboot.SlotSize),
			at("the record", b.Boot.RecordAddress, 64<<10), at("the initramfs", b.Boot.HighestAddress-high, high),
		}
		for where, n := range nodes {
			if reg := n.cells("reg"); n.parent != nil && n.parent.Name == "reserved-memory" && len(reg) > 2 {
				begin := number(reg[:2])
				areas = append(areas, area{where, begin, begin + number(reg[2:])})
			}
		}
		for i, one := range areas {
			for _, other := range areas[:i] {
				if one.begin < other.end && other.begin < one.end {
					t.Errorf("%s, from %#x to %#x, lies on %s, from %#x to %#x", one.what, one.begin, one.end, other.what, other.begin, other.end)
				}
			}
		}
	})
}

// needless are modules for devices that a router has no use for.
var needless = map[string]string{
	"rockchipdrm": "display", "panfrost": "display", "v3d": "display", "vc4": "display", "vchiq": "display and camera",
	"rockchip_rga": "video", "hantro_vpu": "video", "rockchip_vdec": "video",
	"snd_soc_rockchip_i2s": "sound", "snd_soc_simple_card": "sound",
	"hci_uart":        "Bluetooth",
	"rockchip_saradc": "analogue inputs",
	"ahci_mvebu":      "SATA disks, which nothing here starts from",
	"crypto_safexcel": "it would take ciphers over from the processor, untried",
	"caam":            "as crypto_safexcel",
	"caam_jr":         "as crypto_safexcel",
	"spi_nor":         "the boot loader's flash, which the box leaves alone",
	"spi_armada_3700": "the way to that, and to a Turris MOX's modules only",
	"spi_fsl_qspi":    "the way to that",
	"ofpart":          "the partitions of that",
	"optee":           "the secure world, which the box has no business with",
	"dpaa2_console":   "a network processor's log",
}

// TestDriversAreInTheImage checks that every device in the tree has its driver.
func TestDriversAreInTheImage(t *testing.T) {
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, index *kmod.Index) {
		names := slices.Concat(append(parts.Modules(), parts.Accelerators(), parts.LateModules(), parts.Drivers(), b.Modules, b.OnDemand, b.Boot.Modules)...)
		inImage, err := index.Closure(names...)
		if err != nil {
			t.Fatal(err)
		}
		missing := make(map[string][]string)
		for where, n := range nodes {
			if n.texts("compatible") == nil {
				continue
			}
			for _, module := range index.Match(n.modalias()) {
				file, ok := index.Path(module)
				if !ok {
					t.Errorf("module %s has no file", module)
				}
				if !slices.Contains(inImage, file) && needless[module] == "" {
					missing[module] = append(missing[module], where)
				}
			}
		}
		for module, where := range missing {
			t.Errorf("the image lacks %s for %q", module, where)
		}
	})
}
