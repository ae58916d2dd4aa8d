package board

import "time"

// ten64 is Traverse's Ten64, with an NXP LS1088A. Which of its ten sockets is which
// device is decided by a table in its flash (the DPL), so the ports keep the
// kernel's names: eth0 and so on. How the lines of its M.2 slot for a modem work is
// not known here. The kernel has no driver for its clock, an RX8035. There is no memory
// for the text of a crash: with ECC, as its modules have, the memory is filled at every
// start.
//
// Sources: Debian's device tree, U-Boot's board/traverse/ten64. The firmware has not
// run on this hardware.
var ten64 = Board{
	Name:       "ten64",
	Compatible: []string{"traverse,ten64"},
	Untried:    true,
	LED:        "ten64:admin",
	Button:     Button{Input: "buttons", Code: keyWPSButton},
	Modules:    []string{"sp805_wdt", "mscc", "xgmac_mdio", "pcs_lynx", "sfp", "fsl_dpaa2_eth"},
	OnDemand:   []string{"dwc3", "xhci_plat_hcd", "i2c_imx", "i2c_mux_pca954x", "leds_gpio", LEDModule, "gpio_keys", ButtonModule, "qoriq_thermal", "nvme"},
	Watchdog:   Watchdog{Module: "sp805_wdt", Timeout: 30 * time.Second},
	Console:    "ttyS0",
	KernelArgs: []string{"console=ttyS0,115200", "panic=1", "printk.devkmsg=on", "quiet"},
	Boot: Boot{
		Defconfig: "ten64_tfa_defconfig",
		// The processor of the network starts from U-Boot, which has a network for that,
		// but no command that uses it.
		Config: []string{
			"CONFIG_OF_BOARD_SETUP=y", "CONFIG_BOARD_LATE_INIT=y", "CONFIG_NET=y", "CONFIG_FSL_MC_ENET=y", "CONFIG_CMD_SF=y",
			"# CONFIG_CMD_NET is not set", "# CONFIG_CMD_PXE is not set", "# CONFIG_CMD_MTD is not set", "# CONFIG_CMD_UBI is not set",
			"# CONFIG_CMD_MEMTEST is not set", "# CONFIG_SATA is not set",
		},
		// The watchdog of the first core, which U-Boot's device tree lacks: two stages of
		// half a minute at most, the second of which ends in a reset.
		ArmWatchdog: []string{"mw.l c000c00 1acce551", "mw.l c000000 4e3b2900", "mw.l c000008 3", "mw.l c000c00 0"},
		// Its code puts commands of its own in place of bootcmd and mcinitcmd, unless it
		// is told that it has done so.
		Variables: []string{
			"fsl_bootcmd_mcinitcmd_set=y",
			"mcinitcmd=sf probe 0:0 && sf read 80000000 300000 200000 && sf read 80200000 5c0000 40000 && " +
				"fsl_mc start mc 80000000 80200000 && sf read 80300000 580000 40000 && fsl_mc lazyapply DPL 80300000",
		},
		Interface: "mmc", Device: 0, Disk: "mmcblk0", // the microSD card
		ImageAddress: 0xa000_0000, RecordAddress: 0x9f00_0000, KernelAddress: 0x8100_0000,
		HighestAddress: 0xb000_0000,
		Modules:        []string{"sdhci_of_esdhc", "mmc_block", "ext4"},
		DeviceTree:     "freescale/fsl-ls1088a-ten64.dtb",
		Loader: Loader{
			Packing: Layerscape, Room: 0x20_0000,
			Where: "SPI flash, in the package bl3 from 0x100000, behind bl2; the network's firmware and tables, mcfirmware, dpl and dpc, stay as they are; stock U-Boot's settings from 0x500000; a recovery system in NAND flash",
		},
	},
}
