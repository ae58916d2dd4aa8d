// Package port finds the box's cellular modems, opens the character devices by
// which they are directed, makes the network devices of their connections and
// resets them by what is outside of them: the bus and the board's lines.
//
// A modem is one device on USB or PCI that has a control port: a character device
// that carries MBIM, QMI or AT commands. The kernel numbers these nodes anew each
// time a modem comes, so nothing here goes by their names. A modem is known by its
// place on the bus, which is the slot it sits in.
//
// The package runs in the router process, which is uid 0 with no more than the
// capabilities of the network. That is enough for all of it: the nodes below /dev
// and the attributes below /sys belong to uid 0, and neither USBDEVFS_RESET
// (drivers/usb/core/devio.c, proc_resetdevice) nor the lines of a GPIO chip
// (drivers/gpio/gpiolib-cdev.c) nor the attributes "authorized", "bind" and "unbind"
// ask for another. The tests in the VM run with no more.
//
// Where the kernel's source is named, it is Linux 6.1's.
package port
