// Package usb is a modem's USB side in software: a Function with the descriptors,
// the class requests and the queues of a real one, given to an unmodified Linux
// kernel by a front end: usbredir for QEMU, vhci for the kernel it runs on. The
// parties are the host, which is the kernel behind a front end and takes the part
// of the bus; the function here; and the modem behind it, which the user brings as
// two or three small interfaces: Control for the channels on which it is directed,
// and Packets for what it carries.
//
// A Function outlives what happens on the bus. Each time it is plugged in, it is a
// new Device, which is gone for good when it is unplugged, so a transfer that comes
// late reaches nobody. One mutex guards all of it. The user's methods are called
// without it, in the order of what the host sent, and must not block; a transfer's
// Done is called with it, and must not call back.
//
// The sources are USB 2.0, chapter 9, CDC 1.2 with its subclasses ECM 1.2 and PSTN
// 1.2, NCM 1.0 and MBIM 1.0, and for what has no specification the drivers of
// Linux: option and qmi_wwan.
package usb
