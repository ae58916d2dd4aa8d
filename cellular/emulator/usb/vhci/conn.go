package vhci

import (
	"bufio"
	"io"
	"sync"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// conn is a device that the kernel has.
type conn struct {
	device *usb.Device
	socket io.ReadWriter

	mu      sync.Mutex
	waiting map[uint32]*usb.Transfer // by the kernel's sequence number
}

func newConn(device *usb.Device, socket io.ReadWriter) *conn {
	return &conn{device: device, socket: socket, waiting: make(map[uint32]*usb.Transfer)}
}

// serve handles the kernel's commands until one of both hangs up.
func (c *conn) serve() error {
	in := bufio.NewReader(c.socket)
	for {
		command, err := readCommand(in)
		if err != nil {
			return err
		}
		if command.code == cmdUnlink {
			c.unlink(command)
		} else {
			c.submit(command)
		}
	}
}

// submit begins a transfer. Its answer is written by whoever does it: the kernel
// reads at all times, so that does not wait.
func (c *conn) submit(command command) {
	t := &usb.Transfer{Endpoint: command.endpoint, Setup: usb.ParseSetup(command.setup), Data: command.data, Length: command.length}
	if command.in && command.endpoint != 0 {
		t.Endpoint |= directionIn
	}
	t.Done = func(received []byte, status usb.Status) {
		length := len(received)
		if status == usb.Good && !command.in {
			length = command.length
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.waiting, command.sequence)
		c.write(submitted(command.sequence, code(status), length, received))
	}
	c.mu.Lock()
	c.waiting[command.sequence] = t
	c.mu.Unlock()
	c.device.Submit(t)
}

// directionIn is the bit of an endpoint's address that says that the host receives.
const directionIn = 0x80

// unlink takes a transfer back. One that is done is not there any more.
func (c *conn) unlink(command command) {
	c.mu.Lock()
	t := c.waiting[command.unlink]
	c.mu.Unlock()
	var status int32
	if t != nil && c.device.Cancel(t) {
		status = errReset
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if status != 0 {
		delete(c.waiting, command.unlink)
	}
	c.write(unlinked(command.sequence, status))
}

// write writes an answer whole. An error is one that the reader sees, too.
func (c *conn) write(answer []byte) { _, _ = c.socket.Write(answer) }
