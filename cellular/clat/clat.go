// Package clat gives the box IPv4 on a network that has only IPv6 and a NAT64, as
// many mobile networks do: the customer's side of 464XLAT (RFC 6877). All that the
// box does towards a provider, IKE and ESP in UDP above all, goes on as it is, and
// takes the network for one of IPv4 with a NAT before it.
//
// The parties are the underlay, a link with an IPv6 address and a default route in a
// VRF, whose owner is somebody else; the NAT64 of its network; and a TUN device,
// which is ours. A packet takes this way out, and the same back:
//
//	socket or LAN ─IPv4→ TUN device ─→ CLAT ─→ TUN device ─IPv6→ underlay ─→ NAT64
//
// The device has an IPv4 address, which every CLAT may have as nobody else sees it
// (RFC 7335), and the IPv4 default route of the VRF. The CLAT reads what leaves by
// it, translates it (package siit), and writes it back as IPv6; the kernel forwards
// that. The IPv6 source is an address of the underlay's own /64 with an interface
// identifier of its own (RFC 6877, 6.3), and the one route to it leads into the
// device. So nothing is to be told apart by ports, and the box's own IPv6 address is
// not concerned.
//
// The prefix of the NAT64 comes from routers or from DNS (package nat64). The device
// exists while there is a prefix; another prefix replaces the first without a change
// to it. It ends with the CLAT, and all routes with it.
//
// # MTU
//
// A packet grows by 20 octets on its way out, a fragment by 28. The device carries
// packets as large as the underlay does, for those of IPv6 go through it, but its
// IPv4 default route has an MTU smaller by 20. A packet that grows too large none the
// less leaves in fragments if its sender allows it; if not, the kernel says so to the
// CLAT, as it forwards the packet, and the CLAT translates that, as it does what is
// said from beyond the underlay.
//
// # What the rest of the box must let through
//
// The kernel forwards IPv6 (net.ipv6.conf.all.forwarding), which PID 1 sees to, and
// the firewall lets IPv6 pass between the two devices, in both directions, which it
// does for a member of a zone whose Over is the underlay's link. To the IPv4 side the
// device is an underlay like any other. To ask a network's name servers the policy
// from self to its zone must inspect dns, as for any name; routers are heard below
// the firewall.
//
// On a link with neighbours, which a modem's rarely is, the CLAT's address must be
// answered for. The CLAT asks the kernel to (proxy neighbour discovery); the kernel
// does for a link that is a router's, by its parameter forwarding.
package clat

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/farspoke/farspoke/cellular/clat/nat64"
	"github.com/farspoke/farspoke/internal/value"
)

// Modules are the kernel modules a CLAT needs.
var Modules = []string{"tun"}

// Underlay is the network of IPv6 that a CLAT is for, and what to make of it.
type Underlay struct {
	// Link is the kernel's name of the device that leads there, and Index its
	// ifindex. It is up, in the VRF, and the VRF's IPv6 default route leads through it.
	Link  string
	Index int
	// VRF is the kernel's name of the VRF device, empty for the main table.
	VRF string
	// Address6 is ours on the link. The /64 it is in is ours alone.
	Address6 netip.Prefix
	// DNS are the network's name servers. Those of IPv6 are asked.
	DNS []netip.Addr
	// MTU is the largest IPv6 packet that the link carries, in octets, at least 1280.
	MTU int

	// Device is the name that the TUN device gets.
	Device string
	// Address4 is the address it gets, of 192.0.0.0/29, and another one for each CLAT
	// of a box. It is not 192.0.0.0.
	Address4 netip.Addr
	// Metric is that of the IPv4 default route, at first.
	Metric int
}

// shared is where addresses of CLATs are from (RFC 7335).
var shared = netip.MustParsePrefix("192.0.0.0/29")

// Validate reports what no CLAT can work with.
func (u Underlay) Validate() error {
	switch {
	case !u.Address6.IsValid() || !u.Address6.Addr().Is6():
		return fmt.Errorf("CLAT over %s: %v is no IPv6 address", u.Link, u.Address6)
	case !shared.Contains(u.Address4) || u.Address4 == shared.Addr():
		return fmt.Errorf("CLAT over %s: %v is no address of %v for a host", u.Link, u.Address4, shared)
	case u.MTU < minMTU6:
		return fmt.Errorf("CLAT over %s: an MTU of %d octets is too small for IPv6", u.Link, u.MTU)
	}
	return nil
}

const (
	// minMTU6 is the smallest that a link of IPv6 may have (RFC 8200, 5).
	minMTU6 = 1280
	// longer is by how many octets IPv6's header is longer than IPv4's.
	longer = 20
)

// gateway is the next hop of the default route. There is none on the device; but
// routes of others, such as a LAN's, name the one of an underlay. RFC 7600's dummy is
// nobody's address.
var gateway = netip.AddrFrom4([4]byte{192, 0, 0, 8})

// State is what a CLAT offers at this moment. The zero State is one that offers
// nothing: there is no NAT64, or it is not known yet.
type State struct {
	// Up says that the device, its address and its default route are there.
	Up bool
	// Device is the kernel's name of the TUN device, and Index its ifindex.
	Device string
	Index  int
	// Address is ours on it, and Gateway the next hop of its default route.
	Address netip.Prefix
	Gateway netip.Addr
	// MTU is the largest IPv4 packet that leaves whole, in octets.
	MTU int
	// NAT64 is the prefix in use, and Address6 the address by which the NAT64 knows
	// us.
	NAT64    netip.Prefix
	Address6 netip.Addr
}

// CLAT is one of an underlay.
type CLAT struct {
	underlay Underlay
	kernel   kernel
	log      *slog.Logger
	metric   value.Value[int]
	state    value.Value[State]
	counters counters
}

// New returns a CLAT for the underlay. It is for as long as that stays as it is: for
// another address, another MTU or other name servers the owner ends Run and makes
// another CLAT.
func New(u Underlay, log *slog.Logger) (*CLAT, error) {
	if err := u.Validate(); err != nil {
		return nil, err
	}
	c := &CLAT{underlay: u, kernel: linux{}, log: log}
	c.metric.Set(u.Metric)
	return c, nil
}

// SetMetric gives the IPv4 default route another metric, without any other change.
func (c *CLAT) SetMetric(metric int) { c.metric.Set(metric) }

// State returns what the CLAT offers, to be watched.
func (c *CLAT) State() *value.Value[State] { return &c.state }

// String is the name in the logs.
func (c *CLAT) String() string { return c.underlay.Device }

// Run looks for the NAT64's prefix, and translates while there is one, until ctx is
// done. Then the device is gone, and so it is after an error.
func (c *CLAT) Run(ctx context.Context) (err error) {
	routers, err := c.kernel.Listen(c.underlay)
	if err != nil {
		return err
	}
	s := session{CLAT: c, routers: routers, began: time.Now(), heard: make(chan []nat64.Offer), answers: make(chan answer)}
	ctx, cancel := context.WithCancel(ctx)
	s.listen(ctx)
	defer func() {
		cancel()
		s.translate(nat64.Prefix{})
		_ = routers.Close() // whatever it says, nobody reads it any more
		s.tasks.Wait()
	}()
	return s.run(ctx)
}

// servers returns the name servers that can be asked.
func (u Underlay) servers() []netip.Addr {
	return slices.DeleteFunc(slices.Clone(u.DNS), func(a netip.Addr) bool { return !a.Is6() || a.Is4In6() })
}
