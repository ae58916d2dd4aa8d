package emulator

import (
	"io/fs"
	"sync"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Cable is a front end without a bus of its own, for a host in the same process: it
// opens the modem's control port for as long as the modem is there, and loses it when
// the modem leaves.
type Cable struct {
	e *Emulator

	mu      sync.Mutex
	place   int
	there   bool
	changed chan struct{}
	port    *CablePort // the one that was opened last
}

// Cable makes a cable the front end.
func (e *Emulator) Cable() *Cable {
	c := &Cable{e: e, changed: make(chan struct{})}
	e.attach(c, c.deliver)
	return c
}

// Place says where the modem is, by a number that another place does not have, and
// whether it is there at all. changed is closed when that is no longer so, or was not
// for a moment.
func (c *Cable) Place() (place int, there bool, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.place, c.there, c.changed
}

// Open opens the control port. What goes to the host comes to who has opened it last.
// The error is modem.ErrGone.
func (c *Cable) Open() (*CablePort, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.there {
		return nil, modem.ErrGone
	}
	p := &CablePort{cable: c}
	p.arrived = sync.NewCond(&p.mu)
	c.port = p
	return p, nil
}

// Reset is a reset by the host, after which the modem is there again, the same as
// before.
func (c *Cable) Reset(how usb.Reset) {
	c.show(false)
	c.e.reset(how)
	c.e.Modem.Do(c.e.showOnBus)
}

func (c *Cable) appear()    { c.show(true) }
func (c *Cable) disappear() { c.show(false) }

func (c *Cable) moveTo(place int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.place = place
}

func (c *Cable) show(there bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.there == there {
		return
	}
	c.there = there
	close(c.changed)
	c.changed = make(chan struct{})
	if c.port != nil {
		c.port.end(modem.ErrGone)
		c.port = nil
	}
}

// deliver takes a message to the host, if there is one.
func (c *Cable) deliver(message []byte) {
	c.mu.Lock()
	p := c.port
	c.mu.Unlock()
	if p != nil {
		p.put(message)
	}
}

// CablePort is the host's end of a control port.
type CablePort struct {
	cable *Cable

	mu      sync.Mutex
	arrived *sync.Cond
	unread  [][]byte
	err     error // why there is nothing more
}

// MaxMessage is how many octets a control message of MBIM has at most.
func (p *CablePort) MaxMessage() int { return p.cable.e.Modem.Device().ControlMessage }

// SetWriteDeadline has no effect: the modem takes everything at once.
func (p *CablePort) SetWriteDeadline(time.Time) error { return nil }

// Read returns a message of the modem, or the rest of one.
func (p *CablePort) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.unread) == 0 && p.err == nil {
		p.arrived.Wait()
	}
	if p.err != nil {
		return 0, p.err
	}
	n := copy(b, p.unread[0])
	if n < len(p.unread[0]) {
		p.unread[0] = p.unread[0][n:]
	} else {
		p.unread = p.unread[1:]
	}
	return n, nil
}

// Write takes a message to the modem.
func (p *CablePort) Write(b []byte) (int, error) {
	p.mu.Lock()
	err := p.err
	p.mu.Unlock()
	if err != nil {
		return 0, err
	}
	p.cable.e.fromHost(append([]byte(nil), b...))
	return len(b), nil
}

// Close closes the port. The modem does not notice.
func (p *CablePort) Close() error {
	p.end(fs.ErrClosed)
	return nil
}

func (p *CablePort) put(message []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unread = append(p.unread, message)
	p.arrived.Signal()
}

func (p *CablePort) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
	p.arrived.Broadcast()
}
