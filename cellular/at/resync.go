package at

import (
	"context"
	"time"
)

// How long a modem may take to come into step again, and how long it must be
// quiet to be in step if it repeats nothing.
const (
	resyncLimit = 3 * time.Second
	quietLimit  = 500 * time.Millisecond
)

// resynchronise waits out what the modem still has to say to earlier questions.
// There is one thing that can be no late answer, the echo of a line that was not
// sent before: so the echo is turned on, and what comes behind the echo of an AT is
// the answer to that AT. A modem that does not echo must answer and then be quiet.
func (c *Conn) resynchronise(ctx context.Context) error {
	on := newExchange(Request{Line: "E1"}, nil)
	if err := c.await(ctx, on, resyncLimit, escape+"ATE1\r", ""); err != nil {
		return err
	}
	probe := newExchange(Request{}, nil)
	probe.late = make(chan struct{}, 1)
	if err := c.await(ctx, probe, resyncLimit, "AT\r", ""); err != nil {
		return err
	}
	off := newExchange(Request{Line: "E0"}, nil)
	return c.await(ctx, off, resyncLimit, "ATE0\r", "")
}
