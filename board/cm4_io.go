package board

import "time"

// cm4IO is the Raspberry Pi Compute Module 4 on Raspberry Pi's own IO board. The
// device tree names the module and not the carrier, so any carrier passes for this
// one; only what is on the module and on the IO board is described. The watchdog
// cannot be set to more than 15 s. There is no memory for the text of a crash:
// Raspberry Pi's firmware has all of it first at every start, and what it leaves is not
// documented.
//
// Sources: Debian's device tree, documents of Raspberry Pi. The firmware has not run
// on this hardware.
var cm4IO = Board{
	Name:       "cm4-io",
	Compatible: []string{"raspberrypi,4-compute-module"},
	Untried:    true,
	Ports:      map[string]string{"ethernet": "platform/scb/fd580000.ethernet"},
	// A socket of the hub on the IO board.
	Modems: map[string]Modem{
		"usb": {Device: "platform/soc/fe980000.usb/usb*/*-1/*-1.*", Slot: "USB 2 socket", SIMs: 1},
	},
	LED:        "ACT",
	Modules:    []string{"bcm2835_wdt", "broadcom", "mdio_bcm_unimac", "genet"},
	OnDemand:   []string{"phy_generic", "reset_raspberrypi", "dwc2", "leds_gpio", LEDModule, ButtonModule, "bcm2711_thermal", "iproc_rng200", "i2c_bcm2835"},
	Watchdog:   Watchdog{Module: "bcm2835_wdt", Timeout: 15 * time.Second},
	Console:    "ttyS1",
	KernelArgs: []string{"console=ttyS1,115200", "panic=1", "printk.devkmsg=on", "quiet"},
	Boot: Boot{
		Defconfig: "rpi_arm64_defconfig",
		Config:    []string{"# CONFIG_VIDEO is not set", "# CONFIG_PCI is not set"},
		// The processor's power manager, which has no driver in U-Boot: as long as it can
		// count, which is 16 s, and then a reset of everything.
		ArmWatchdog: []string{
			"setexpr.l control *fe10001c '&' ffffffcf", "setexpr.l control ${control} '|' 5a000020",
			"mw.l fe100024 5a0fffff", "mw.l fe10001c ${control}",
		},
		// The other controller is the wireless network's.
		Interface: "mmc", Device: 1, Disk: "mmcblk?",
		ImageAddress: 0x1000_0000, RecordAddress: 0x0f00_0000, KernelAddress: lowKernel,
		HighestAddress: 0x3000_0000,
		Modules:        []string{"fixed", "gpio_regulator", "sdhci_iproc", "mmc_block", "ext4"},
		DeviceTree:     "broadcom/bcm2711-rpi-cm4-io.dtb",
		Loader: Loader{
			Packing: RaspberryPi,
			Where:   "first partition of the eMMC or the microSD card, FAT: Raspberry Pi's firmware, config.txt and u-boot.bin",
			OnDisk:  []DiskFile{{Name: "boot.fat", Offset: 1 << 20, Partition: "boot"}},
		},
	},
}
