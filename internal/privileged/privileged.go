// Package privileged is how the router process, which has given up every
// capability but those of the network, asks PID 1 for the few acts it may not
// do itself, how it proves that it is alive, and where it leaves the sockets that
// must outlive it.
//
// The two share a SOCK_SEQPACKET socket pair; the router's end is descriptor
// FD. Each datagram is one JSON object of at most maxMessage octets:
//
//	router → PID 1  {"do":"alive"}
//	router → PID 1  {"id":6,"do":"await-boot"}
//	router → PID 1  {"id":7,"do":"set-time","time":"2026-11-21T18:00:00Z"}
//	router → PID 1  {"id":8,"do":"keep","name":"ike-front-500"}, with a descriptor
//	router → PID 1  {"id":9,"do":"drop","name":"ike-front-500"}
//	PID 1 → router  {"id":7}  or  {"id":7,"error":"…"}
//
// "alive" has no id and is not answered, so that the router's control loop
// never waits for PID 1. Everything else is answered once, in order. PID 1
// trusts the router no further than this list of acts.
package privileged

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// FD is the descriptor at which the router process finds its end.
	FD = 3
	// AlivePeriod is how often the router says that it is alive, if it is.
	AlivePeriod = 2 * time.Second
	// maxMessage bounds a datagram, in octets.
	maxMessage = 4096
)

// act is what a request asks for.
type act string

const (
	alive     act = "alive"
	awaitBoot act = "await-boot"
	reboot    act = "reboot"
	powerOff  act = "power-off"
	reset     act = "factory-reset"
	setTime   act = "set-time"
	keep      act = "keep"
	drop      act = "drop"
)

type request struct {
	ID   uint64    `json:"id,omitzero"`
	Do   act       `json:"do"`
	Time time.Time `json:"time,omitzero"`
	Name string    `json:"name,omitzero"`

	// file is the descriptor that came along, nil for none.
	file *os.File
}

type reply struct {
	ID    uint64 `json:"id"`
	Error string `json:"error,omitempty"`
}

// Pair returns both ends: PID 1's, and the router's to be passed on as its
// descriptor FD.
func Pair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("create socket pair for the router: %w", err)
	}
	file := os.NewFile(uintptr(fds[0]), "router")
	defer file.Close()
	theirs = os.NewFile(uintptr(fds[1]), "pid1")
	ours, err = connect(file)
	if err != nil {
		theirs.Close()
		return nil, nil, fmt.Errorf("use socket pair for the router: %w", err)
	}
	return ours, theirs, nil
}

// connect returns a connection on a duplicate of one end.
func connect(file *os.File) (*net.UnixConn, error) {
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	end, ok := conn.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("not a unix socket"), conn.Close())
	}
	return end, nil
}

// send sends a message, with a descriptor unless file is nil.
func send(conn *net.UnixConn, message any, file *os.File) error {
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if file == nil {
		_, err = conn.Write(data)
		return err
	}
	// Not file.Fd, which would make the socket block for all who share it.
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Control(func(fd uintptr) { _, _, sent = conn.WriteMsgUnix(data, unix.UnixRights(int(fd)), nil) })
	return errors.Join(err, sent)
}
