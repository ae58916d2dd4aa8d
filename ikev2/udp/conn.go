package udp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// maxDatagram is the largest UDP payload over IPv4.
const maxDatagram = 65507

// Conn is the pair of sockets. Its methods are safe for concurrent use.
type Conn struct {
	plain, nat *net.UDPConn
	packets    chan Packet

	received, sent, junk, keepalives atomic.Uint64
}

// Open opens both sockets, bound to the VRF device of the given name, which must
// exist; an empty name leaves them unbound. It needs CAP_NET_ADMIN and
// CAP_NET_RAW.
func Open(ctx context.Context, vrf string) (*Conn, error) {
	plain, err := listen(ctx, vrf, Port)
	if err != nil {
		return nil, err
	}
	nat, err := listen(ctx, vrf, PortNAT)
	if err != nil {
		return nil, errors.Join(err, plain.Close())
	}
	return &Conn{plain: plain, nat: nat, packets: make(chan Packet)}, nil
}

// Adopt returns a Conn on sockets that an earlier process opened by Open for the
// same VRF, and Files returned. What arrived since then is still in them.
func Adopt(vrf string, plain, nat *os.File) (*Conn, error) {
	c := &Conn{packets: make(chan Packet)}
	var err error
	if c.plain, err = adopt(vrf, plain); err != nil {
		return nil, err
	}
	if c.nat, err = adopt(vrf, nat); err != nil {
		return nil, errors.Join(err, c.plain.Close())
	}
	return c, nil
}

// Files returns duplicates of both sockets, for somebody to hold: the kernel
// takes ESP out of UDP for as long as the socket of port 4500 exists.
func (c *Conn) Files() (plain, nat *os.File, err error) {
	if plain, err = c.plain.File(); err != nil {
		return nil, nil, fmt.Errorf("duplicate IKE socket: %w", err)
	}
	if nat, err = c.nat.File(); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("duplicate IKE socket: %w", err), plain.Close())
	}
	return plain, nat, nil
}

// Packets returns what arrives while Run runs. Nothing is queued in the process:
// while nobody receives, the kernel holds a bounded number of datagrams and
// drops the rest.
func (c *Conn) Packets() <-chan Packet { return c.packets }

// Run receives until ctx is cancelled. The sockets stay open: the last messages
// to the peers leave after Run has returned, and Run may be called again for
// their answers.
func (c *Conn) Run(ctx context.Context) error {
	if err := c.setReadDeadline(time.Time{}); err != nil {
		return fmt.Errorf("receive IKE messages: %w", err)
	}
	group, reading := errgroup.WithContext(ctx)
	group.Go(func() error { return c.receive(reading, Port, c.plain) })
	group.Go(func() error { return c.receive(reading, PortNAT, c.nat) })
	group.Go(func() error {
		<-reading.Done()
		return c.setReadDeadline(time.Now())
	})
	err := group.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *Conn) setReadDeadline(at time.Time) error {
	return errors.Join(c.plain.SetReadDeadline(at), c.nat.SetReadDeadline(at))
}

// Close closes the sockets.
func (c *Conn) Close() error { return errors.Join(c.plain.Close(), c.nat.Close()) }

// receive passes on the packets of one socket.
func (c *Conn) receive(ctx context.Context, port uint16, conn *net.UDPConn) error {
	datagram, control := make([]byte, maxDatagram), make([]byte, controlSize)
	for {
		n, controlLen, _, remote, err := conn.ReadMsgUDPAddrPort(datagram, control)
		if err != nil {
			return fmt.Errorf("receive on UDP port %d: %w", port, err)
		}
		message, ok := deframe(port, datagram[:n])
		if !ok {
			c.junk.Add(1)
			continue
		}
		local, err := localAddr(control[:controlLen])
		if err != nil {
			return fmt.Errorf("receive on UDP port %d: %w", port, err)
		}
		c.received.Add(1)
		packet := Packet{
			Local:  netip.AddrPortFrom(local, port),
			Remote: remote,
			Data:   slices.Clone(message),
		}
		select {
		case c.packets <- packet:
		case <-ctx.Done():
			return nil
		}
	}
}

// Send sends a packet from its local address and port. An error is about the
// path here and now, such as ENETUNREACH while the uplink has no route, and
// says nothing about the peer; neither does success.
func (c *Conn) Send(p Packet) error {
	if err := c.send(p.Local, p.Remote, frame(p.Local.Port(), p.Data)); err != nil {
		return fmt.Errorf("send IKE message: %w", err)
	}
	c.sent.Add(1)
	return nil
}

// Keepalive sends the octet that keeps a NAT's mapping of port 4500 alive. It is
// no proof of life: nobody answers it.
func (c *Conn) Keepalive(local, remote netip.AddrPort) error {
	if local.Port() != PortNAT {
		return fmt.Errorf("send NAT keepalive from %s: only port %d has them", local, PortNAT)
	}
	if err := c.send(local, remote, keepalive); err != nil {
		return fmt.Errorf("send NAT keepalive: %w", err)
	}
	c.keepalives.Add(1)
	return nil
}

func (c *Conn) send(local, remote netip.AddrPort, datagram []byte) error {
	if !local.Addr().Is4() || !remote.Addr().Is4() {
		return fmt.Errorf("from %s to %s: want IPv4 addresses", local, remote)
	}
	var conn *net.UDPConn
	switch local.Port() {
	case Port:
		conn = c.plain
	case PortNAT:
		conn = c.nat
	default:
		return fmt.Errorf("from %s: port is neither %d nor %d", local, Port, PortNAT)
	}
	_, _, err := conn.WriteMsgUDPAddrPort(datagram, fromAddr(local.Addr()), remote)
	return err
}

// Counters returns what has been carried so far.
func (c *Conn) Counters() Counters {
	return Counters{
		Received:   c.received.Load(),
		Sent:       c.sent.Load(),
		Junk:       c.junk.Load(),
		Keepalives: c.keepalives.Load(),
	}
}
