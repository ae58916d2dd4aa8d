package proxy

import (
	"context"
	"errors"
	"net"
	"sync"
)

// backlog is how many messages wait for a program that does not read.
const backlog = 256

// program is somebody's connection.
type program struct {
	conn net.Conn
	out  chan []byte
}

// send sends a message to the program, or hangs up on one that does not read. It
// does not wait.
func (c *program) send(message []byte) {
	select {
	case c.out <- message:
	default:
		_ = c.conn.Close() // its reader sees it
	}
}

// serve accepts connections to l until ctx ends, and runs f with each of them. Then l
// is closed, so that somebody else can listen at its address.
func serve(ctx context.Context, l net.Listener, f func(context.Context, *program)) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		<-ctx.Done()
		_ = l.Close()
	})
	for {
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return nil
			}
			return err
		}
		running.Go(func() {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			c := &program{conn: conn, out: make(chan []byte, backlog)}
			running.Go(func() { c.write(ctx) })
			f(ctx, c)
		})
	}
}

func (c *program) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case message := <-c.out:
			if _, err := c.conn.Write(message); err != nil {
				return
			}
		}
	}
}
