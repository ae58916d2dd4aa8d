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
	Ramoops:    lowRamoops,
	Console:    "ttyMV0",
	KernelArgs: armada3720Args,
	Boot: armada3720Memory(Boot{
		Defconfig: "turris_mox_defconfig",
		// Its code finds the modules, and has to have the switches' bus for that. There
		// is a network in U-Boot, then, but no command that uses it.
		Config: append(slices.Clone(armada3720UBoot),
			"CONFIG_OF_BOARD_FIXUP=y", "CONFIG_OF_BOARD_SETUP=y", "CONFIG_MISC_INIT_R=y", "CONFIG_LAST_STAGE_INIT=y",
			"CONFIG_NET=y", "CONFIG_DM_MDIO=y", "CONFIG_MVMDIO=y",
			"# CONFIG_CMD_NET is not set", "# CONFIG_CMD_PXE is not set", "# CONFIG_NETCONSOLE is not set"),
		Variables: []string{"boot_targets=none"},     // its code reads it, there or not
		Interface: "mmc", Device: 0, Disk: "mmcblk0", // the microSD card
		Modules:    armada3720DiskModules,
		DeviceTree: "marvell/armada-3720-turris-mox.dtb",
		Loader: Loader{
			Packing: TurrisMox, Room: 0x16_0000,
			// The processor that sets up the memory resets the board, which hangs otherwise.
			TrustedFirmware: []string{"USE_COHERENT_MEM=0", "CM3_SYSTEM_RESET=1"},
			Where:           "SPI flash, from 0x20000 (a53-firmware), behind CZ.NIC's signed first stage; stock U-Boot's settings from 0x180000, CZ.NIC's rescue system from 0x190000",
		},
	}),
}
