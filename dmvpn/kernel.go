package dmvpn

import (
	"context"
	"net/netip"
)

// Kernel is what a Tunnel needs of the operating system. All its methods may be
// called again with the same arguments, and then change nothing: what is
// already as it should be stays untouched, packets in flight included.
type Kernel interface {
	// EnsureDevice makes the tunnel device be as d says, up, and returns its
	// index.
	EnsureDevice(d Device) (index int, err error)
	// SetMTU sets the device's MTU, in octets.
	SetMTU(index, mtu int) error
	// SetNeighbours makes the permanent neighbours of the device exactly those.
	SetNeighbours(index int, neighbours []Neighbour) error
	// SetRoutes makes the routes over the device that are marked as the
	// tunnel's exactly those, in the table of the VRF (empty: the main table).
	SetRoutes(index int, vrf string, routes []Route) error
	// Prefixes returns the networks behind the box, of one family, that are in the
	// table of the VRF (empty: the main table).
	Prefixes(vrf string, ipv6 bool) ([]netip.Prefix, error)
	// Rerouted calls tell, until ctx is cancelled, whenever routes may have changed,
	// of any table.
	Rerouted(ctx context.Context, tell func()) error
	// Sent returns how many octets have left through IPsec, by the peer's NBMA
	// address. They begin anew when keys are renewed.
	Sent() (map[netip.Addr]uint64, error)
	// Missing calls tell, until ctx is cancelled, with each next hop over the device
	// that there is traffic for and no neighbour. The device must have Solicit.
	Missing(ctx context.Context, index int, tell func(netip.Addr)) error
	// Listen opens the device for NHRP packets.
	Listen(index int) (Link, error)
	// Tap opens the device for what leaves it for multicast groups.
	Tap(index int) (Tap, error)
}

// Device is a multipoint GRE device without a local address of its own: the
// kernel takes the source of each packet from the underlay's route, so the
// device outlives every change of the uplink.
type Device struct {
	Name string
	// Underlay and VRF are names of VRF devices: the one the tunnel's packets
	// travel in, and the one the tunnel belongs to. Empty is the main table.
	Underlay, VRF string
	Address       netip.Prefix
	// Key is the GRE key. Nil is GRE without one, which differs from key 0.
	Key *uint32
	// Solicit has packets for a next hop without a neighbour wait a moment, and
	// Missing tell of it. Without, they are refused at once.
	Solicit bool
	// MTU is the largest there may be. A device that is there already keeps a
	// smaller one until SetMTU: what fits is known only later.
	MTU int
}

// Neighbour says where a member of the cloud is on the underlay.
type Neighbour struct {
	Address netip.Addr
	NBMA    netip.Addr
}

// Route is a route over the tunnel. Via lies within the tunnel's prefix. If it is
// invalid, what the route catches is refused: nobody knows the next hop yet.
type Route struct {
	Prefix netip.Prefix
	Via    netip.Addr
}

// maxPacket is the largest NHRP packet: its length has 16 bits.
const maxPacket = 1<<16 - 1

// Link carries NHRP packets over a tunnel device. Send and Receive may be used
// at the same time; Close ends a Receive that waits.
type Link interface {
	// Send sends a packet to the member at the NBMA address.
	Send(nbma netip.Addr, packet []byte) error
	// Receive waits for a packet and returns its length in b, and the NBMA
	// address it came from as the outer header has it, after IPsec.
	Receive(b []byte) (n int, nbma netip.Addr, err error)
	Close() error
}

// Tap sees what leaves a tunnel device for multicast groups. Close ends a Next
// that waits; else its methods are for one caller at a time.
type Tap interface {
	// Next waits for a packet.
	Next() error
	// Send sends the packet that Next found to the member at the NBMA address.
	Send(nbma netip.Addr) error
	Close() error
}
