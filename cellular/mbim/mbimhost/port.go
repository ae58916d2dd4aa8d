package mbimhost

import (
	"io"
	"time"
)

// Port is a modem's control port. A Read returns one frame, if there is room for
// MaxMessage octets, and a Write sends one. A Read may run beside a Write, and
// Close ends both. When the modem has left, the errors are modem.ErrGone.
type Port interface {
	io.ReadWriteCloser
	// SetWriteDeadline makes a Write that waits longer fail.
	SetWriteDeadline(time.Time) error
	// MaxMessage is the longest frame in octets (wMaxControlMessage).
	MaxMessage() int
}
