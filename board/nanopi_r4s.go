package board

import "time"

// nanopiR4S is FriendlyElec's NanoPi R4S, with a Rockchip RK3399; WAN is the
// processor's Ethernet, LAN a controller on its PCI bus. The Enterprise Edition,
// which has a chip with its MAC address, is not described.
//
// Sources: Debian's device tree, OpenWrt's description of the board. The firmware
// has not run on this hardware.
var nanopiR4S = Board{
	Name:       "nanopi-r4s",
	Compatible: []string{"friendlyarm,nanopi-r4s"},
	Untried:    true,
	Ports: map[string]string{
		"wan": "platform/fe300000.ethernet",
		"lan": "platform/f8000000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0",
	},
	// Either of the two USB 3 sockets.
	Modems: map[string]Modem{
		"usb": {Device: "platform/usb@fe[89]00000/fe[89]00000.usb/xhci-hcd.*.auto/usb*/*-1", Slot: "USB 3 socket", SIMs: 1},
	},
	LED:    "red:power",
	Button: Button{Input: "gpio-keys", Code: keyRestart},
	// It runs on if a battery is connected to the board.
	Clock: Clock{Node: "/i2c@ff3c0000/pmic@1b", Driver: "rtc_rk808"},
	// The supplies of both Ethernets come first.
	Modules: []string{"dw_wdt", "i2c_rk3x", "fixed", "rk808_regulator", "realtek", "dwmac_rk", "phy_rockchip_pcie", "r8169", RamoopsModule, LinesModule},
	OnDemand: []string{
		"phy_rockchip_typec", "phy_rockchip_inno_usb2", "dwc3_of_simple", "dwc3", "xhci_plat_hcd", "ehci_platform", "ohci_platform", // USB
		"leds_gpio", LEDModule, "gpio_keys", ButtonModule,
		"fan53555", "pwm_rockchip", "nvmem_rockchip_efuse", "rockchip_thermal", // the processor's voltages and speeds
	},
	Watchdog:   Watchdog{Module: "dw_wdt", Timeout: 30 * time.Second},
	Ramoops:    lowRamoops,
	Console:    "ttyS2",
	KernelArgs: []string{"console=ttyS2,1500000", "panic=1", "printk.devkmsg=on", "quiet"},
	Boot: Boot{
		Defconfig: "nanopi-r4s-rk3399_defconfig",
		Config: []string{
			"CONFIG_TEXT_BASE=0x00200000", // where its first stage is told to put it
			"# CONFIG_VIDEO is not set", "# CONFIG_DISPLAY is not set", "# CONFIG_CMD_GPT is not set", "# CONFIG_CMD_SF is not set",
		},
		// U-Boot's driver asks for a clock that its driver of clocks cannot switch on, and
		// gives up. So this is its registers: the clock, PCLK_ALIVE, is made a sixth of
		// 594 MHz, of which 2^31 are 21 s; then a reset.
		ArmWatchdog: []string{"mw.l ff7601e4 001f0005", "mw.l ff848004 ff", "mw.l ff848000 9", "mw.l ff84800c 76"},
		Interface:   "mmc", Device: 1, Disk: "mmcblk1", // the microSD card
		ImageAddress: 0x1000_0000, RecordAddress: 0x0f00_0000, KernelAddress: lowKernel,
		HighestAddress: 0x3000_0000,
		Modules:        []string{"i2c_rk3x", "fixed", "rk808_regulator", "io_domain", "dw_mmc_rockchip", "mmc_block", "ext4"},
		DeviceTree:     "rockchip/rk3399-nanopi-r4s.dtb",
		Loader: Loader{
			Packing: Rockchip,
			Where:   "microSD card: idbloader.img at sector 64, u-boot.itb at sector 16384",
			OnDisk:  []DiskFile{{Name: "idbloader.img", Offset: 64 * 512}, {Name: "u-boot.itb", Offset: 16384 * 512}},
		},
	},
}
