package clat

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/clat/nat64"
)

// maxAnswer is the largest answer that is read, in octets. Without EDNS a server sends
// no more than 512.
const maxAnswer = 1232

// Ask implements kernel.
func (linux) Ask(ctx context.Context, u Underlay, server netip.Addr) ([]nat64.Offer, error) {
	const domain = 53
	dialer := net.Dialer{Control: bindTo(cmp.Or(u.VRF, u.Link))}
	conn, err := dialer.DialContext(ctx, "udp6", netip.AddrPortFrom(server, domain).String())
	if err != nil {
		return nil, fmt.Errorf("reach name server %v: %w", server, err)
	}
	defer conn.Close()
	var id [2]byte
	_, _ = rand.Read(id[:]) // it never fails
	offers, err := exchange(ctx, conn, binary.BigEndian.Uint16(id[:]))
	if err != nil {
		return nil, fmt.Errorf("ask name server %v: %w", server, err)
	}
	return offers, nil
}

// exchange asks over the connection, again each second, until there is an answer or
// ctx is done. What answers something else is passed over.
func exchange(ctx context.Context, conn net.Conn, id uint16) ([]nat64.Offer, error) {
	question, err := nat64.Question(id)
	if err != nil {
		return nil, err
	}
	b := make([]byte, maxAnswer)
	for ctx.Err() == nil {
		if _, err := conn.Write(question); err != nil {
			return nil, err
		}
		if err := conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return nil, err
		}
		for {
			n, err := conn.Read(b)
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, err
			}
			offers, err := nat64.ParseAnswer(b[:n], id)
			if !errors.Is(err, nat64.ErrNotOurs) {
				return offers, err
			}
		}
	}
	return nil, ctx.Err()
}

// bindTo returns a dialer's control function that binds the socket to a device, so that
// the lookup of its route begins in the device's VRF.
func bindTo(device string) func(network, address string, raw syscall.RawConn) error {
	return func(_, _ string, raw syscall.RawConn) (err error) {
		if controlErr := raw.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), device) }); controlErr != nil {
			return controlErr
		}
		return err
	}
}
