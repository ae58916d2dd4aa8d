package vhci

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// Commands and their answers.
const (
	cmdSubmit = 1
	cmdUnlink = 2
	retSubmit = 3
	retUnlink = 4
)

const (
	headerLen = 48
	// maxLen is the most octets in a transfer of the kernel's: none to a modem is
	// nearly as long.
	maxLen = 1 << 20
)

var errMalformed = errors.New("malformed usbip packet")

// command is what the kernel sends.
type command struct {
	code     uint32 // cmdSubmit or cmdUnlink
	sequence uint32
	in       bool // the kernel receives
	endpoint uint8
	length   int // of the transfer, in octets
	setup    [8]byte
	data     []byte // that the kernel sends
	unlink   uint32 // the sequence number of the transfer to take back
}

// readCommand reads one command.
func readCommand(r io.Reader) (command, error) {
	var header [headerLen]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return command{}, err
	}
	c, err := parseCommand(header)
	if err != nil || c.code != cmdSubmit || c.in {
		return c, err
	}
	c.data = make([]byte, c.length)
	if _, err := io.ReadFull(r, c.data); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return command{}, fmt.Errorf("read usbip data: %w", err)
	}
	return c, nil
}

// parseCommand reads a command without its data.
func parseCommand(b [headerLen]byte) (command, error) {
	be := binary.BigEndian
	c := command{code: be.Uint32(b[0:]), sequence: be.Uint32(b[4:])}
	switch c.code {
	case cmdUnlink:
		c.unlink = be.Uint32(b[20:])
		return c, nil
	case cmdSubmit:
	default:
		return command{}, fmt.Errorf("%w: command %d", errMalformed, c.code)
	}
	direction, endpoint, length := be.Uint32(b[12:]), be.Uint32(b[16:]), be.Uint32(b[24:])
	if direction > 1 || endpoint > 15 || length > maxLen {
		return command{}, fmt.Errorf("%w: transfer of %d octets with endpoint %d in direction %d", errMalformed, length, endpoint, direction)
	}
	c.in, c.endpoint, c.length = direction == 1, uint8(endpoint), int(length)
	copy(c.setup[:], b[40:])
	return c, nil
}

// submitted answers a cmdSubmit: the length is that of the data that has been
// sent, or received, which then follows.
func submitted(sequence uint32, status int32, length int, received []byte) []byte {
	b := answer(retSubmit, sequence, status, headerLen+len(received))
	binary.BigEndian.PutUint32(b[24:], uint32(length))
	return append(b, received...)
}

// unlinked answers a cmdUnlink.
func unlinked(sequence uint32, status int32) []byte {
	return answer(retUnlink, sequence, status, headerLen)
}

// answer is a header, with room for more.
func answer(code, sequence uint32, status int32, room int) []byte {
	b := make([]byte, headerLen, room)
	binary.BigEndian.PutUint32(b[0:], code)
	binary.BigEndian.PutUint32(b[4:], sequence)
	binary.BigEndian.PutUint32(b[20:], uint32(status))
	return b
}

// Ends of a transfer, as the kernel's negative errors.
const (
	errReset    = -104 // ECONNRESET
	errPipe     = -32  // EPIPE
	errShutdown = -108 // ESHUTDOWN
)

// code says an end in the kernel's numbers.
func code(status usb.Status) int32 {
	switch status {
	case usb.Good:
		return 0
	case usb.Stalled:
		return errPipe
	case usb.Cancelled:
		return errReset
	}
	return errShutdown
}
