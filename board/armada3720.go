package board

import "time"

// armada3720 is the path below /sys/devices of the bus that the devices of a
// Marvell Armada 3720 are on.
const armada3720 = "platform/soc/soc:internal-regs@d0000000/"

// armada3720Modules are the drivers of its Ethernet, of Marvell's PHYs and of
// Marvell's switches. The kernel would ask a modprobe for those of the PHYs and of
// the switch's tags, and there is none, so they come before what needs them.
var armada3720Modules = []string{"armada_37xx_wdt", "phy_mvebu_a3700_comphy", "marvell", "tag_dsa", "mvmdio", "mvneta", "mv88e6xxx", RamoopsModule, LinesModule}

// armada3720OnDemand are those of its other devices.
var armada3720OnDemand = []string{
	"phy_mvebu_a3700_utmi", "xhci_plat_hcd", "ehci_orion", // USB
	"phy_generic", "fixed", "gpio_regulator", // what powers it, and cards
	"leds_gpio", LEDModule, "gpio_keys", ButtonModule, "i2c_pxa",
	"armada_37xx_rwtm_mailbox", "turris_mox_rwtm", // random numbers
	"armada_37xx_cpufreq",
}

// armada3720DiskModules are those of cards and eMMC.
var armada3720DiskModules = []string{"gpio_regulator", "sdhci_xenon_driver", "mmc_block", "ext4"}

var armada3720Watchdog = Watchdog{Module: "armada_37xx_wdt", Timeout: 30 * time.Second}

// armada3720Args are for its serial port, which is the console of all boards.
var armada3720Args = []string{"console=ttyMV0,115200", "panic=1", "printk.devkmsg=on", "quiet"}

// armada3720UBoot is what U-Boot has for the Armada 3720 besides: its watchdog runs
// from the start, and there is nothing in it for SATA or for writing to the flash.
var armada3720UBoot = []string{
	"CONFIG_WATCHDOG_AUTOSTART=y",
	"# CONFIG_SATA is not set", "# CONFIG_CMD_SATA is not set", "# CONFIG_AHCI_MVEBU is not set",
	"# CONFIG_CMD_MVEBU_BUBT is not set", "# CONFIG_CMD_FUSE is not set", "# CONFIG_CMD_MTD is not set", "# CONFIG_CMD_SPI is not set",
}

// armada3720Memory completes a Boot: an image is read above TF-A, which has the memory
// from 64 to 84 MiB, and the upper end of the smallest board's 512 MiB is U-Boot's.
func armada3720Memory(b Boot) Boot {
	b.ImageAddress, b.RecordAddress, b.KernelAddress = 0x1000_0000, 0x0f00_0000, lowKernel
	b.HighestAddress = 0x1c00_0000
	return b
}
