package nhc

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// Config is what a Client works by.
type Config struct {
	// Address is ours in the tunnel, with the length of the cloud's prefix.
	Address netip.Prefix
	// Secret is the cloud's authentication string, empty for none.
	Secret string
	// HoldingTime is for how long servers are asked to keep our registration.
	HoldingTime time.Duration
	// Interval is the time between registrations, a third of what the server
	// grants if zero.
	Interval time.Duration
	// Unique forbids servers to let anybody else have our address.
	Unique bool
	// Group is what servers pick a QoS policy by, empty for none.
	Group string
	// Servers are the next hop servers, at least one.
	Servers []Server
	// MaxConnections is how many servers of a cluster to be registered with at a
	// time, all of them if absent or 0.
	MaxConnections map[uint8]int
	// Fallback is how long a server that was down must have been up before it is
	// preferred again.
	Fallback time.Duration
	// Shortcut says that direct paths to other spokes are wanted.
	Shortcut bool
	// Routes are the prefixes that lead to the best server.
	Routes []netip.Prefix
}

// Server is one next hop server, or several: those that a name points to, if
// their addresses in the tunnel are learned.
type Server struct {
	// Address is the server's in the tunnel. If it is invalid, it is learned when
	// the server answers.
	Address netip.Addr
	// NBMA is the server's address on the underlay or a name.
	NBMA string
	// Cluster and Priority order servers, lowest first, 0 to 255.
	Cluster, Priority uint8
	// Multicast says that it gets what goes to multicast groups.
	Multicast bool
}

// sort puts the servers into the order of preference: by cluster, priority, and
// their places in the configuration.
func (c *Client) sort() {
	c.order = nil
	for _, e := range c.entries {
		c.order = append(c.order, e.servers...)
	}
	slices.SortStableFunc(c.order, func(a, b *server) int {
		return cmp.Or(cmp.Compare(a.cfg.Cluster, b.cfg.Cluster), cmp.Compare(a.cfg.Priority, b.cfg.Priority))
	})
}
