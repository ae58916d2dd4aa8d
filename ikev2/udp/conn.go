package udp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// maxDatagram is the largest UDP payload over IPv4.
const maxDatagram = 65507

// Keeper holds duplicates of the sockets for the next process, by port: the
// kernel takes ESP out of UDP for as long as a socket of the port exists. It says
// itself what it cannot do, since a message that is to be sent does not wait for
// it to be mended.
type Keeper interface {
	// Keep holds a duplicate of the file, which stays the caller's.
	Keep(port uint16, socket *os.File)
	Drop(port uint16)
}

// nobody keeps nothing.
type nobody struct{}

func (nobody) Keep(uint16, *os.File) {}
func (nobody) Drop(uint16)           {}

// Conn is the sockets of one VRF. Its methods are safe for concurrent use.
type Conn struct {
	vrf     string
	keeper  Keeper
	packets chan Packet

	mu      sync.Mutex
	sockets map[uint16]*net.UDPConn // nil once closed
	// read begins to receive from a socket; nil while Run does not run.
	read func(port uint16, socket *net.UDPConn)

	received, sent, junk, keepalives atomic.Uint64
}

// Open opens the sockets of ports 500 and 4500, bound to the VRF device of the
// given name, which must exist; an empty name leaves them unbound. Of those that
// an earlier process left with the Keeper, in kept, it takes over all instead,
// with what arrived meanwhile; the files stay the caller's. Without a Keeper there
// is no next process. It needs CAP_NET_ADMIN and CAP_NET_RAW.
func Open(vrf string, kept map[uint16]*os.File, keeper Keeper) (*Conn, error) {
	if keeper == nil {
		keeper = nobody{}
	}
	c := &Conn{vrf: vrf, keeper: keeper, packets: make(chan Packet), sockets: make(map[uint16]*net.UDPConn)}
	for port, file := range kept {
		socket, err := adopt(vrf, port, file)
		if err != nil {
			return nil, errors.Join(err, c.discardAll())
		}
		c.sockets[port] = socket
	}
	for _, port := range []uint16{Port, PortNAT} {
		if _, err := c.socket(port); err != nil {
			return nil, errors.Join(err, c.discardAll())
		}
	}
	return c, nil
}

// Packets returns what arrives while Run runs. Nothing is queued in the process:
// while nobody receives, the kernel holds a bounded number of datagrams and
// drops the rest.
func (c *Conn) Packets() <-chan Packet { return c.packets }

// Run receives until ctx is cancelled. The sockets stay open: the last messages
// to the peers leave after Run has returned, and Run may be called again for
// their answers.
func (c *Conn) Run(ctx context.Context) error {
	group, reading := errgroup.WithContext(ctx)
	c.mu.Lock()
	c.read = func(port uint16, socket *net.UDPConn) {
		group.Go(func() error { return c.receive(reading, port, socket) })
	}
	for port, socket := range c.sockets {
		// It fails for a closed socket, and so does the first read.
		socket.SetReadDeadline(time.Time{})
		c.read(port, socket)
	}
	c.mu.Unlock()
	group.Go(func() error {
		<-reading.Done()
		c.mu.Lock()
		defer c.mu.Unlock()
		c.read = nil
		for _, socket := range c.sockets {
			socket.SetReadDeadline(time.Now())
		}
		return nil
	})
	err := group.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Retain makes these, beside 500 and 4500, the ports that are open: it opens
// those that are missing and closes the others. The error is about ports that
// could not be opened; Send tries again.
func (c *Conn) Retain(ports ...uint16) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for port := range c.sockets {
		if isExtra(port) && !slices.Contains(ports, port) {
			errs = append(errs, c.discard(port))
		}
	}
	for _, port := range ports {
		_, err := c.socket(port)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Ports returns the ports that are open, in order.
func (c *Conn) Ports() []uint16 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.sockets))
}

// discard closes a socket and lets go of its duplicate.
func (c *Conn) discard(port uint16) error {
	socket := c.sockets[port]
	delete(c.sockets, port)
	c.keeper.Drop(port)
	return socket.Close()
}

// discardAll leaves nothing of an Open that failed, or no other could succeed.
func (c *Conn) discardAll() error {
	var errs []error
	for port := range c.sockets {
		errs = append(errs, c.discard(port))
	}
	return errors.Join(errs...)
}

// Close closes the sockets. Their duplicates stay with the Keeper.
func (c *Conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var errs []error
	for _, socket := range c.sockets {
		errs = append(errs, socket.Close())
	}
	c.sockets = nil
	return errors.Join(errs...)
}

// socket returns the socket of a port, which it opens if need be. It is called
// with mu held.
func (c *Conn) socket(port uint16) (*net.UDPConn, error) {
	if socket, ok := c.sockets[port]; ok {
		return socket, nil
	}
	switch {
	case c.sockets == nil:
		return nil, net.ErrClosed
	case port != Port && port != PortNAT && !isExtra(port):
		return nil, fmt.Errorf("port %d is not for IKE: only %d, %d and those from %d are", port, Port, PortNAT, FirstExtra)
	case len(c.sockets) >= maxSockets:
		return nil, fmt.Errorf("open UDP port %d for IKE: %d ports are open already", port, len(c.sockets))
	}
	socket, err := listen(c.vrf, port)
	if err != nil {
		return nil, err
	}
	if err := c.keep(port, socket); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	c.sockets[port] = socket
	if c.read != nil {
		c.read(port, socket)
	}
	return socket, nil
}

// keep leaves a duplicate with the Keeper.
func (c *Conn) keep(port uint16, socket *net.UDPConn) error {
	file, err := socket.File()
	if err != nil {
		return fmt.Errorf("duplicate socket of UDP port %d: %w", port, err)
	}
	c.keeper.Keep(port, file)
	return file.Close()
}

// receive passes on the packets of one socket.
func (c *Conn) receive(ctx context.Context, port uint16, socket *net.UDPConn) error {
	datagram, control := make([]byte, maxDatagram), make([]byte, controlSize)
	for {
		n, controlLen, _, remote, err := socket.ReadMsgUDPAddrPort(datagram, control)
		switch {
		case isExtra(port) && errors.Is(err, net.ErrClosed):
			return nil // retired
		case isICMP(err):
			// Anyone can send it, so it is no news of the peer.
			continue
		case err != nil:
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

// Send sends a packet from its local address and port, which it opens if nothing
// was sent from there before. An error is about the path here and now, such as
// ENETUNREACH while the uplink has no route, and says nothing about the peer;
// neither does success.
func (c *Conn) Send(p Packet) error {
	if err := c.send(p.Local, p.Remote, frame(p.Local.Port(), p.Data)); err != nil {
		return fmt.Errorf("send IKE message: %w", err)
	}
	c.sent.Add(1)
	return nil
}

// Keepalive sends the octet that keeps a NAT's mapping of a local port alive. It
// is no proof of life: nobody answers it.
func (c *Conn) Keepalive(local, remote netip.AddrPort) error {
	if local.Port() == Port {
		return fmt.Errorf("send NAT keepalive from %s: port %d has none", local, Port)
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
	c.mu.Lock()
	socket, err := c.socket(local.Port())
	c.mu.Unlock()
	if err != nil {
		return fmt.Errorf("from %s: %w", local, err)
	}
	_, _, err = socket.WriteMsgUDPAddrPort(datagram, fromAddr(local.Addr()), remote)
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
