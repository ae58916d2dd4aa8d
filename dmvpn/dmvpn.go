// Package dmvpn joins the box to a DMVPN cloud as a spoke: it owns the mGRE
// device, its neighbours and the routes over it, and speaks NHRP (RFC 2332) with
// the cloud's next hop servers, which everybody calls hubs. The protocol is
// dmvpn/nhc, pure; the octets are dmvpn/nhrp.
//
// What holds at all times:
//
//   - GRE never leaves in clear. The IPsec policies of the profile must be in
//     the kernel before Run starts, for they are what stops it; and nothing is
//     sent to a hub before the Protector says that traffic to it is protected.
//   - Every neighbour of the device is put there by this package. The kernel
//     asks nobody: there is no ARP on mGRE.
//   - The device, its neighbours and its routes outlive the process. A new one
//     keeps what fits its configuration and registers when that is due, not
//     before.
//   - A direct path to another spoke carries traffic only once packets have come
//     back over it; before, and whenever it fails, traffic goes by a hub.
//   - What is multicast into the tunnel goes to the hubs that are marked for it,
//     as copies: the kernel's own way to a group ends in IPsec.
//   - The static routes are there for as long as the device is, whether or not
//     a hub answers, and others that refuse are behind them (Backstop): what
//     belongs into the tunnel takes no other way. Only a default route gives way
//     while no hub answers.
package dmvpn

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// Modules are the kernel modules that a tunnel needs.
var Modules = []string{"ip_gre"}

// Protector sees to it that traffic to a peer is protected: IKE and IPsec.
type Protector interface {
	// Protect blocks until GRE to and from peer, an address on the underlay, is
	// protected. The channel is closed when the protection is lost, or when a
	// newly authenticated IKE SA took its place: the hub may then have
	// forgotten us. An SA that an earlier process left and this one took over
	// is not new. The error says in a sentence why there is no protection; the
	// caller tries again.
	//
	// probe is called, for as long as ctx lives, when it is in doubt whether
	// traffic gets through: it has a packet sent that the peer is sure to
	// answer. It returns at once.
	Protect(ctx context.Context, peer netip.Addr, probe func()) (replaced <-chan struct{}, err error)
	// Meet is Protect for another spoke, which proves to belong to the cloud but is
	// not the hub that the configuration may demand.
	Meet(ctx context.Context, peer netip.Addr, probe func()) (replaced <-chan struct{}, err error)
	// Accept protects whoever asks for it and proves to belong to the cloud,
	// until ctx is cancelled. came is called, and returns at once, when somebody
	// has come to be protected.
	Accept(ctx context.Context, came func(peer netip.Addr)) error
	// MTU is the largest IP packet, in octets, that fits into the tunnel, 0
	// while unknown.
	MTU() *value.Value[int]
	// SeenAs tells the address by which peer knows us, which is not ours behind a
	// NAT.
	SeenAs(peer, public netip.Addr)
}

// Resolver looks up names in the underlay's VRF. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Checkpoint keeps what the next process cannot read back from the kernel.
type Checkpoint interface {
	Save(name string, v any) error
	Load(name string, v any) (bool, error)
	Remove(name string) error
}

// Deps is what a Tunnel works with. All of it is needed.
type Deps struct {
	Kernel     Kernel
	Protector  Protector
	Resolver   Resolver
	Uplink     *value.Value[uplink.State]
	Checkpoint Checkpoint
	Log        *slog.Logger
}

// Tunnel is one DMVPN cloud that the box is a spoke of.
type Tunnel struct {
	name string
	cfg  Config
	deps Deps
	log  *slog.Logger
	// sinceBoot is a clock that the next process shares, in the same boot.
	sinceBoot func() time.Duration

	// inputs are what the loop is to tell the client. probes are the peers that the
	// Protector has doubts about, and guests those that came by themselves.
	inputs chan input
	probes mailbox
	guests mailbox

	multicast multicast

	// index and link belong to the device; Run sets them before anybody reads.
	index int
	link  Link

	// mu guards what follows.
	mu     sync.Mutex
	client *nhc.Client
	// up says that the device is there.
	up bool
}

// New returns the tunnel of the given name, which its device bears too. cfg
// must be valid.
func New(name string, cfg Config, deps Deps) *Tunnel {
	t := &Tunnel{
		name:      name,
		cfg:       cfg.WithDefaults(),
		deps:      deps,
		log:       deps.Log.With("tunnel", name),
		sinceBoot: sinceBoot,
		inputs:    make(chan input),
		probes:    newMailbox(),
		guests:    newMailbox(),
	}
	t.client = t.newClient(nhc.State{})
	return t
}

// String names the tunnel in logs.
func (t *Tunnel) String() string { return "dmvpn " + t.name }

// Run keeps the device as configured and the box registered with every server
// until ctx is cancelled. It leaves everything in the kernel as it is.
func (t *Tunnel) Run(ctx context.Context) error {
	t.restore()
	var err error
	t.index, err = t.deps.Kernel.EnsureDevice(t.device())
	if err != nil {
		return fmt.Errorf("set up tunnel device %s: %w", t.name, err)
	}
	t.link, err = t.deps.Kernel.Listen(t.index)
	if err != nil {
		return fmt.Errorf("listen for NHRP on %s: %w", t.name, err)
	}
	t.setUp(true)
	defer t.setUp(false)
	var tap Tap
	if err = t.apply(); err == nil {
		tap, err = t.tap()
	}
	if err != nil {
		_ = t.link.Close()
		return err
	}

	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		<-ctx.Done()
		return t.link.Close()
	})
	tasks.Go(func() error { return t.receive(ctx) })
	tasks.Go(func() error { return t.followMTU(ctx) })
	if tap != nil {
		tasks.Go(func() error { return t.replicate(ctx, tap) })
	}
	if t.cfg.NHRP.Shortcut {
		// A shortcut may be opened from its other end.
		tasks.Go(func() error { return t.deps.Protector.Accept(ctx, t.guests.put) })
		tasks.Go(func() error { return t.observe(ctx) })
		tasks.Go(func() error { return t.followMissing(ctx) })
	}
	l := &loop{Tunnel: t, guards: make(map[netip.Addr]*guard)}
	tasks.Go(func() error { return l.run(ctx) })
	return tasks.Wait()
}

// device returns the tunnel device that the configuration asks for.
func (t *Tunnel) device() Device {
	return Device{
		Name:     t.name,
		Underlay: t.cfg.Underlay,
		VRF:      t.cfg.VRF,
		Address:  t.cfg.Address,
		Key:      t.cfg.Key,
		Solicit:  t.cfg.NHRP.Shortcut,
		MTU:      t.cfg.MTU,
	}
}

func (t *Tunnel) setUp(up bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.up = up
}
