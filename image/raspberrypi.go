package main

import (
	"context"
	"fmt"

	"github.com/farspoke/farspoke/image/fat"
)

// raspberryPiConfig is config.txt. U-Boot is what the firmware takes for a kernel. The
// firmware wants a device tree, which U-Boot does not heed: it has its own, and that
// for the kernel is in the slot. The clock of the serial port has to keep still.
const raspberryPiConfig = "arm_64bit=1\nenable_uart=1\nkernel=u-boot.bin\ndevice_tree=board.dtb\n"

// bootPartitionSize is the length of the partition that Raspberry Pi's firmware is on,
// in octets: the room before the first slot but for the partition table.
const bootPartitionSize = diskStart - alignment

// raspberryPi is a FAT file system that the boot loader in the module's EEPROM reads:
// Raspberry Pi's firmware, and U-Boot, which that starts. Nobody checks either.
//
// Its licence allows that it is passed on with its text, for use with their devices.
func (l *loader) raspberryPi(ctx context.Context) ([]output, error) {
	program, err := l.withTree()
	if err != nil {
		return nil, err
	}
	firmware, err := l.packageFiles(ctx, l.cache.Firmware, "raspi-firmware")
	if err != nil {
		return nil, err
	}
	files := []fat.File{
		{Name: "config.txt", Data: []byte(raspberryPiConfig)},
		{Name: bootLoaderFile, Data: program},
		{Name: deviceTreeFile, Data: l.tree},
	}
	for _, f := range []struct{ name, from string }{
		{"start4.elf", "usr/lib/raspi-firmware/start4.elf"},
		{"fixup4.dat", "usr/lib/raspi-firmware/fixup4.dat"},
		{"licence.txt", "usr/share/doc/raspi-firmware/copyright"},
	} {
		file, ok := firmware[f.from]
		if !ok {
			return nil, fmt.Errorf("raspi-firmware has no %s", f.from)
		}
		files = append(files, fat.File{Name: f.name, Data: file.Data})
	}
	system, err := fat.Marshal("BOOT", bootPartitionSize, files)
	return []output{{"boot.fat", system}}, err
}
