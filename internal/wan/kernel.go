package wan

import (
	"context"
	"time"

	"github.com/farspoke/farspoke/internal/dhcp"
	"github.com/farspoke/farspoke/internal/link"
)

// kernel is what an Underlay needs of Linux.
type kernel interface {
	// Watch returns a channel that tells of changes to the link of the given
	// name, several perhaps by one notice, until ctx is done.
	Watch(ctx context.Context, name string) (<-chan struct{}, error)
	// Port returns the link of the given name and whether it exists.
	Port(name string) (link.Port, bool, error)
	// Attach puts p into the VRF, or into none if vrf is empty, sets it up
	// and returns it as it is then.
	Attach(p link.Port, vrf string) (link.Port, error)
	// SetMTU sets p's MTU.
	SetMTU(p link.Port, mtu int) error
	// Apply gives p exactly the addresses and the routes of want, lets path MTUs
	// be learnt from the IPv4 address, and touches nothing that is so already. now
	// is the instant.
	Apply(p link.Port, want link.Addressing, now time.Duration) ([]link.Refusal, error)
	// Dial opens p for DHCP.
	Dial(p link.Port) (dhcp.Conn, error)
}

// linux is the kernel the process runs on.
type linux struct{ link.Linux }

func (linux) Dial(p link.Port) (dhcp.Conn, error) {
	return dhcp.Listen(p.Name, p.Index)
}
