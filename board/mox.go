package board

import "slices"

// turrisMox is CZ.NIC's Turris MOX: the CPU module A and what is plugged into it.
// U-Boot finds the modules and switches their devices on in the device tree, which
// has all of them off. One switch module (C with four ports, E with eight) is
// described here. How a modem in module F or G is wired is not known here.
//
// Sources: Debian's device tree, U-Boot's board/CZ.NIC/turris_mox, documents of
// CZ.NIC. The firmware has not run on this hardware.
var turrisMox = Board{
	Name:        "turris-mox",
	Compatible:  []string{"cznic,turris-mox"},
	Untried:     true,
	Ports:       map[string]string{"eth0": armada3720 + "d0030000.ethernet"},
	SwitchPorts: []string{"lan1", "lan2", "lan3", "lan4", "lan5", "lan6", "lan7", "lan8"},
	Modems: map[string]Modem{
		"usb": {Device: armada3720 + "d0058000.usb/usb*/*-1", Slot: "USB 3 socket", SIMs: 1},
	},
	LED:    "mox:red:activity",
	Button: Button{Input: "gpio-keys", Code: keyRestart},
	Clock:  Clock{Node: "/soc/internal-regs@d0000000/i2c@11000/rtc@6f", Driver: "rtc_ds1307"},
	// The switch's interrupt comes by the bus of the modules, which is on SPI.
	Modules:    slices.Concat([]string{"spi_armada_3700", "moxtet", "gpio_moxtet"}, armada3720Modules),
	OnDemand:   armada3720OnDemand,
	Watchdog:   armada3720Watchdog,
	Console:    "ttyMV0",
	KernelArgs: armada3720Args,
	Boot: Boot{
		Disk:          "mmcblk0", // the microSD card
		Modules:       armada3720DiskModules,
		KernelAddress: lowKernel,
		DeviceTree:    "marvell/armada-3720-turris-mox.dtb",
		Loader:        Loader{Where: "SPI flash: signed first stage from 0, TF-A and U-Boot from 0x20000, U-Boot's settings from 0x180000, CZ.NIC's rescue system from 0x190000"},
	},
}
