package board

import "slices"

// Globalscale's ESPRESSObin boards have a Marvell Armada 3720 and a Marvell switch
// behind its first Ethernet. The one before v7 has its ports in another order and
// is not described.
//
// Sources: Debian's device trees, U-Boot's board/Marvell/mvebu_armada-37xx. The
// firmware has not run on this hardware.

// espressobinV7 is the one with DDR4 memory. Whether its mini PCIe slot has the USB
// lines that most modems need is not known here, so that a modem goes into a USB
// socket.
var espressobinV7 = Board{
	Name:        "espressobin-v7",
	Compatible:  []string{"globalscale,espressobin-v7"},
	Untried:     true,
	SwitchPorts: []string{"wan", "lan0", "lan1"},
	Modems: map[string]Modem{
		"usb3": {Device: armada3720 + "d0058000.usb/usb*/*-1", Slot: "USB 3 socket", SIMs: 1},
		"usb2": {Device: armada3720 + "d005e000.usb/usb*/*-1", Slot: "USB 2 socket", SIMs: 1},
	},
	LED:        "led2",
	Modules:    armada3720Modules,
	OnDemand:   armada3720OnDemand,
	Watchdog:   armada3720Watchdog,
	Ramoops:    lowRamoops,
	Console:    "ttyMV0",
	KernelArgs: armada3720Args,
	Boot: armada3720Memory(Boot{
		Defconfig:     "mvebu_espressobin-88f3720_defconfig",
		Config:        espressobinUBoot,
		FindAddresses: espressobinAddresses,
		Interface:     "mmc", Device: 0, Disk: "mmcblk0", // the microSD card
		Modules:    armada3720DiskModules,
		DeviceTree: "marvell/armada-3720-espressobin-v7.dtb",
		Loader: Loader{
			Packing: Armada3720, Room: 0x3f_0000, TrustedFirmware: []string{"USE_COHERENT_MEM=0"},
			Where: "SPI flash, from its start, behind what sets up the memory, in one flash-image.bin; stock U-Boot's settings, with the MAC addresses, from 0x3f0000",
		},
	}),
}

// espressobinUltra has five ports, a clock, eMMC and a case. How its M.2 slot is
// wired is not known here.
var espressobinUltra = Board{
	Name:        "espressobin-ultra",
	Compatible:  []string{"globalscale,espressobin-ultra"},
	Untried:     true,
	SwitchPorts: []string{"wan", "lan0", "lan1", "lan2", "lan3"},
	Modems: map[string]Modem{
		"usb3": {Device: armada3720 + "d0058000.usb/usb*/*-1", Slot: "USB 3 socket", SIMs: 1},
	},
	LED:        "ebin-ultra:green:led2",
	Clock:      Clock{Node: "/soc/internal-regs@d0000000/i2c@11000/rtc@51", Driver: "rtc_pcf8563"},
	Modules:    armada3720Modules,
	OnDemand:   armada3720OnDemand,
	Watchdog:   armada3720Watchdog,
	Ramoops:    lowRamoops,
	Console:    "ttyMV0",
	KernelArgs: armada3720Args,
	Boot: armada3720Memory(Boot{
		Defconfig:     "mvebu_espressobin-88f3720_defconfig",
		Config:        espressobinUBoot,
		FindAddresses: espressobinAddresses,
		Interface:     "mmc", Device: 1, Disk: "mmcblk0", // the eMMC
		Modules:    armada3720DiskModules,
		DeviceTree: "marvell/armada-3720-espressobin-ultra.dtb",
		Loader: Loader{
			Packing: Armada3720, Room: 0x3e_0000, TrustedFirmware: []string{"USE_COHERENT_MEM=0"},
			Where: "SPI flash, from its start, behind what sets up the memory, in one flash-image.bin; what is particular to the box from 0x3e0000; stock U-Boot's settings, with the MAC addresses, from 0x3f0000",
		},
	}),
}

// espressobinUBoot is what U-Boot has for these boards besides. Its code for a board
// that is up writes behind the end of an environment that is not its own, and that for
// the last stage lets frames through the switch, which is the kernel's to do.
var espressobinUBoot = append(slices.Clone(armada3720UBoot), "# CONFIG_BOARD_LATE_INIT is not set", "# CONFIG_LAST_STAGE_INIT is not set", "CONFIG_CMD_SF=y")

// espressobinAddresses reads the settings of the U-Boot that the board came with, and
// takes nothing but these from them.
var espressobinAddresses = []string{
	"sf probe",
	"sf read ${record} 3f0000 10000",
	"env import -c ${record} 10000 ethaddr eth1addr eth2addr eth3addr eth4addr eth5addr",
}
