package board

import "time"

// virt is QEMU's "virt" machine with virtio-net and i6300esb on its PCI bus.
//
// The devices must sit in these slots. RAM is 512 MiB from 0x4000_0000 on; the
// kernel is told of 448, and the first of the remaining 64 holds the crash
// text. QEMU keeps its contents over a reset, so -no-reboot loses it.
var virt = Board{
	Name:       "virt",
	Compatible: []string{"linux,dummy-virt"},
	Ports: map[string]string{
		"wan":  "platform/*.pcie/pci0000:00/0000:00:02.0/virtio*",
		"lan1": "platform/*.pcie/pci0000:00/0000:00:03.0/virtio*",
		"lan2": "platform/*.pcie/pci0000:00/0000:00:04.0/virtio*",
		"lan3": "platform/*.pcie/pci0000:00/0000:00:05.0/virtio*",
		"lan4": "platform/*.pcie/pci0000:00/0000:00:06.0/virtio*",
	},
	// A port of a qemu-xhci controller in slot 10, at either of the speeds it has.
	Modems: map[string]Modem{
		"m2": {Device: "platform/*.pcie/pci0000:00/0000:00:0a.0/usb*/*-1", Slot: "M.2 key B", SIMs: 2},
	},
	// The keyboard of a machine that has one.
	Button:   Button{Input: "QEMU Virtio Keyboard", Code: keyF12},
	Modules:  []string{"i6300esb", "virtio_pci", "virtio_net", RamoopsModule, LinesModule},
	OnDemand: []string{"xhci_pci", "virtio_input", ButtonModule},
	Watchdog: Watchdog{Module: "i6300esb", Timeout: 30 * time.Second}, // at 0000:00:08.0
	Ramoops:  Ramoops{Address: 0x5c00_0000, Size: 0x10_0000, RecordSize: 0x1_0000, Spare: true},
	Console:  "ttyAMA0",
	KernelArgs: []string{
		"console=ttyAMA0",
		"mem=448M",
		"panic=1",
		"printk.devkmsg=on",
		"quiet",
		// The kernel's self-tests of its ciphers take longer in emulation than all
		// the rest of its start, and there is no crypto hardware to doubt.
		"cryptomgr.notests",
	},
	Boot: Boot{
		Defconfig: "qemu_arm64_defconfig",
		// The registers of an i6300esb, at an address of the bus that nobody else has:
		// two stages of half a minute, the second of which ends in a reset.
		ArmWatchdog: []string{
			"pci write.l 0.8.0 10 3ef00000", "pci write.w 0.8.0 4 2",
			"mw.w 3ef0000c 80", "mw.w 3ef0000c 86", "mw.l 3ef00000 7604",
			"mw.w 3ef0000c 80", "mw.w 3ef0000c 86", "mw.l 3ef00004 7604",
			"pci write.w 0.8.0 60 3", "pci write.b 0.8.0 68 2",
		},
		Interface: "virtio", Device: 0, Disk: "vda",
		Modules:      []string{"virtio_blk", "ext4"},
		ImageAddress: 0x4800_0000, RecordAddress: 0x4700_0000, KernelAddress: 0x4020_0000,
		HighestAddress: 0x5800_0000,
		Loader:         Loader{Packing: Plain, Where: "QEMU's -bios"},
	},
}
