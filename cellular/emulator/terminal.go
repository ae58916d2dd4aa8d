package emulator

import (
	"bufio"
	"context"
	"errors"
	"os"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/cellular/emulator/proxy"
	"github.com/farspoke/farspoke/cellular/emulator/pty"
	"github.com/farspoke/farspoke/internal/value"
)

// PTY makes the control port of the modem a pseudo terminal, to which a symbolic
// link at path leads while the modem is on the bus, until ctx ends.
func (e *Emulator) PTY(ctx context.Context, path string) error {
	toHost := make(chan []byte, messages)
	var there presence
	e.attach(&there, func(message []byte) {
		select {
		case toHost <- message:
		default: // nobody reads
		}
	})
	for {
		onBus, changed := there.Load()
		if !onBus {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return nil
			}
		}
		if err := e.serveTerminal(ctx, path, toHost, changed); err != nil || ctx.Err() != nil {
			return err
		}
	}
}

// presence is the bus of a terminal.
type presence struct{ value.Value[bool] }

func (p *presence) appear()    { p.Set(true) }
func (p *presence) disappear() { p.Set(false) }

// serveTerminal serves a terminal until the modem leaves the bus.
func (e *Emulator) serveTerminal(ctx context.Context, path string, toHost <-chan []byte, gone <-chan struct{}) error {
	t, err := pty.Open(path)
	if err != nil {
		return err
	}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		defer t.Close()
		for {
			select {
			case message := <-toHost:
				if _, err := t.Write(message); err != nil {
					return nil // the reader says why
				}
			case <-gone:
				return nil
			case <-ctx.Done():
				return nil
			}
		}
	})
	tasks.Go(func() error {
		stream := bufio.NewReader(t)
		for {
			message, err := e.next(stream)
			switch {
			case err == nil:
				e.fromHost(message)
			case errors.Is(err, os.ErrClosed):
				return nil
			case errors.As(err, new(*os.PathError)):
				return err
			default: // not a message: a modem passes over what it was sent so far
				_, _ = stream.Discard(stream.Buffered())
			}
		}
	})
	return tasks.Wait()
}

// next reads a message of the host, or what octets there are of AT commands.
func (e *Emulator) next(stream *bufio.Reader) ([]byte, error) {
	switch {
	case e.mbim != nil:
		return proxy.ReadMBIM(stream)
	case e.qmi != nil:
		return proxy.ReadQMI(stream)
	}
	if _, err := stream.Peek(1); err != nil {
		return nil, err
	}
	octets := make([]byte, stream.Buffered())
	_, err := stream.Read(octets)
	return octets, err
}
