package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/internal/privileged"
)

// sockets are those that outlive the router process, because PID 1 holds them:
// while there is no socket of port 4500, the kernel drops what comes in as ESP
// in UDP.
type sockets struct {
	pid1 *privileged.Client
	log  *slog.Logger

	mu   sync.Mutex
	kept map[string]*os.File // by an earlier process, and not taken yet
}

// socketName names a socket at PID 1.
func socketName(vrf string, port int) string { return "ike-" + vrf + "-" + strconv.Itoa(port) }

// ike returns the IKE sockets of a VRF: those that an earlier process left, or
// else new ones.
func (s *sockets) ike(ctx context.Context, vrf string) (*udp.Conn, error) {
	plain, nat := s.take(socketName(vrf, udp.Port)), s.take(socketName(vrf, udp.PortNAT))
	defer plain.Close() // harmless where there is none
	defer nat.Close()
	if plain != nil && nat != nil {
		conn, err := udp.Adopt(vrf, plain, nat)
		if err == nil {
			return conn, nil
		}
		s.log.Warn("the IKE sockets of the earlier router process are of no use: new ones are opened", "err", err)
	}
	for _, port := range []int{udp.Port, udp.PortNAT} {
		if err := s.pid1.Drop(ctx, socketName(vrf, port)); err != nil {
			return nil, err
		}
	}
	conn, err := udp.Open(ctx, vrf)
	if err != nil {
		return nil, err
	}
	if err := s.keep(ctx, vrf, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// keep leaves duplicates with PID 1.
func (s *sockets) keep(ctx context.Context, vrf string, conn *udp.Conn) error {
	plain, nat, err := conn.Files()
	if err != nil {
		return err
	}
	return errors.Join(
		s.pid1.Keep(ctx, socketName(vrf, udp.Port), plain), plain.Close(),
		s.pid1.Keep(ctx, socketName(vrf, udp.PortNAT), nat), nat.Close())
}

// dropOthers lets go of the sockets in VRFs that no tunnel uses any more.
func (s *sockets) dropOthers(ctx context.Context, vrfs []string) error {
	var used []string
	for _, vrf := range vrfs {
		used = append(used, socketName(vrf, udp.Port), socketName(vrf, udp.PortNAT))
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(s.kept)) {
		if !slices.Contains(used, name) {
			errs = append(errs, s.take(name).Close(), s.pid1.Drop(ctx, name))
		}
	}
	return errors.Join(errs...)
}

// take returns a kept socket once, nil if there is none.
func (s *sockets) take(name string) *os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	file := s.kept[name]
	delete(s.kept, name)
	return file
}
