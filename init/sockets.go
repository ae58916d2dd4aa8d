package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/internal/privileged"
)

// keepTime bounds how long a message waits for PID 1 to take the socket that it
// is to leave from.
const keepTime = time.Second

// sockets are those that outlive the router process, because PID 1 holds them:
// while there is no socket of a port, the kernel drops what comes there as ESP
// in UDP.
type sockets struct {
	pid1 *privileged.Client
	log  *slog.Logger

	mu   sync.Mutex
	kept map[string]*os.File // by an earlier process, and not taken yet
}

// socketName names a socket at PID 1.
func socketName(vrf string, port uint16) string { return fmt.Sprintf("ike-%s-%d", vrf, port) }

// socketOf is the inverse of socketName.
func socketOf(name string) (vrf string, port uint16, ok bool) {
	name, ok = strings.CutPrefix(name, "ike-")
	dash := strings.LastIndexByte(name, '-')
	if !ok || dash < 0 {
		return "", 0, false
	}
	number, err := strconv.ParseUint(name[dash+1:], 10, 16)
	return name[:dash], uint16(number), err == nil
}

// ike returns the IKE sockets of a VRF: those that an earlier process left, or
// else new ones.
func (s *sockets) ike(vrf string) (*udp.Conn, error) {
	kept, keeper := s.take(vrf), &keeper{pid1: s.pid1, vrf: vrf, log: s.log}
	conn, err := udp.Open(vrf, kept, keeper)
	for port, file := range kept {
		file.Close()
		if err != nil {
			keeper.Drop(port)
		}
	}
	if err == nil || len(kept) == 0 {
		return conn, err
	}
	s.log.Warn("the IKE sockets of the earlier router process are of no use: new ones are opened", "err", err)
	return udp.Open(vrf, nil, keeper)
}

// dropOthers lets go of the sockets in VRFs that no tunnel uses any more.
func (s *sockets) dropOthers(ctx context.Context, vrfs []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.kept)) {
		if vrf, _, ok := socketOf(name); !ok || !slices.Contains(vrfs, vrf) {
			errs = append(errs, s.kept[name].Close(), s.pid1.Drop(ctx, name))
			delete(s.kept, name)
		}
	}
	return errors.Join(errs...)
}

// take returns the kept sockets of a VRF, once.
func (s *sockets) take(vrf string) map[uint16]*os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := make(map[uint16]*os.File)
	for name, file := range s.kept {
		if of, port, ok := socketOf(name); ok && of == vrf {
			taken[port] = file
			delete(s.kept, name)
		}
	}
	return taken
}

// keeper leaves the sockets of a VRF with PID 1.
type keeper struct {
	pid1 *privileged.Client
	vrf  string
	log  *slog.Logger
}

// Keep implements udp.Keeper.
func (k *keeper) Keep(port uint16, socket *os.File) {
	ctx, cancel := context.WithTimeout(context.Background(), keepTime)
	defer cancel()
	if err := k.pid1.Keep(ctx, socketName(k.vrf, port), socket); err != nil {
		k.log.Warn("an IKE socket would not outlive this process, and ESP in UDP would pause with it", "port", port, "vrf", k.vrf, "err", err)
	}
}

// Drop implements udp.Keeper.
func (k *keeper) Drop(port uint16) {
	ctx, cancel := context.WithTimeout(context.Background(), keepTime)
	defer cancel()
	if err := k.pid1.Drop(ctx, socketName(k.vrf, port)); err != nil {
		k.log.Warn("an IKE socket stays with PID 1 although nobody uses it", "port", port, "vrf", k.vrf, "err", err)
	}
}
