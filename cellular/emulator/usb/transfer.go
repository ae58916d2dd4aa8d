package usb

// Transfer is one request of the host to an endpoint: an URB.
type Transfer struct {
	// Endpoint is the address, with bit 7 if the host receives; 0 for control
	// transfers of either direction.
	Endpoint uint8
	Setup    Setup  // of a control transfer
	Data     []byte // what the host sends; the device keeps it
	Length   int    // the most octets that the host receives
	// Repeat keeps a transfer waiting for more once it is done.
	Repeat bool
	// Done is called once, or with Repeat each time, with what the host receives.
	// It is called with the device locked, in the order in which transfers to an
	// endpoint are done: it must neither block nor call the device.
	Done func(received []byte, status Status)
}

// Status is how a transfer ended.
type Status uint8

// The ends of a transfer.
const (
	Good      Status = iota
	Stalled          // the device has no such request, or refuses it
	Cancelled        // the host or a change of its settings took it back
	Gone             // the device has left the bus
)
