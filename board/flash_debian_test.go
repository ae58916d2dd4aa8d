//go:build image

package board_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/kmod"
)

// inFlash are the parts of a board's flash by their labels in the device tree: "reg"
// is where they begin and how long they are, in octets.
func inFlash(nodes map[string]*node) map[string][]uint32 {
	found := make(map[string][]uint32)
	for _, n := range nodes {
		if n.parent != nil && compatible("fixed-partitions")(n.parent) {
			found[n.text("label")] = n.cells("reg")
		}
	}
	return found
}

// TestTheFlashIsInTheTree checks where the boot loader goes, and what it reads.
func TestTheFlashIsInTheTree(t *testing.T) {
	place := map[string]string{"espressobin-ultra": "firmware", "turris-mox": "a53-firmware", "ten64": "bl3"}
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, _ *kmod.Index) {
		parts := inFlash(nodes)
		if name, ok := place[b.Name]; ok {
			if reg := parts[name]; len(reg) != 2 || int64(reg[1]) != b.Boot.Loader.Room || !strings.Contains(b.Boot.Loader.Where, name) && reg[0] != 0 {
				t.Errorf("%s is at %#x, the board has %#x octets %s", name, reg, b.Boot.Loader.Room, b.Boot.Loader.Where)
			}
		}
		commands := strings.Join(slices.Concat(b.Boot.FindAddresses, b.Boot.Variables), " && ")
		if env := parts["u-boot-env"]; env != nil && b.Boot.FindAddresses != nil && !strings.Contains(commands, fmt.Sprintf("sf read ${record} %x %x", env[0], env[1])) {
			t.Errorf("stock U-Boot's settings are at %#x", env)
		}
		if b.Name != "ten64" {
			return
		}
		for _, name := range []string{"mcfirmware", "dpc", "dpl"} {
			if reg := parts[name]; len(reg) != 2 || !strings.Contains(commands, fmt.Sprintf(" %x %x &&", reg[0], reg[1])) {
				t.Errorf("%s is at %#x", name, reg)
			}
		}
	})
}

// TestPortsHaveAddresses checks that each port of an ESPRESSObin has an alias, which
// U-Boot finds it by to give it its MAC address, and that U-Boot is told of as many.
func TestPortsHaveAddresses(t *testing.T) {
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, _ *kmod.Index) {
		if b.Boot.FindAddresses == nil {
			return
		}
		commands := strings.Join(b.Boot.FindAddresses, " ")
		var ports []string
		for i := range 10 {
			device := nodes[nodes["/aliases"].text(fmt.Sprintf("ethernet%d", i))]
			if device == nil {
				continue
			}
			variable := "ethaddr"
			if i > 0 {
				variable = fmt.Sprintf("eth%daddr", i)
			}
			if !strings.Contains(commands, variable) {
				t.Errorf("nobody reads %s", variable)
			}
			ports = append(ports, device.text("label"))
		}
		for _, port := range b.SwitchPorts {
			if !slices.Contains(ports, port) {
				t.Errorf("port %s has no alias", port)
			}
		}
	})
}

// TestTheWatchdogOfTheTen64IsInTheTree checks the address that U-Boot writes to.
func TestTheWatchdogOfTheTen64IsInTheTree(t *testing.T) {
	forEach(t, func(t *testing.T, b board.Board, nodes map[string]*node, _ *kmod.Index) {
		if b.Name != "ten64" {
			return
		}
		first := find(nodes, func(n *node) bool { return n.Name == "wdt@c000000" && compatible("arm,sp805")(n) })
		if first == nil || !slices.Contains(b.Boot.ArmWatchdog, "mw.l c000008 3") {
			t.Errorf("%q, and the tree has %v", b.Boot.ArmWatchdog, first)
		}
	})
}
