package board

// Loader is the boot loader as the stage before it takes it, which is in a ROM or in
// a flash of the board.
type Loader struct {
	// Packing is what that stage takes.
	Packing Packing
	// Where says to people where that stage looks for it.
	Where string
	// OnDisk are those of the packing's files that lie on the disk that the box starts
	// from, in the room before its first slot. What is not among them, such as what
	// goes into a flash, is written beside the disk.
	OnDisk []DiskFile
	// Room is how long the file for the board's flash may be, in octets; 0 for a board
	// that starts from its disk, or has no flash.
	Room int64
	// TrustedFirmware are variables of TF-A's make, for a board whose TF-A is built
	// here.
	TrustedFirmware []string
}

// Packing names a form of the boot loader. Package image has a file for each.
type Packing string

const (
	// Plain is u-boot.bin, U-Boot with its device tree behind it: what emulators take,
	// and TF-A when it makes an image for a flash.
	Plain Packing = "plain"
	// Rockchip is idbloader.img, which Rockchip's ROMs start and which makes memory
	// usable, and u-boot.itb, which idbloader.img loads: U-Boot and TF-A.
	Rockchip Packing = "rockchip"
	// Armada3720 is boot-image.bin, TF-A and U-Boot, and flash-image.bin for a build that
	// is given the board's flash: that with boot-image.bin in it, from the beginning.
	Armada3720 Packing = "armada3720"
	// TurrisMox is a53-firmware.bin, the same as boot-image.bin. What comes before it is
	// signed by CZ.NIC and lists no checksum of it.
	TurrisMox Packing = "turris-mox"
	// Layerscape is u-boot.bin, and bl3.bin for a build that is given the board's: that
	// with U-Boot in it.
	Layerscape Packing = "layerscape"
	// RaspberryPi is boot.fat, a FAT file system with Raspberry Pi's firmware and
	// U-Boot, which that starts in place of a kernel.
	RaspberryPi Packing = "raspberrypi"
)

// DiskFile is a file of the boot loader that lies on the disk.
type DiskFile struct {
	// Name is what the build calls it.
	Name string
	// Offset is where it begins, in octets.
	Offset int64
	// Partition is the name of the partition that it fills, empty for one that lies
	// outside of all partitions. A partition is one of the kind that holds FAT.
	Partition string
}
