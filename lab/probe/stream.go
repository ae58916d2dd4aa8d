package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
)

// Stream is a TCP connection of which one end sends as fast as the way to the
// other lets it.
type Stream struct {
	from, to net.Conn
	received atomic.Int64
}

// NewStream returns a Stream over a connection whose ends are both ours.
func NewStream(from, to net.Conn) *Stream { return &Stream{from: from, to: to} }

// Run sends and receives until ctx ends.
func (s *Stream) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.from.Close(); s.to.Close() })
	defer stop()
	sent := make(chan error, 1)
	go func() { sent <- s.send() }()
	buffer := make([]byte, 1<<16)
	for {
		n, err := s.to.Read(buffer)
		s.received.Add(int64(n))
		if err != nil {
			s.from.Close()
			if err := errors.Join(err, <-sent); ctx.Err() == nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("carry a stream: %w", err)
			}
			return nil
		}
	}
}

func (s *Stream) send() error {
	buffer := make([]byte, 1<<16)
	for {
		if _, err := s.from.Write(buffer); err != nil {
			return err
		}
	}
}

// Received returns how many octets have arrived.
func (s *Stream) Received() int64 { return s.received.Load() }
