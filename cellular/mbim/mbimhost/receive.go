package mbimhost

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// patience is how many reads in a row may fail before the port counts as gone: a
// transfer on USB can go wrong, and the next one well.
const (
	patience = 10
	pause    = 100 * time.Millisecond
)

// receive reads frames until the port ends.
func (c *conversation) receive() {
	defer close(c.ended)
	defer c.finished()
	frame := make([]byte, maxMessageLen) // some modems send longer frames than they should
	for failed := 0; ; {
		n, err := c.port.Read(frame)
		switch {
		case err == nil:
			failed = 0
			c.take(frame[:n])
		case c.closing.Load(), errors.Is(err, modem.ErrGone), errors.Is(err, io.EOF), failed == patience:
			c.end(err)
			return
		default:
			failed++
			c.log.Warn("reading from the modem failed", "error", err)
			time.Sleep(pause)
		}
	}
}

// end notes why the port has ended.
func (c *conversation) end(err error) {
	if !errors.Is(err, modem.ErrGone) {
		err = fmt.Errorf("%w: %w", modem.ErrGone, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gone = err
	if c.gap != nil {
		c.gap.Stop()
	}
}

// take takes a frame, and hands on what message it completes. A fragment that is
// not in its place is answered with an error, as the modem may want to know.
func (c *conversation) take(frame []byte) {
	c.mu.Lock()
	m, err := c.fragments.Add(frame)
	c.watchGap(frame)
	c.mu.Unlock()
	if err != nil {
		c.log.Warn("dropped a message of the modem", "error", err)
		var wrong mbim.ProtocolError
		if errors.As(err, &wrong) && wrong == mbim.ErrorFragmentOutOfSequence {
			c.complain(mbim.TransactionOf(frame), wrong)
		}
	}
	if m != nil {
		c.deliver(*m)
	}
}

// watchGap makes fragments that wait for the next one wait no longer than
// fragmentGap.
func (c *conversation) watchGap(frame []byte) {
	if c.gap != nil {
		c.gap.Stop()
		c.gap = nil
	}
	if !c.fragments.Collecting() {
		return
	}
	transaction := mbim.TransactionOf(frame)
	var gap *time.Timer
	gap = time.AfterFunc(fragmentGap, func() {
		c.mu.Lock()
		late := c.gap == gap
		if late {
			c.fragments.Reset()
			c.gap = nil
		}
		c.mu.Unlock()
		if late {
			c.log.Warn("dropped a message of the modem", "error", mbim.ErrorTimeoutFragment)
			c.complain(transaction, mbim.ErrorTimeoutFragment)
		}
	})
	c.gap = gap
}

// complain tells the modem what was wrong with a message.
func (c *conversation) complain(transaction uint32, wrong mbim.ProtocolError) {
	if err := c.send(mbim.Message{Type: mbim.HostError, Transaction: transaction, Error: wrong}); err != nil {
		c.log.Warn("complaining to the modem failed", "error", err)
	}
}

// deliver hands a message to whoever waits for it.
func (c *conversation) deliver(m mbim.Message) {
	switch m.Type {
	case mbim.IndicateStatus:
		c.indicated(m)
	case mbim.OpenDone, mbim.CloseDone, mbim.CommandDone, mbim.FunctionError:
		c.mu.Lock()
		answer, ok := c.waiting[m.Transaction]
		delete(c.waiting, m.Transaction)
		c.mu.Unlock()
		if ok {
			answer <- m
		} else {
			c.log.Debug("dropped an answer that nobody waits for", "message", m.String())
		}
	default:
		c.log.Warn("dropped what a modem does not say", "message", m.String())
	}
}
