package port

import "slices"

// Protocol is what a control port speaks.
type Protocol uint8

// The protocols, from the one that is preferred to the one that is not.
const (
	MBIM Protocol = iota
	QMI
	AT
)

// String names the protocol.
func (p Protocol) String() string { return [...]string{"MBIM", "QMI", "AT"}[p] }

// MarshalText is String.
func (p Protocol) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Bus is how a modem is connected.
type Bus uint8

// The buses. Other is a modem that is part of the processor.
const (
	Other Bus = iota
	USB
	PCI
)

// Found is a modem as the kernel has it now.
type Found struct {
	// ID is the path of the modem's device below /sys/devices, such as
	// "platform/4010000000.pcie/pci0000:00/0000:00:0a.0/usb1/1-1". It says where the
	// modem is and stays the same over resets.
	ID  string
	Bus Bus
	// Vendor and Product are the bus's numbers for the make; USB devices have the
	// strings too, which may be empty.
	Vendor, Product             uint16
	Manufacturer, Model, Serial string
	// Controls are the control ports, the preferred first. Of those for AT commands
	// not all may answer.
	Controls []Control
	// Links are the network devices that come with the modem, but those of the WWAN
	// framework.
	Links []Link
	// WWAN is the name of the modem in the kernel's WWAN framework, empty outside of
	// it. Such a modem's network devices can all be made on demand.
	WWAN string
}

// Control is a control port.
type Control struct {
	// Node is the path of the character device.
	Node     string
	Protocol Protocol
}

// Link is a network device.
type Link struct {
	// Name and Driver are the kernel's.
	Name, Driver string
}

// Complete reports whether all that a connection takes is there: a control port,
// and a network device or the means to make one.
func (f Found) Complete() bool {
	return len(f.Controls) > 0 && (len(f.Links) > 0 || f.WWAN != "")
}

// Equal reports whether f and o are the same modem with the same nodes.
func (f Found) Equal(o Found) bool {
	return f.ID == o.ID && f.Bus == o.Bus && f.Vendor == o.Vendor && f.Product == o.Product &&
		f.Manufacturer == o.Manufacturer && f.Model == o.Model && f.Serial == o.Serial && f.WWAN == o.WWAN &&
		slices.Equal(f.Controls, o.Controls) && slices.Equal(f.Links, o.Links)
}
