package mbimhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// maxMessageLen bounds what a modem can make us keep of one message.
const maxMessageLen = 64 << 10

// conversation is questions and answers over a port: it counts the transactions,
// takes frames apart and together, and hands indications on.
type conversation struct {
	port Port
	log  *slog.Logger
	// indicated is called for each indication, one at a time.
	indicated func(mbim.Message)
	// closing is set when it is we who end the conversation.
	closing atomic.Bool
	// finished is called and ended closed when the port ends.
	finished func()
	ended    chan struct{}

	writing sync.Mutex // for all frames of a message

	mu          sync.Mutex
	transaction uint32
	waiting     map[uint32]chan mbim.Message
	// silent is how many questions in a row were not answered in time.
	silent int
	// gone is why the port has ended.
	gone error

	// The fragments of a message, and what forgets them if the next one is late.
	fragments mbim.Reassembler
	gap       *time.Timer
}

// converse begins a conversation, which ends when the port does. Transactions
// begin anywhere, so that answers to the questions of a process before this one are
// not taken for ours.
func converse(port Port, log *slog.Logger, indicated func(mbim.Message), finished func()) *conversation {
	c := &conversation{
		port: port, log: log, indicated: indicated, finished: finished, ended: make(chan struct{}),
		transaction: rand.Uint32N(1 << 30), waiting: make(map[uint32]chan mbim.Message),
		fragments: mbim.Reassembler{Limit: maxMessageLen},
	}
	go c.receive()
	return c
}

// close ends the conversation.
func (c *conversation) close() error {
	c.closing.Store(true)
	err := c.port.Close()
	<-c.ended
	return err
}

// begin takes the next transaction id, and returns where its answer will come.
func (c *conversation) begin() (uint32, chan mbim.Message) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transaction++; c.transaction == 0 {
		c.transaction++ // that is for indications
	}
	answer := make(chan mbim.Message, 1)
	c.waiting[c.transaction] = answer
	return c.transaction, answer
}

// forget makes the answer to a transaction one that nobody waits for.
func (c *conversation) forget(transaction uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, transaction)
}

// ask sends the message that compose returns for a transaction, and waits for its
// answer for limit, or as long as its kind takes if that is 0. A FUNCTION_ERROR is
// an error that wraps its mbim.ProtocolError.
func (c *conversation) ask(ctx context.Context, limit time.Duration, compose func(transaction uint32) (mbim.Message, error)) (mbim.Message, error) {
	transaction, answer := c.begin()
	defer c.forget(transaction)
	m, err := compose(transaction)
	if err != nil {
		return mbim.Message{}, err
	}
	select {
	case <-c.ended:
		return mbim.Message{}, c.gone
	default:
	}
	if err := c.send(m); err != nil {
		return mbim.Message{}, err
	}
	if limit == 0 {
		limit = limitOf(m)
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case a := <-answer:
		c.answered()
		if a.Type == mbim.FunctionError {
			return a, fmt.Errorf("%s: %w", what(m), a.Error)
		}
		return a, nil
	case <-timer.C:
		return mbim.Message{}, fmt.Errorf("%s: %w: nothing for %v; unanswered in a row: %d", what(m), modem.ErrSilent, limit, c.fellSilent())
	case <-c.ended:
		return mbim.Message{}, c.gone
	case <-ctx.Done():
		err := context.Cause(ctx)
		if errors.Is(err, modem.ErrSilent) { // a limit of ours
			c.fellSilent()
		}
		return mbim.Message{}, err
	}
}

// what names the question m.
func what(m mbim.Message) string {
	if m.Type == mbim.CommandMessage {
		return m.Kind().String()
	}
	return m.Type.String()
}

func (c *conversation) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent = 0
}

// isSilent reports whether the last question was not answered in time.
func (c *conversation) isSilent() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.silent > 0
}

// fellSilent counts a question as not answered, and returns how many in a row were
// not.
func (c *conversation) fellSilent() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.silent++
	return c.silent
}

// send sends a message in as many frames as it takes.
func (c *conversation) send(m mbim.Message) error {
	frames, err := m.Frames(c.port.MaxMessage())
	if err != nil {
		return err
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.port.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return c.failure(what(m), err)
	}
	for _, f := range frames {
		if _, err := c.port.Write(f); err != nil {
			return c.failure(what(m), err)
		}
	}
	return nil
}

// failure returns what the port's error means: one that does not take anything is a
// modem that does not answer.
func (c *conversation) failure(doing string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.fellSilent()
		return fmt.Errorf("%s: %w: it takes no commands: %w", doing, modem.ErrSilent, err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}
