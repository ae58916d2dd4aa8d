package usbredir

import (
	"context"
	"io"
	"net"
	"sync"
)

// outbox is what is to be written. Putting something in never waits, as a device
// must not be held up by a machine that has been stopped: how much there can be is
// bounded by how many transfers the host has begun.
type outbox struct {
	mu      sync.Mutex
	packets [][]byte
	filled  chan struct{} // has room for one
}

func newOutbox() *outbox { return &outbox{filled: make(chan struct{}, 1)} }

func (o *outbox) put(octets []byte) {
	o.mu.Lock()
	o.packets = append(o.packets, octets)
	o.mu.Unlock()
	select {
	case o.filled <- struct{}{}:
	default:
	}
}

// write empties the outbox into w until ctx ends.
func (o *outbox) write(ctx context.Context, w io.Writer) error {
	for {
		select {
		case <-o.filled:
		case <-ctx.Done():
			return nil
		}
		o.mu.Lock()
		packets := o.packets
		o.packets = nil
		o.mu.Unlock()
		if _, err := (*net.Buffers)(&packets).WriteTo(w); err != nil {
			return err
		}
	}
}
