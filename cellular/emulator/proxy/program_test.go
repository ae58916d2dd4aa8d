package proxy

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// slow is a listener that takes its time to close, after it has told who accepts.
type slow struct {
	closing chan struct{}
	closed  atomic.Bool
}

func (l *slow) Accept() (net.Conn, error) {
	<-l.closing
	return nil, net.ErrClosed
}

func (l *slow) Close() error {
	close(l.closing)
	time.Sleep(time.Second)
	l.closed.Store(true)
	return nil
}

func (*slow) Addr() net.Addr { return nil }

func TestServeEndsWithItsListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &slow{closing: make(chan struct{})}
		ctx, stop := context.WithCancel(t.Context())
		stop()
		if err := serve(ctx, l, nil); err != nil || !l.closed.Load() {
			t.Errorf("%v, and the listener is closed: %v", err, l.closed.Load())
		}
	})
}
