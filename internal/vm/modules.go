package main

import (
	"os"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/kmod"
)

// trees are the parts of the kernel's module tree that tests may want, links
// are the network devices that tests make, and modems the drivers of modems and of
// the lines that give them power, with the host controller that an emulated one is
// plugged into; panel is what makes an LED and a key, lets the one blink and tells of
// the other; crash keeps the text of one.
var (
	trees = []string{
		"kernel/arch/arm64/crypto/", "kernel/crypto/", "kernel/lib/",
		"kernel/net/core/", "kernel/net/ipv4/", "kernel/net/ipv6/",
		"kernel/net/key/", "kernel/net/netfilter/", "kernel/net/packet/",
		"kernel/net/sched/", "kernel/net/xfrm/", "kernel/net/bridge/", "kernel/net/8021q/",
		"kernel/net/802/", "kernel/net/llc/", "kernel/net/dsa/",
	}
	links  = []string{"dummy", "veth", "vrf", "tun", "wwan", "i6300esb"}
	modems = []string{"vhci_hcd", "cdc_mbim", "qmi_wwan", "option", "cdc_acm", "cdc_ether", "gpio_pl061"}
	panel  = []string{"uinput", "ledtrig_timer", "evdev"}
	crash  = []string{"ramoops"}
)

// moduleNames returns the names of those modules.
func moduleNames(kernel debian.Kernel) ([]string, error) {
	index, err := kmod.ReadIndex(os.DirFS(kernel.Modules()))
	if err != nil {
		return nil, err
	}
	names := slices.Concat(links, modems, panel, crash)
	for _, file := range index.Files() {
		if slices.ContainsFunc(trees, func(t string) bool { return strings.HasPrefix(file, t) }) {
			names = append(names, kmod.Name(file))
		}
	}
	return names, nil
}
