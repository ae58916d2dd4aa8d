package privileged

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"
)

// Acts is what PID 1 does for the router. A method that begins to take the box
// down returns at once; its error is why it refused.
type Acts interface {
	Alive()
	Reboot() error
	PowerOff() error
	SetTime(t time.Time) error
}

// Serve answers the requests that arrive on conn until the router closes its
// end, which ends it with nil, or ctx is cancelled. A request that makes no
// sense is logged and refused.
func Serve(ctx context.Context, log *slog.Logger, conn net.Conn, acts Acts) error {
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	// One octet more than is allowed, so that a message cut short is noticed.
	buffer := make([]byte, maxMessage+1)
	for {
		n, err := conn.Read(buffer)
		switch {
		case ctx.Err() != nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("read request of the router: %w", err)
		}
		r, err := parse(buffer[:n])
		if err == nil && r.Do == alive {
			acts.Alive()
			continue
		}
		if err == nil {
			err = r.perform(acts)
		}
		answer := reply{ID: r.ID}
		if err != nil {
			log.Warn("request of the router refused", "request", r.Do, "err", err)
			answer.Error = err.Error()
		}
		if err := send(conn, answer); err != nil {
			return fmt.Errorf("answer the router: %w", err)
		}
	}
}

// parse decodes and checks one request. On an error it returns as much of the
// request as was understood, so that the refusal finds its way back.
func parse(data []byte) (request, error) {
	var r request
	if len(data) > maxMessage {
		return r, fmt.Errorf("request is longer than %d octets", maxMessage)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return r, fmt.Errorf("decode request: %w", err)
	}
	switch r.Do {
	case alive, reboot, powerOff:
	case setTime:
		if r.Time.IsZero() {
			return r, errors.New("request to set the time does not say which")
		}
	default:
		return r, fmt.Errorf("unknown request %q", r.Do)
	}
	return r, nil
}

func (r request) perform(acts Acts) error {
	switch r.Do {
	case reboot:
		return acts.Reboot()
	case powerOff:
		return acts.PowerOff()
	case setTime:
		return acts.SetTime(r.Time)
	}
	return fmt.Errorf("unknown request %q", r.Do)
}
