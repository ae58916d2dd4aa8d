package board

import "time"

// ten64 is Traverse's Ten64, with an NXP LS1088A. Which of its ten sockets is which
// device is decided by a table in its flash (the DPL), so the ports keep the
// kernel's names: eth0 and so on. How the lines of its M.2 slot for a modem work is
// not known here. The kernel has no driver for its clock, an RX8035.
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
		Disk:          "mmcblk0", // the microSD card
		Modules:       []string{"sdhci_of_esdhc", "mmc_block", "ext4"},
		KernelAddress: 0x8100_0000, // as its own U-Boot has it
		DeviceTree:    "freescale/fsl-ls1088a-ten64.dtb",
		Loader:        Loader{Where: "SPI flash: bl2 from 0, bl3 with U-Boot after it, U-Boot's settings from 0x500000, the network's tables dpl and dpc, a recovery system in NAND flash"},
	},
}
