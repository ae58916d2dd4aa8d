package board_test

import (
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/image/fdt"
)

// node is a node of a device tree that knows where it is.
type node struct {
	*fdt.Node
	parent *node
}

// walk visits a tree, except for what is switched off: the nodes below one that is,
// too. enable names exceptions by their paths.
func walk(root *fdt.Node, visit func(*node), enable ...string) {
	var down func(*node)
	down = func(n *node) {
		if status := n.text("status"); status != "" && status != "okay" && !slices.Contains(enable, n.path()) {
			return
		}
		visit(n)
		for _, c := range n.Children {
			down(&node{c, n})
		}
	}
	down(&node{root, nil})
}

func (n *node) path() string {
	if n.parent == nil {
		return "/"
	}
	return path.Join(n.parent.path(), n.Name)
}

// texts returns a property that is a list of strings.
func (n *node) texts(name string) []string {
	value, _ := n.Property(name)
	if len(value) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(value), "\x00"), "\x00")
}

// text returns a property that is a string, empty for none.
func (n *node) text(name string) string { return strings.Join(n.texts(name), " ") }

// cells returns a property that is a list of 32-bit numbers.
func (n *node) cells(name string) []uint32 {
	value, _ := n.Property(name)
	cells := make([]uint32, len(value)/4)
	for i := range cells {
		cells[i] = binary.BigEndian.Uint32(value[4*i:])
	}
	return cells
}

// count returns a number of cells, such as #size-cells.
func (n *node) count(name string, otherwise int) int {
	if cells := n.cells(name); len(cells) > 0 {
		return int(cells[0])
	}
	return otherwise
}

func number(cells []uint32) (v uint64) {
	for _, c := range cells {
		v = v<<32 | uint64(c)
	}
	return v
}

// address returns the physical address of a node: its own number on its bus, as the
// ranges of that bus and of those above it translate it.
func (n *node) address() (uint64, bool) {
	reg, bus := n.cells("reg"), n.parent
	if bus == nil || len(reg) < bus.count("#address-cells", 2) || bus.count("#size-cells", 1) == 0 {
		return 0, false
	}
	address := number(reg[:bus.count("#address-cells", 2)])
	for ; bus.parent != nil; bus = bus.parent {
		if _, ok := bus.Property("ranges"); !ok {
			return 0, false
		}
		ranges := bus.cells("ranges")
		child, parent, size := bus.count("#address-cells", 2), bus.parent.count("#address-cells", 2), bus.count("#size-cells", 1)
		found := len(ranges) == 0 // the same numbers on both sides
		for len(ranges) >= child+parent+size && !found {
			from, to, length := number(ranges[:child]), number(ranges[child:][:parent]), number(ranges[child+parent:][:size])
			if found = from <= address && address-from < length; found {
				address = to + (address - from)
			}
			ranges = ranges[child+parent+size:]
		}
		if !found {
			return 0, false
		}
	}
	return address, true
}

// device returns the path below /sys/devices that the kernel gives the platform
// device of a node: of_device_make_bus_id in its drivers/of/platform.c.
func (n *node) device() string {
	if n.parent == nil {
		return "platform"
	}
	var name string
	for above := n; above.parent != nil; above = above.parent {
		rest := ""
		if name != "" {
			rest = ":" + name
		}
		if address, ok := above.address(); ok {
			base, _, _ := strings.Cut(above.Name, "@")
			name = fmt.Sprintf("%x.%s%s", address, base, rest)
			break
		}
		name = above.Name + rest
	}
	return path.Join(n.parent.device(), name)
}

// modalias is what the kernel says of a node for a driver to be found by.
func (n *node) modalias() string {
	base, _, _ := strings.Cut(n.Name, "@")
	kind := n.text("device_type")
	if kind == "" {
		kind = "(null)"
	}
	return "of:N" + base + "T" + kind + "C" + strings.Join(n.texts("compatible"), "C")
}

// TestDevicePaths checks the path against those that kernels report.
func TestDevicePaths(t *testing.T) {
	root := &fdt.Node{}
	root.SetCells("#address-cells", 2)
	root.SetCells("#size-cells", 2)
	soc := root.Add("soc")
	soc.SetCells("#address-cells", 2)
	soc.SetCells("#size-cells", 2)
	soc.Set("ranges", nil)
	regs := soc.Add("internal-regs@d0000000")
	regs.SetCells("#address-cells", 1)
	regs.SetCells("#size-cells", 1)
	regs.SetCells("ranges", 0, 0, 0xd000_0000, 0x200_0000)
	regs.Add("ethernet@30000").SetCells("reg", 0x3_0000, 0x4000)
	off := regs.Add("ethernet@40000")
	off.SetString("status", "disabled")
	usb := root.Add("usb@fe800000")
	usb.SetCells("#address-cells", 2)
	usb.SetCells("#size-cells", 2)
	usb.Set("ranges", nil)
	usb.Add("usb@fe800000").SetCells("reg", 0, 0xfe80_0000, 0, 0x10_0000)

	var got []string
	walk(root, func(n *node) { got = append(got, n.device()) })
	want := []string{
		"platform",
		"platform/soc",
		"platform/soc/soc:internal-regs@d0000000",
		"platform/soc/soc:internal-regs@d0000000/d0030000.ethernet",
		"platform/usb@fe800000",
		"platform/usb@fe800000/fe800000.usb",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
