package port

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/modem"
)

// ErrBusy says that another process has the port.
var ErrBusy = errors.New("the port is in use")

const (
	// maxCommand is IOCTL_WDM_MAX_COMMAND of cdc-wdm nodes, _IOR('H', 0xA0, __u16)
	// (kernel: include/uapi/linux/usb/cdc-wdm.h).
	maxCommand = 0x800248A0
	// frameworkMessage is what modems of the WWAN framework take, in octets, where
	// nothing says it: MBIM 1.0 has 4096 as the usual wMaxControlMessage.
	frameworkMessage = 4096
)

// Port is an open control port. Cdc-wdm nodes and those of the WWAN framework keep
// messages apart: one Read returns one message, or its beginning if there is no
// room, and one Write sends one. An MBIM message is one fragment; a QMI message is
// a QMUX frame on both kinds: the kernel passes QMI ports through as they are, and
// Qualcomm's firmware frames them on MHI as on USB (libqmi speaks QMUX to
// /dev/wwan0qmi0 too). Serial ports are a stream of octets.
//
// A Read may run beside a Write, and Close ends both. When the modem has left the
// bus, their error is modem.ErrGone.
type Port struct {
	file *os.File
	max  int
	// wdm is a node of cdc-wdm.
	wdm bool
}

// Open opens a control port, which no other process can then open by Open. The
// error is ErrBusy if one has, and modem.ErrGone if there is no such port any more.
//
// The kernel hears a USB modem's indications only while its node is open
// (kernel: drivers/usb/class/cdc-wdm.c, wdm_open).
func Open(c Control) (*Port, error) {
	// Without O_NONBLOCK a serial port waits for its carrier; with it the port gets
	// deadlines.
	fd, err := unix.Open(c.Node, unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open control port %s: %w", c.Node, cause(err))
	}
	p := &Port{file: os.NewFile(uintptr(fd), c.Node)}
	if err := p.prepare(fd); err != nil {
		p.file.Close()
		return nil, fmt.Errorf("prepare control port %s: %w", c.Node, cause(err))
	}
	return p, nil
}

// prepare takes the port for this process and makes it fit for messages.
func (p *Port) prepare(fd int) error {
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return err
	}
	switch name := path.Base(p.file.Name()); {
	case strings.HasPrefix(name, "cdc-wdm"):
		var largest uint16
		if err := ioctl(fd, maxCommand, unsafe.Pointer(&largest)); err != nil {
			return fmt.Errorf("ask for the size of messages: %w", err)
		}
		p.max, p.wdm = int(largest), true
		return nil
	case strings.HasPrefix(name, "wwan"):
		p.max = frameworkMessage
		return nil
	}
	return makeRaw(fd)
}

// MaxMessage is the size in octets of the largest message that the port takes,
// either way. It is 0 for a serial port.
func (p *Port) MaxMessage() int { return p.max }

// Read reads one message, or what octets there are from a serial port.
func (p *Port) Read(b []byte) (int, error) {
	n, err := p.file.Read(b)
	return n, p.cause(err)
}

// Write writes one message.
func (p *Port) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	return n, p.cause(err)
}

// SetReadDeadline makes a Read that waits longer fail with
// os.ErrDeadlineExceeded. The zero time means no deadline.
func (p *Port) SetReadDeadline(t time.Time) error { return p.file.SetReadDeadline(t) }

// SetWriteDeadline is SetReadDeadline for Write.
func (p *Port) SetWriteDeadline(t time.Time) error { return p.file.SetWriteDeadline(t) }

// SetDeadline sets both deadlines.
func (p *Port) SetDeadline(t time.Time) error { return p.file.SetDeadline(t) }

// Close lets go of the port, whether or not it is still there.
func (p *Port) Close() error {
	if err := cause(p.file.Close()); !errors.Is(err, modem.ErrGone) {
		return err
	}
	return nil
}

// cause is the function, but EIO of cdc-wdm is a transfer that went wrong, after
// which the next one may go well.
func (p *Port) cause(err error) error {
	if p.wdm && errors.Is(err, unix.EIO) {
		return err
	}
	return cause(err)
}

// cause adds what the kernel's error about a port means.
func cause(err error) error {
	if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EWOULDBLOCK) {
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return gone(err)
}

// gone adds modem.ErrGone to what the kernel says of a device that has left. Of a
// port that has lost its device, cdc-wdm says ENODEV, the WWAN framework ENODEV or
// EIO; a serial port ends and then says EIO. A node or an attribute that is opened
// too late is ENOENT, ENXIO or ENODEV.
func gone(err error) error {
	switch {
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.EIO), errors.Is(err, unix.ENXIO),
		errors.Is(err, unix.ENOENT), errors.Is(err, unix.ESHUTDOWN), errors.Is(err, io.EOF):
		return fmt.Errorf("%w: %w", modem.ErrGone, err)
	}
	return err
}
