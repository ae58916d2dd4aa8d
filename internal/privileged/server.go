package privileged

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Acts is what PID 1 does for the router. A method that begins to take the box
// down returns at once; its error is why it refused.
type Acts interface {
	Alive()
	// Booted returns when the modules are loaded, the ports have their names and
	// the sysctls are set.
	Booted() error
	Reboot() error
	PowerOff() error
	// FactoryReset orders that everything of the owner's is erased at the next
	// start, and begins it.
	FactoryReset() error
	SetTime(t time.Time) error
	// Keep holds a file, which is its own from here on, for the next router
	// process, in the place of an earlier one of the same name. Drop lets go of
	// it.
	Keep(name string, file *os.File) error
	Drop(name string)
}

// Serve answers the requests that arrive on conn until the router closes its
// end, which ends it with nil, or ctx is cancelled. A request that makes no
// sense is logged and refused.
func Serve(ctx context.Context, log *slog.Logger, conn *net.UnixConn, acts Acts) error {
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	// One octet more than is allowed, so that a message cut short is noticed.
	buffer, rights := make([]byte, maxMessage+1), make([]byte, unix.CmsgSpace(4))
	for {
		n, rightsLen, _, _, err := conn.ReadMsgUnix(buffer, rights)
		switch {
		case ctx.Err() != nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			return fmt.Errorf("read request of the router: %w", err)
		}
		r, err := parse(buffer[:n])
		r.file = received(rights[:rightsLen])
		if err == nil && r.Do == alive {
			acts.Alive()
			continue
		}
		if err == nil {
			err = r.perform(acts)
		}
		if r.file != nil && (err != nil || r.Do != keep) {
			r.file.Close()
		}
		answer := reply{ID: r.ID}
		if err != nil {
			log.Warn("request of the router refused", "request", r.Do, "err", err)
			answer.Error = err.Error()
		}
		if err := send(conn, answer, nil); err != nil {
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
	case alive, awaitBoot, reboot, powerOff, reset:
	case setTime:
		if r.Time.IsZero() {
			return r, errors.New("request to set the time does not say which")
		}
	case keep, drop:
		if !fileName.MatchString(r.Name) {
			return r, fmt.Errorf("%q is no name for a file to keep", r.Name)
		}
	default:
		return r, fmt.Errorf("unknown request %q", r.Do)
	}
	return r, nil
}

// received returns the file that came with a message, nil for none. The room
// for rights is that of one descriptor: the kernel closes what does not fit.
func received(rights []byte) *os.File {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return nil
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil
	}
	return os.NewFile(uintptr(fds[0]), "kept")
}

func (r request) perform(acts Acts) error {
	switch r.Do {
	case awaitBoot:
		return acts.Booted()
	case reboot:
		return acts.Reboot()
	case powerOff:
		return acts.PowerOff()
	case reset:
		return acts.FactoryReset()
	case setTime:
		return acts.SetTime(r.Time)
	case keep:
		if r.file == nil {
			return errors.New("request to keep a file comes without one")
		}
		return acts.Keep(r.Name, r.file)
	case drop:
		acts.Drop(r.Name)
		return nil
	}
	return fmt.Errorf("unknown request %q", r.Do)
}
