package board

import "strings"

// Boot is what the image and the boot loader have to know of a board.
type Boot struct {
	// Defconfig is U-Boot's configuration for the board, and Config what it needs
	// besides, as lines of a .config file. Without a Defconfig there is no boot loader
	// of ours for the board.
	Defconfig string
	Config    []string
	// ArmWatchdog are U-Boot's commands that arm the board's watchdog, so that it
	// ends a start which hangs before PID 1 has it. They are empty for a board whose
	// driver in U-Boot does so by itself.
	ArmWatchdog []string
	// FindAddresses are U-Boot's commands that put the MAC addresses of the ports into
	// its variables ethaddr, eth1addr and so on, from where it writes them into the
	// kernel's device tree. They are empty where U-Boot does so by itself, or nobody
	// does.
	FindAddresses []string
	// Variables are what U-Boot's own code for the board looks for in its environment,
	// as name=value.
	Variables []string
	// Interface and Device are the disk in U-Boot's words, such as "mmc" and 1.
	Interface string
	Device    int
	// Disk is the same disk below /dev in the kernel's words: a filepath.Match pattern
	// where its number depends on which driver is first. Modules are what the kernel
	// needs to use it and its file system.
	Disk    string
	Modules []string
	// ImageAddress is the physical address to which a slot is read, RecordAddress
	// one for 64 KiB, and KernelAddress where the unpacked kernel goes. They are
	// octets of memory, apart by as much as is put there. The image is for all boards,
	// so a board without a boot loader of ours has the last of them too.
	ImageAddress, RecordAddress, KernelAddress uint32
	// HighestAddress is above the initramfs and the device tree: the kernel has no
	// more memory, or something else lies there.
	HighestAddress uint32
	// DeviceTree is the file of the board's device tree in the kernel's package,
	// below its directory. It is empty for an emulator, which makes its own.
	DeviceTree string
	// Loader is what the board's first stage starts, and where that looks for it.
	Loader Loader
}

// lowKernel is the KernelAddress of boards whose memory begins at 0: above what the
// secure firmware has at the beginning, and so low that the kernel ends below what
// that has at 64 MiB on an Armada 3720.
const lowKernel = 0x20_0000

// CommandLine is the kernel's command line.
func (b Board) CommandLine() string { return strings.Join(b.KernelArgs, " ") }
