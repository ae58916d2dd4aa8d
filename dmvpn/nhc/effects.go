package nhc

import (
	"log/slog"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// Effects is what an input brings about. Do it in the order of the fields: what
// the State says of a packet is kept before the packet leaves, and the neighbour
// that it needs is there.
type Effects struct {
	// Save asks for the State to be kept.
	Save bool
	// Kernel says that Neighbours or Routes have changed.
	Kernel bool
	// Protect asks for one attempt to protect each peer, whose outcome Protected is
	// to tell.
	Protect []Peer
	// Lookup is names whose addresses Resolved is to tell.
	Lookup []string
	Send   []Message
	// Release ends the wish to protect a peer, to which no packet follows.
	Release []netip.Addr
	// Seen tells by which of our addresses peers know us.
	Seen   []Sighting
	Events []Event
}

// Peer is whom traffic is to be protected with. A Spoke is no server, so that no
// configuration names it.
type Peer struct {
	NBMA  netip.Addr
	Spoke bool
}

// Message is an NHRP packet for the peer at an NBMA address.
type Message struct {
	NBMA   netip.Addr
	Type   nhrp.Type
	Octets []byte
}

// Sighting is the address by which a peer knows us.
type Sighting struct{ Peer, Public netip.Addr }

// Event is something that happened, in an operator's words.
type Event struct {
	Level slog.Level
	Text  string
	// Attrs are the event's attributes as slog takes them.
	Attrs []any
}

// Neighbour says where a member of the cloud is on the underlay.
type Neighbour struct {
	Address netip.Addr
	NBMA    netip.Addr
}

// Route is a route over the tunnel. An invalid Via is a next hop that nobody
// knows yet: what the route catches must not leave by another.
type Route struct {
	Prefix netip.Prefix
	Via    netip.Addr
}

// kernel is what the kernel is to have of a tunnel.
type kernel struct {
	neighbours []Neighbour
	routes     []Route
}

func (k kernel) equal(o kernel) bool {
	return slices.Equal(k.neighbours, o.neighbours) && slices.Equal(k.routes, o.routes)
}

// Neighbours returns those that the tunnel should have now.
func (c *Client) Neighbours() []Neighbour { return c.kernel.neighbours }

// Routes returns those that the tunnel should have now.
func (c *Client) Routes() []Route { return c.kernel.routes }

// wanted returns what the kernel should have now.
func (c *Client) wanted() kernel {
	k := kernel{
		neighbours: make([]Neighbour, 0, len(c.order)+len(c.peers)+len(c.targets)),
		routes:     make([]Route, 0, len(c.cfg.Routes)+len(c.shortcuts)),
	}
	taken := make(map[netip.Addr]bool, cap(k.neighbours))
	for _, s := range c.order {
		// Two addresses of one server need only one neighbour, the better.
		if s.at.IsValid() && s.address.IsValid() && !taken[s.address] {
			k.neighbours = append(k.neighbours, Neighbour{s.address, s.at})
			taken[s.address] = true
		}
	}
	for _, prefix := range c.cfg.Routes {
		// A default route says what is preferred, all others what belongs into the
		// tunnel: only it gives way when nobody is there.
		if prefix.Bits() > 0 || c.via.live {
			k.routes = append(k.routes, Route{prefix, c.via.address})
		}
	}
	c.shortcutKernel(&k, taken)
	return k
}

// event notes something about a server.
func (c *Client) event(level slog.Level, s *server, text string, attrs ...any) {
	attrs = append([]any{"hub", s.title(), "nbma", s.cfg.NBMA}, attrs...)
	c.out.Events = append(c.out.Events, Event{level, text, attrs})
}
