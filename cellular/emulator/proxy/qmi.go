// Package proxy gives an emulated modem the sockets of libqmi's and libmbim's
// proxies, so that programs on the same machine, such as qmicli and mbimcli with
// -p, find it without a device: several at a time, each unaware of the others.
package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"

	"github.com/farspoke/farspoke/cellular/qmi"
)

// QMISocket is the abstract socket of libqmi's qmi-proxy.
const QMISocket = "@qmi-proxy"

// proxyOpen is the request that libqmi's proxy answers itself: open a device.
const proxyOpen = 0xff00

// QMI shares one modem's QMI among programs.
type QMI struct {
	toModem func(frame []byte)

	mu      sync.Mutex
	clients map[*program]bool
	// waiting has who asked, and by which transaction, for the answers to come. The
	// transactions of CTL, whose only client is 0, are numbered anew.
	waiting  map[question]asker
	ctl      uint8
	clientOf map[qmi.ClientID]*program
}

type question struct {
	id          qmi.ClientID
	transaction uint16
}

type asker struct {
	program     *program
	transaction uint16
}

// NewQMI returns a proxy that hands frames to a modem by toModem.
func NewQMI(toModem func(frame []byte)) *QMI {
	return &QMI{toModem: toModem, clients: map[*program]bool{}, waiting: map[question]asker{}, clientOf: map[qmi.ClientID]*program{}}
}

// Serve serves programs that connect to l until ctx ends.
func (p *QMI) Serve(ctx context.Context, l net.Listener) error {
	return serve(ctx, l, func(ctx context.Context, c *program) {
		p.mu.Lock()
		p.clients[c] = true
		p.mu.Unlock()
		defer p.forget(c)
		r := bufio.NewReader(c.conn)
		for {
			frame, err := ReadQMI(r)
			if err != nil {
				return
			}
			p.fromProgram(c, frame)
		}
	})
}

// ReadQMI reads a QMUX frame from a stream.
func ReadQMI(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(3)
	if err != nil {
		return nil, err
	}
	size, err := qmi.Size(head)
	if err != nil {
		return nil, err
	}
	if size < len(head) {
		return nil, errors.New("a frame that is shorter than its head")
	}
	frame := make([]byte, size)
	_, err = io.ReadFull(r, frame)
	return frame, err
}

func (p *QMI) fromProgram(c *program, frame []byte) {
	m, err := qmi.Parse(frame)
	if err != nil || m.Class != qmi.Request {
		return
	}
	if m.Service == qmi.CTL && m.ID == proxyOpen {
		m.Class, m.TLVs = qmi.Response, []qmi.TLV{{Type: 0x02, Value: make([]byte, 4)}}
		if answer, err := m.Marshal(); err == nil {
			c.send(answer)
		}
		return
	}
	p.mu.Lock()
	q := question{qmi.ClientID{Service: m.Service, Client: m.Client}, m.Transaction}
	if m.Service == qmi.CTL {
		if p.ctl++; p.ctl == 0 {
			p.ctl++
		}
		q.transaction = uint16(p.ctl)
	} else {
		p.clientOf[q.id] = c // whoever speaks as a client hears its indications
	}
	p.waiting[q] = asker{c, m.Transaction}
	p.mu.Unlock()
	m.Transaction = q.transaction
	if frame, err = m.Marshal(); err == nil {
		p.toModem(frame)
	}
}

// FromModem takes a frame from the modem. It does not wait.
func (p *QMI) FromModem(frame []byte) {
	m, err := qmi.Parse(frame)
	if err != nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	id := qmi.ClientID{Service: m.Service, Client: m.Client}
	if m.Class == qmi.Indication {
		if c := p.clientOf[id]; c != nil {
			c.send(frame)
		} else if m.Service == qmi.CTL {
			for c := range p.clients {
				c.send(frame)
			}
		}
		return
	}
	q := question{id, m.Transaction}
	a, ok := p.waiting[q]
	if !ok {
		return
	}
	delete(p.waiting, q)
	m.Transaction = a.transaction
	if frame, err = m.Marshal(); err == nil {
		a.program.send(frame)
	}
}

func (p *QMI) forget(c *program) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, c)
	for q, a := range p.waiting {
		if a.program == c {
			delete(p.waiting, q)
		}
	}
	for id, owner := range p.clientOf {
		if owner == c {
			delete(p.clientOf, id)
		}
	}
}

// Hangup ends all programs' connections, as when the device goes.
func (p *QMI) Hangup() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.clients {
		_ = c.conn.Close() // its reader sees it
	}
}
