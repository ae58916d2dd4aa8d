package qmihost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Port is a modem's control port. Read and Write carry one QMUX frame at a time,
// or parts of them if the port is a stream. After Close both return. An error of
// Read that is modem.ErrGone is the end; another one has cost what was being read,
// and is the end if it keeps coming.
type Port interface {
	Read(b []byte) (int, error)
	Write(b []byte) (int, error)
	Close() error
}

// turn is what tells a response from another.
type turn struct {
	service     qmi.Service
	client      uint8
	transaction uint16
}

// question waits for its answer.
type question struct {
	id     uint16 // of the message
	answer chan qmi.Message
}

// conversation puts questions to a modem over its port.
type conversation struct {
	port Port
	log  *slog.Logger
	// heard is told of each indication by the goroutine that reads the port.
	heard  func(qmi.Message)
	outbox chan []byte
	ended  chan struct{} // closed when nothing more can be read
	tasks  sync.WaitGroup
	// silent: the last question has had no answer in time.
	silent bool

	mu      sync.Mutex
	waiting map[turn]question
	last    uint16 // transaction
}

func converse(port Port, log *slog.Logger, heard func(qmi.Message)) *conversation {
	c := &conversation{
		port: port, log: log, heard: heard,
		outbox: make(chan []byte), ended: make(chan struct{}), waiting: make(map[turn]question),
		// The process before may have left questions whose answers are still to come.
		last: uint16(rand.Uint32()),
	}
	c.tasks.Go(c.listen)
	c.tasks.Go(c.speak)
	return c
}

// close closes the port and waits for the goroutines.
func (c *conversation) close() error {
	err := c.port.Close()
	c.tasks.Wait()
	return err
}

// maxFailures is how many times in a row a port may fail to be read.
const maxFailures = 8

// listen reads the port until it ends.
func (c *conversation) listen() {
	defer close(c.ended)
	var found frames
	b := make([]byte, qmi.MaxLen)
	for failures := 0; failures < maxFailures; {
		n, err := c.port.Read(b)
		for frame := range found.in(b[:n]) {
			c.take(frame)
		}
		switch {
		case err == nil:
			failures = 0
		case errors.Is(err, modem.ErrGone), errors.Is(err, io.EOF), errors.Is(err, fs.ErrClosed):
			c.log.Debug("the control port has ended", "reason", err)
			return
		default:
			failures++
			c.log.Warn("the control port was not read", "problem", err)
		}
	}
}

// take gives the message in frame to whom it is for.
func (c *conversation) take(frame []byte) {
	m, err := qmi.Parse(frame)
	if err != nil {
		c.log.Warn("the modem sent what is no QMI", "problem", err)
		return
	}
	switch m.Class {
	case qmi.Indication:
		c.heard(m)
	case qmi.Response:
		if !c.answered(m) {
			c.log.Debug("an answer nobody waits for", "message", m.String())
		}
	}
}

// answered hands m to the question that it answers, if there is one.
func (c *conversation) answered(m qmi.Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := turn{m.Service, m.Client, m.Transaction}
	q, ok := c.waiting[t]
	if !ok || q.id != m.ID {
		return false
	}
	delete(c.waiting, t)
	q.answer <- m // there is room: it is the only one
	return true
}

// speak writes to the port what is put into the outbox. What cannot be written is
// as good as lost: whoever asked finds out when no answer comes.
func (c *conversation) speak() {
	for {
		select {
		case frame := <-c.outbox:
			if _, err := c.port.Write(frame); err != nil {
				c.log.Debug("a question was not written", "reason", err)
			}
		case <-c.ended:
			return
		}
	}
}

// ask puts request to the modem as client, and reads the answer into response. If
// none comes within limit the error is modem.ErrSilent.
func (c *conversation) ask(ctx context.Context, client uint8, limit time.Duration, request, response qmi.Body) error {
	err := c.exchange(ctx, client, limit, request, response)
	if c.silent = errors.Is(err, modem.ErrSilent); err != nil {
		return fmt.Errorf("%v: %w", request.Kind(), err)
	}
	return nil
}

func (c *conversation) exchange(ctx context.Context, client uint8, limit time.Duration, request, response qmi.Body) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, modem.ErrSilent)
	defer cancel()
	t, answer := c.begin(client, request.Kind())
	defer c.end(t)
	m, err := qmi.New(client, t.transaction, request)
	if err != nil {
		return err
	}
	frame, err := m.Marshal()
	if err != nil {
		return err
	}
	select {
	case c.outbox <- frame:
	case <-c.ended:
		return modem.ErrGone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case m := <-answer:
		return m.Decode(response)
	case <-c.ended:
		return modem.ErrGone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// begin notes that a question of client has no answer yet. Transactions count on
// over all clients, so that a late answer does not fit the next question.
func (c *conversation) begin(client uint8, k qmi.Kind) (turn, chan qmi.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	t := turn{k.Service, client, c.last}
	if k.Service == qmi.CTL {
		t.transaction &= 0xff // it has one octet for it
	}
	if t.transaction == 0 {
		c.last++
		t.transaction++
	}
	answer := make(chan qmi.Message, 1)
	c.waiting[t] = question{k.ID, answer}
	return t, answer
}

// end forgets a question, answered or not.
func (c *conversation) end(t turn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, t)
}
