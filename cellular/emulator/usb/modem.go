package usb

// Control is one channel on which the modem is directed: of MBIM messages, of
// which each may be a fragment, of QMI messages in QMUX frames, or of the octets of
// an AT port.
type Control interface {
	// Send takes what the host has sent, which is the callee's to keep.
	Send(message []byte)
	// Receive is what the modem sends to the host. A channel that is closed ends
	// the function's Run.
	Receive() <-chan []byte
	// Reset says that the host begins anew. What was on its way to it is lost.
	Reset(how Reset)
}

// Reset is how the host begins anew.
type Reset uint8

const (
	// BusReset is a reset of the port: several in each enumeration, and more when
	// somebody asks the host's kernel for one. An MBIM channel is closed by it; a
	// modem does not start again. A kernel's own vhci keeps it to itself.
	BusReset Reset = iota + 1
	// Configuration is that the host chose a configuration, or none.
	Configuration
	// FunctionReset is MBIM's RESET_FUNCTION.
	FunctionReset
)

// Packets is what the modem carries.
type Packets interface {
	// Send takes an IP packet from the host, which is the callee's to keep. The
	// session is MBIM's, 0 for other modems.
	Send(session uint8, packet []byte)
	// Receive is what the modem brings to the host. A channel that is closed ends
	// the function's Run.
	Receive() <-chan Packet
}

// Packet is an IP packet of a session.
type Packet struct {
	Session uint8
	Data    []byte
}
