package proxy

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/farspoke/farspoke/cellular/mbim"
)

// MBIMSocket is the abstract socket of libmbim's mbim-proxy.
const MBIMSocket = "@mbim-proxy"

// Lengths in octets: of a fragment between programs and proxy, which mbim-proxy has
// no limit for, and of a whole message.
const (
	programTransfer = 4096
	longestMessage  = 1 << 16
)

// MBIM shares one modem's MBIM among programs. It opens the modem for the first of
// them, and leaves it open.
type MBIM struct {
	toModem  func(frame []byte)
	transfer int // octets of a fragment that the modem takes

	mu      sync.Mutex
	clients map[*program]bool
	// waiting has who asked, and by which transaction, for the answers to come.
	// Transactions are numbered anew.
	waiting     map[uint32]question32
	transaction uint32
	fromModem   mbim.Reassembler
	opened      bool
	// version is what the last program has negotiated, which the others must know.
	version mbim.Version
}

type question32 struct {
	program *program
	message mbim.Message
}

// NewMBIM returns a proxy that hands frames of at most transfer octets to a modem by
// toModem.
func NewMBIM(transfer int, toModem func(frame []byte)) *MBIM {
	return &MBIM{
		toModem: toModem, transfer: transfer, clients: map[*program]bool{}, waiting: map[uint32]question32{},
		fromModem: mbim.Reassembler{Limit: longestMessage},
	}
}

// Serve serves programs that connect to l until ctx ends.
func (p *MBIM) Serve(ctx context.Context, l net.Listener) error {
	return serve(ctx, l, func(ctx context.Context, c *program) {
		p.mu.Lock()
		p.clients[c] = true
		p.mu.Unlock()
		defer p.forget(c)
		fragments := mbim.Reassembler{Limit: longestMessage}
		for {
			frame, err := ReadMBIM(c.conn)
			if err != nil {
				return
			}
			m, err := fragments.Add(frame)
			if err != nil {
				return // libmbim's proxy hangs up as well
			}
			if m != nil {
				p.fromProgram(c, *m)
			}
		}
	})
}

// ReadMBIM reads a message or a fragment from a stream.
func ReadMBIM(r io.Reader) ([]byte, error) {
	const headerLen, lengthAt = 12, 4
	head := make([]byte, headerLen)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[lengthAt:])
	if size < headerLen || size > longestMessage {
		return nil, fmt.Errorf("a frame of %d octets", size)
	}
	frame := make([]byte, size)
	copy(frame, head)
	_, err := io.ReadFull(r, frame[headerLen:])
	return frame, err
}

func (p *MBIM) fromProgram(c *program, m mbim.Message) {
	if m.Type == mbim.CommandMessage && m.Command.Service == mbim.ProxyControl {
		// Which device is meant is of no interest: there is one.
		c.sendMBIM(mbim.Message{Type: mbim.CommandDone, Transaction: m.Transaction, Command: m.Command})
		return
	}
	p.mu.Lock()
	if p.answersItself(c, m) {
		p.mu.Unlock()
		return
	}
	p.transaction++
	p.waiting[p.transaction] = question32{c, m}
	m.Transaction = p.transaction
	p.mu.Unlock()
	frames, err := m.Frames(p.transfer)
	if err != nil {
		return
	}
	for _, f := range frames {
		p.toModem(f)
	}
}

// FromModem takes a frame from the modem. It does not wait.
func (p *MBIM) FromModem(frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m, err := p.fromModem.Add(frame)
	if m == nil || errors.Is(err, mbim.ErrorUnknown) {
		return
	}
	if m.Type == mbim.IndicateStatus {
		for c := range p.clients {
			c.sendMBIM(*m)
		}
		return
	}
	q, ok := p.waiting[m.Transaction]
	if !ok {
		return
	}
	delete(p.waiting, m.Transaction)
	m.Transaction = q.message.Transaction
	q.program.sendMBIM(*m)
	p.learn(q, *m)
}

// answersItself answers what concerns the modem that is open already.
func (p *MBIM) answersItself(c *program, m mbim.Message) bool {
	switch {
	case m.Type == mbim.Close: // others may go on
		c.sendMBIM(mbim.Message{Type: mbim.CloseDone, Transaction: m.Transaction})
		return true
	case m.Type == mbim.Open && p.opened:
		c.sendMBIM(mbim.Message{Type: mbim.OpenDone, Transaction: m.Transaction})
		p.tellVersion(c)
		return true
	}
	return false
}

// learn takes what concerns all programs out of the answer to a question.
func (p *MBIM) learn(q question32, answer mbim.Message) {
	switch {
	case answer.Type == mbim.OpenDone && answer.Status == mbim.StatusOK:
		p.opened, p.version = true, mbim.V1
	case answer.Type == mbim.CommandDone && answer.Command == mbim.CmdVersion:
		var asked, own mbim.Versions
		if mbim.V1.Decode(q.message, &asked) != nil || mbim.V1.Decode(answer, &own) != nil {
			return
		}
		p.version = min(asked.Extended, own.Extended)
		for c := range p.clients {
			if c != q.program {
				p.tellVersion(c)
			}
		}
	}
}

// tellVersion tells a program what another has negotiated.
func (p *MBIM) tellVersion(c *program) {
	if p.version <= mbim.V1 {
		return
	}
	m, err := mbim.V1.Indication(&mbim.ProxyVersions{Versions: mbim.Versions{MBIM: 0x0100, Extended: p.version}})
	if err == nil {
		c.sendMBIM(m)
	}
}

func (c *program) sendMBIM(m mbim.Message) {
	frames, err := m.Frames(programTransfer)
	if err != nil {
		return
	}
	for _, f := range frames {
		c.send(f)
	}
}

func (p *MBIM) forget(c *program) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.clients, c)
	for transaction, q := range p.waiting {
		if q.program == c {
			delete(p.waiting, transaction)
		}
	}
}

// Hangup ends all programs' connections, as when the device goes.
func (p *MBIM) Hangup() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.opened = false
	for c := range p.clients {
		_ = c.conn.Close() // its reader sees it
	}
}
