package privileged

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"
)

// Client is the router's end. It is safe for concurrent use.
type Client struct {
	conn *net.UnixConn

	mu sync.Mutex // held from a request to its answer
	id uint64
}

// Inherit returns the client on the socket that PID 1 left at descriptor FD.
func Inherit() (*Client, error) {
	file := os.NewFile(FD, "pid1")
	defer file.Close()
	conn, err := connect(file)
	if err != nil {
		return nil, fmt.Errorf("inherit socket of PID 1: %w", err)
	}
	return NewClient(conn), nil
}

// NewClient returns a client on the given end of a pair.
func NewClient(conn *net.UnixConn) *Client {
	return &Client{conn: conn}
}

// Alive proves to PID 1 that the router's control loops turn. It is to be
// called every AlivePeriod, and only by somebody who knows that they do.
func (c *Client) Alive() error {
	if err := send(c.conn, request{Do: alive}, nil); err != nil {
		return fmt.Errorf("prove to PID 1 that the router is alive: %w", err)
	}
	return nil
}

// AwaitBoot returns when the modules are loaded, the ports have their names and
// the sysctls are set: until then the kernel is not to be touched. The router
// process starts earlier, because starting takes time too.
func (c *Client) AwaitBoot(ctx context.Context) error {
	return c.call(ctx, request{Do: awaitBoot})
}

// Reboot asks for an orderly restart of the box. When it returns nil, PID 1
// has begun, and the router is about to be terminated.
func (c *Client) Reboot(ctx context.Context) error {
	return c.call(ctx, request{Do: reboot})
}

// PowerOff is Reboot without the start that follows.
func (c *Client) PowerOff(ctx context.Context) error {
	return c.call(ctx, request{Do: powerOff})
}

// FactoryReset asks for a restart at which everything of the owner's is erased. When
// it returns nil, the order is on the disk and PID 1 has begun.
func (c *Client) FactoryReset(ctx context.Context) error {
	return c.call(ctx, request{Do: reset})
}

// SetTime steps the clock. PID 1 refuses a time before the image was built.
func (c *Client) SetTime(ctx context.Context, t time.Time) error {
	return c.call(ctx, request{Do: setTime, Time: t})
}

// Keep leaves file with PID 1, which passes it on to the next router process
// under the given name (Kept). A kept socket goes on working while there is no
// router process: the kernel takes ESP out of UDP, and queues the rest.
func (c *Client) Keep(ctx context.Context, name string, file *os.File) error {
	return c.call(ctx, request{Do: keep, Name: name, file: file})
}

// Drop makes PID 1 let go of the file of the given name, if it has one.
func (c *Client) Drop(ctx context.Context, name string) error {
	return c.call(ctx, request{Do: drop, Name: name})
}

// call sends r and waits for its answer.
func (c *Client) call(ctx context.Context, r request) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.id++
	r.ID = c.id
	if err := c.conn.SetReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("ask PID 1 to %s: %w", r.Do, err)
	}
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		c.conn.SetReadDeadline(time.Unix(1, 0))
		close(expired)
	})
	defer func() {
		if !stop() {
			<-expired // or the deadline would hit the next call
		}
	}()
	if err := send(c.conn, r, r.file); err != nil {
		return fmt.Errorf("ask PID 1 to %s: %w", r.Do, err)
	}
	answer, err := c.receive(r.ID)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("wait for PID 1 to %s: %w", r.Do, err)
	}
	if answer.Error != "" {
		return fmt.Errorf("PID 1 refused to %s: %w", r.Do, errors.New(answer.Error))
	}
	return nil
}

// receive returns the answer to the request with the given id and drops late
// answers to earlier ones, whose caller gave up.
func (c *Client) receive(id uint64) (reply, error) {
	buffer := make([]byte, maxMessage)
	for {
		n, err := c.conn.Read(buffer)
		if err != nil {
			return reply{}, err
		}
		var r reply
		if err := json.Unmarshal(buffer[:n], &r); err != nil {
			return reply{}, fmt.Errorf("decode answer: %w", err)
		}
		if r.ID == id {
			return r, nil
		}
	}
}
