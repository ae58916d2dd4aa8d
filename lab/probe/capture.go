package probe

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// Kind is what a packet on the carrier's network is, as an onlooker sees it.
type Kind string

// Kinds of packets. All but the last four are what a spoke sends by right.
const (
	ARP       Kind = "arp"
	DHCP      Kind = "dhcp"
	DNS       Kind = "dns"
	NTP       Kind = "ntp"
	IKE       Kind = "ike"
	Keepalive Kind = "nat-keepalive"
	ESP       Kind = "esp"
	ICMP      Kind = "icmp"
	ClearGRE  Kind = "clear GRE"
	Multicast Kind = "multicast"
	IPv6      Kind = "ipv6"
	Other     Kind = "other"
)

// Capture counts what one machine sends and receives on a network interface.
// Methods are safe for concurrent use.
type Capture struct {
	conn *packet.Conn
	// Frames have an Ethernet header, and those from mac are what the machine sends;
	// or, if link is 0, they are packets and those from within are.
	link int
	mac  string
	from []netip.Prefix

	*counts
}

// counts are what captures of one machine have seen.
type counts struct {
	mu    sync.Mutex
	sent  map[Kind]int
	got   map[Kind]int
	first map[Kind]string // hex of the first packet of a kind in either direction
	// firstSent is the same of what the machine has sent.
	firstSent map[Kind]string
}

// NewCapture prepares a capture on an interface of the network namespace the
// caller is in. Frames from mac count as sent, all others as received.
func NewCapture(device string, mac net.HardwareAddr) (*Capture, error) {
	c, err := openCapture(device)
	if err != nil {
		return nil, err
	}
	if err := c.conn.SetPromiscuous(true); err != nil {
		c.conn.Close()
		return nil, fmt.Errorf("capture on %s: %w", device, err)
	}
	c.link, c.mac = ethernetHeader, string(mac)
	return c, nil
}

// NewPacketCapture is NewCapture on an interface whose packets have no header of the
// link's. Packets with a source in one of the prefixes count as sent.
func NewPacketCapture(device string, from ...netip.Prefix) (*Capture, error) {
	c, err := openCapture(device)
	if err == nil {
		c.from = from
	}
	return c, err
}

// ethernetHeader is the length of Ethernet's header in octets.
const ethernetHeader = 14

// openCapture opens a capture on an interface.
func openCapture(device string) (*Capture, error) {
	ifi, err := net.InterfaceByName(device)
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	conn, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, nil)
	if err != nil {
		return nil, fmt.Errorf("capture on %s: %w", device, err)
	}
	return &Capture{conn: conn, counts: &counts{
		sent:  make(map[Kind]int),
		got:   make(map[Kind]int),
		first: make(map[Kind]string),

		firstSent: make(map[Kind]string),
	}}, nil
}

// Join makes what c sees count with what other sees: the machine has two links.
func (c *Capture) Join(other *Capture) { c.counts = other.counts }

// Run captures until ctx ends.
func (c *Capture) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { c.conn.Close() })
	defer stop()
	buffer := make([]byte, 2048)
	for {
		n, _, err := c.conn.ReadFrom(buffer)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, unix.ENETDOWN) {
			continue // the machine behind the tap is being restarted
		}
		if err != nil {
			return fmt.Errorf("capture: %w", err)
		}
		if n > c.link {
			c.count(buffer[:n])
		}
	}
}

func (c *Capture) count(frame []byte) {
	var kind Kind
	var ours bool
	if c.link == ethernetHeader {
		kind, ours = Classify(frame), string(frame[6:12]) == c.mac
	} else {
		kind = classifyPacket(frame)
		source := sourceOf(frame)
		ours = slices.ContainsFunc(c.from, func(p netip.Prefix) bool { return p.Contains(source) })
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if ours {
		c.sent[kind]++
		if _, seen := c.firstSent[kind]; !seen {
			c.firstSent[kind] = hex.EncodeToString(frame)
		}
	} else {
		c.got[kind]++
	}
	if _, seen := c.first[kind]; !seen {
		c.first[kind] = hex.EncodeToString(frame)
	}
}

// Sent returns how many packets of a kind the machine has sent.
func (c *Capture) Sent(kind Kind) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent[kind]
}

// Received returns how many packets of a kind the machine was sent.
func (c *Capture) Received(kind Kind) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got[kind]
}

// First returns the first packet of a kind in hexadecimal.
func (c *Capture) First(kind Kind) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.first[kind]
}

// FirstSent returns the first packet of a kind that the machine has sent.
func (c *Capture) FirstSent(kind Kind) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.firstSent[kind]
}

// String lists what was sent and received.
func (c *Capture) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := func(counts map[Kind]int) string {
		var words []string
		for _, kind := range slices.Sorted(maps.Keys(counts)) {
			words = append(words, fmt.Sprintf("%d %s", counts[kind], kind))
		}
		return strings.Join(words, ", ")
	}
	return fmt.Sprintf("sent %s; received %s", list(c.sent), list(c.got))
}

// classifyPacket says what an IP packet is.
func classifyPacket(packet []byte) Kind {
	switch packet[0] >> 4 {
	case 4:
		return classifyIP(packet)
	case 6:
		switch {
		case len(packet) >= 40 && packet[6] == unix.IPPROTO_GRE:
			return ClearGRE
		case len(packet) >= 48 && packet[6] == unix.IPPROTO_UDP:
			return classifyUDP(packet[40:])
		}
		return IPv6
	}
	return Other
}

// sourceOf returns the source address of an IP packet.
func sourceOf(packet []byte) netip.Addr {
	switch {
	case packet[0]>>4 == 4 && len(packet) >= 20:
		return netip.AddrFrom4([4]byte(packet[12:]))
	case packet[0]>>4 == 6 && len(packet) >= 40:
		return netip.AddrFrom16([16]byte(packet[8:]))
	}
	return netip.Addr{}
}

// Classify says what an Ethernet frame carries.
func Classify(frame []byte) Kind {
	if len(frame) < ethernetHeader {
		return Other
	}
	body := frame[ethernetHeader:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case unix.ETH_P_ARP:
		return ARP
	case unix.ETH_P_IPV6:
		return IPv6
	case unix.ETH_P_IP:
		return classifyIP(body)
	}
	return Other
}

func classifyIP(body []byte) Kind {
	if len(body) < 20 {
		return Other
	}
	header := int(body[0]&0x0f) * 4
	switch {
	case body[9] == unix.IPPROTO_GRE:
		return ClearGRE
	case body[9] == unix.IPPROTO_ESP:
		return ESP
	case body[16]>>4 == 14: // 224.0.0.0/4
		return Multicast
	case body[9] == unix.IPPROTO_ICMP:
		return ICMP
	case body[9] == unix.IPPROTO_UDP && len(body) >= header+8:
		return classifyUDP(body[header:])
	}
	return Other
}

// classifyUDP tells IKE from ESP on port 4500 as RFC 3948, section 2 does.
func classifyUDP(datagram []byte) Kind {
	ports := []uint16{binary.BigEndian.Uint16(datagram), binary.BigEndian.Uint16(datagram[2:])}
	payload := datagram[8:]
	switch {
	case slices.Contains(ports, 67):
		return DHCP
	case slices.Contains(ports, 500):
		return IKE
	case slices.Contains(ports, 4500):
		switch {
		case len(payload) >= 1 && payload[0] == 0xff && len(payload) < 8:
			return Keepalive
		case len(payload) >= 4 && binary.BigEndian.Uint32(payload) == 0:
			return IKE
		}
		return ESP
	case slices.Contains(ports, 53):
		return DNS
	case slices.Contains(ports, 123):
		return NTP
	}
	return Other
}
