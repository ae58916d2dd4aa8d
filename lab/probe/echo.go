package probe

import (
	"encoding/binary"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
)

// echo is an ICMP echo request or reply of a Ping that came in.
type echo struct {
	at     time.Time
	from   netip.Addr
	id     int
	number uint64
	// ttl is what is left of its time to live, which each router on the way has
	// taken one of.
	ttl int
}

// listen opens a socket for ICMP at an address of the network namespace the caller
// is in.
func listen(at netip.Addr) (*icmp.PacketConn, error) {
	conn, err := icmp.ListenPacket("ip4:icmp", at.String())
	if err != nil {
		return nil, fmt.Errorf("open a socket for ICMP: %w", err)
	}
	if err := conn.IPv4PacketConn().SetControlMessage(ipv4.FlagTTL, true); err != nil {
		conn.Close()
		return nil, fmt.Errorf("have ICMP tell the time to live: %w", err)
	}
	return conn, nil
}

// echoes yields those of a type that come in until the socket is closed.
func echoes(conn *icmp.PacketConn, kind ipv4.ICMPType) iter.Seq[echo] {
	return func(yield func(echo) bool) {
		buffer := make([]byte, 1500)
		for {
			n, control, source, err := conn.IPv4PacketConn().ReadFrom(buffer)
			if err != nil {
				return
			}
			at := time.Now()
			message, err := icmp.ParseMessage(1, buffer[:n])
			if err != nil || message.Type != kind {
				continue
			}
			body, ok := message.Body.(*icmp.Echo)
			if !ok || len(body.Data) < 8 || control == nil {
				continue
			}
			from, _ := netip.AddrFromSlice(source.(*net.IPAddr).IP)
			e := echo{at: at, from: from.Unmap(), id: body.ID, number: binary.BigEndian.Uint64(body.Data), ttl: control.TTL}
			if !yield(e) {
				return
			}
		}
	}
}
