// Package wan runs one Ethernet interface of the box: it puts the port into its
// VRF, gives it the address and the routes that DHCP or the configuration
// names, and tells the rest of the router what the underlay offers.
//
// What a provider hands out lives in the routing table of the interface's VRF
// and nowhere else. The main table holds the LAN and the tunnels; a provider
// that offers a route for our LAN, or two halves of the Internet, wins nothing
// by it.
//
// An Underlay owns the port's addresses and the routes through the port
// that carry nl.ProtocolUplink. It starts by comparing them with what they
// should be, so a new router process that finds the lease of the old one in the
// checkpoint touches nothing and sends nothing. An interface without VRF and
// with a static address, a LAN port, is the same with less to do.
package wan

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/dhcp"
	"github.com/farspoke/farspoke/internal/link"
	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// Modules are the kernel modules an Underlay needs.
var Modules = nl.VRFModules

// Store keeps the DHCP lease for the next router process. checkpoint.Dir is one.
type Store interface {
	Save(name string, v any) error
	Load(name string, v any) (bool, error)
	Remove(name string) error
}

// Deps are what an Underlay is given by the router.
type Deps struct {
	Log   *slog.Logger
	Store Store
}

// Underlay is one Ethernet interface.
type Underlay struct {
	name   string
	cfg    Config
	log    *slog.Logger
	store  Store
	kernel kernel
	now    func() time.Duration // the instant, see package dhcp
	state  value.Value[uplink.State]
	// demoted says that other underlays come before this one, and is told by
	// value so that Run sees the change.
	demoted value.Value[bool]

	// What follows belongs to Run, and to Shutdown after it.
	metric  int // of the routes
	port    link.Port
	present bool            // port is there and attached to its VRF
	client  *dhcp.Client    // nil for a static address
	conn    *listener       // nil without client
	applied link.Addressing // what the kernel holds
	settled bool            // applied is true
	usable  bool            // the kernel took all of applied, but for IPv6
	usable6 bool            // and the IPv6 part too
	saved   dhcp.Record     // what the store holds

	mu     sync.Mutex
	status Status
}

// New returns the interface of the given name in the configuration. Its VRF
// must exist when Run is called (nl.EnsureVRFs).
func New(name string, cfg Config, deps Deps) *Underlay {
	return &Underlay{
		name: name, cfg: cfg, store: deps.Store,
		log:    deps.Log.With("interface", name),
		kernel: linux{},
		now:    sinceBoot,
	}
}

// String returns the interface's name for the logs.
func (u *Underlay) String() string { return "interface " + u.name }

// State is what the underlay offers at this moment.
func (u *Underlay) State() *value.Value[uplink.State] { return &u.state }

// Demote puts the routes behind those of all other underlays, or back where the
// configuration has them. The address and the lease stay.
func (u *Underlay) Demote(demote bool) { u.demoted.Set(demote) }

// choose decides on the metric of the routes, and returns a channel that tells when to
// do so again. Whoever reads a metric in State finds the routes to have it.
func (u *Underlay) choose() (again <-chan struct{}) {
	demoted, again := u.demoted.Load()
	u.metric = u.cfg.RouteMetric()
	if demoted {
		u.metric += Demotion
	}
	return again
}

// Run keeps the interface as it should be until ctx is cancelled. It leaves the
// address, the routes and the lease in place: that is a restart.
func (u *Underlay) Run(ctx context.Context) error {
	if u.cfg.Port == "" {
		return fmt.Errorf("run interface %s: it is the modem %s, not a port", u.name, u.cfg.Modem)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	changes, err := u.kernel.Watch(ctx, u.cfg.Port)
	if err != nil {
		return fmt.Errorf("run interface %s: %w", u.name, err)
	}
	u.client, u.present, u.settled, u.usable = nil, false, false, false
	defer func() { u.conn = u.conn.close() }()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var message *dhcp.Message
	for {
		demoted := u.choose()
		if err := u.observe(&message); err != nil {
			return fmt.Errorf("run interface %s: %w", u.name, err)
		}
		if err := u.converge(); err != nil {
			return fmt.Errorf("run interface %s: %w", u.name, err)
		}
		u.send(message)
		message = nil
		u.arm(timer)
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-changes:
			if !ok && ctx.Err() == nil {
				return fmt.Errorf("run interface %s: the kernel's link notices ended", u.name)
			}
			// A link that goes down, if only for a moment, takes routes along.
			u.settled = false
		case <-demoted:
		case data := <-u.conn.messages():
			if p, err := dhcp.Parse(data); err != nil {
				u.log.Debug("malformed DHCP message ignored", "err", err)
			} else {
				message = u.client.Receive(u.now(), p)
			}
		case err := <-u.conn.failed():
			return fmt.Errorf("run interface %s: %w", u.name, err)
		case <-timer.C:
			if u.client != nil {
				message = u.client.Tick(u.now())
			}
		}
	}
}

// observe brings what we know of the port up to date and tells the DHCP client
// of it. The message to send, if the port's change calls for one, goes to
// *message.
func (u *Underlay) observe(message **dhcp.Message) error {
	p, present, err := u.kernel.Port(u.cfg.Port)
	if err != nil {
		return err
	}
	if !present {
		u.lose()
		return nil
	}
	if p, err = u.kernel.Attach(p, u.cfg.VRF); err != nil {
		return err
	}
	was := u.port
	first := !u.present
	u.port, u.present = p, true
	if first || p.Carrier != was.Carrier {
		u.logCarrier(first)
	}
	if !u.cfg.IPv4.DHCP {
		return nil
	}
	if u.conn != nil && p.Index != was.Index {
		u.conn = u.conn.close()
	}
	if u.conn == nil {
		conn, err := u.kernel.Dial(p)
		if err != nil {
			return err
		}
		u.conn = listen(conn)
	}
	if u.client == nil {
		u.client = dhcp.New(p.MAC, u.log)
		u.restore()
	}
	switch {
	case !p.Carrier:
		u.client.LinkDown()
	case u.client.State() == dhcp.Down:
		*message = u.client.LinkUp(u.now())
	}
	return nil
}

// lose notes that the port is gone.
func (u *Underlay) lose() {
	if u.present || u.port.Name == "" {
		u.log.Warn("port is not there: waiting for it", "port", u.cfg.Port)
	}
	u.present, u.settled, u.usable = false, false, false
	u.port = link.Port{Name: u.cfg.Port}
	if u.client != nil {
		u.client.LinkDown()
	}
	u.conn = u.conn.close()
}

func (u *Underlay) logCarrier(first bool) {
	switch {
	case !u.port.Carrier && first:
		u.log.Info("port has no carrier yet", "port", u.port.Name)
	case !u.port.Carrier:
		u.log.Warn("port has lost its carrier: check the cable", "port", u.port.Name)
	case !first:
		u.log.Info("port has a carrier", "port", u.port.Name)
	}
}

// restore takes up the lease of the previous process.
func (u *Underlay) restore() {
	u.saved = dhcp.Record{}
	found, err := u.store.Load(u.record(), &u.saved)
	if err != nil {
		u.log.Warn("DHCP lease of the previous process is lost: asking for a new one", "err", err)
		return
	}
	if found && u.saved.Lease.Address.IsValid() {
		u.client.Restore(u.now(), u.saved)
	}
}

// converge makes the kernel hold what the port, the configuration and the
// lease call for, and announces it. The lease is saved first: an address that
// the next process could not explain would be removed by it.
func (u *Underlay) converge() error {
	u.save()
	want, state := u.desired()
	if u.present && (!u.settled || !want.Equal(u.applied)) {
		if u.usable && want.Address != u.applied.Address {
			// Nobody should use what is about to go.
			u.announce(uplink.State{MTU: u.port.MTU})
		}
		if err := u.apply(want); err != nil {
			return err
		}
	}
	state.Up = state.Up && u.usable
	if !u.usable6 {
		state.Address6, state.Gateway6 = netip.Prefix{}, netip.Addr{}
	}
	state.MTU = u.port.MTU
	u.announce(state)
	u.report(state)
	return nil
}

// apply hands want to the kernel.
func (u *Underlay) apply(want link.Addressing) error {
	u.settled, u.usable, u.usable6 = false, false, false
	if u.cfg.IPv6.Address.IsValid() && !want.Address6.IsValid() {
		u.log.Warn("no IPv6: the network's MTU is too small for it", "mtu", want.MTU)
	}
	if u.port.MTU != want.MTU {
		if err := u.kernel.SetMTU(u.port, want.MTU); err != nil {
			u.log.Warn("MTU is refused by the port: it stays as it is", "mtu", want.MTU, "stays", u.port.MTU, "err", err)
		} else {
			u.port.MTU = want.MTU
		}
	}
	refused, err := u.kernel.Apply(u.port, want, u.now())
	if err != nil {
		return err
	}
	u.applied, u.settled, u.usable, u.usable6 = want, true, true, true
	for _, r := range refused {
		u.log.Warn("route is refused by the kernel and left out", "to", r.To, "via", r.Via, "err", r.Err)
		switch {
		case r.To.Bits() > 0:
		case r.To.Addr().Is4():
			u.usable = false
		default:
			u.usable6 = false
		}
	}
	return nil
}

// save keeps the lease for the next process. Without it the box works on; it
// is the next process that will have to ask for the lease again.
func (u *Underlay) save() {
	if u.client == nil {
		return
	}
	record, ok := u.client.Record()
	var err error
	switch {
	case !ok && u.saved.Lease.Address.IsValid():
		err = u.store.Remove(u.record())
	case ok && (record.Granted != u.saved.Granted || !record.Lease.Equal(u.saved.Lease)):
		err = u.store.Save(u.record(), record)
	}
	if err != nil {
		u.log.Error("DHCP lease is not kept for a restart", "err", err)
	}
	u.saved = record
}

// record is the name of the lease in the store.
func (u *Underlay) record() string { return "dhcp-" + u.name }

// announce makes state the latest if it says something new.
func (u *Underlay) announce(state uplink.State) {
	state.Name, state.Link, state.Index = u.name, u.cfg.Port, u.port.Index
	state.VRF, state.Metric = u.cfg.VRF, u.metric
	if last, _ := u.state.Load(); !last.Equal(state) {
		u.state.Set(state)
	}
}

// send sends m. A message that does not get out is like one that is lost: the
// client repeats it.
func (u *Underlay) send(m *dhcp.Message) {
	if m == nil || u.conn == nil {
		return
	}
	if err := m.Send(u.conn.Conn); err != nil {
		u.log.Warn("DHCP message is not sent", "err", err)
	}
}

// arm sets timer for the client's next act.
func (u *Underlay) arm(timer *time.Timer) {
	timer.Stop()
	if u.client == nil {
		return
	}
	if next, ok := u.client.Next(); ok {
		timer.Reset(max(next-u.now(), 0))
	}
}

// Shutdown gives the lease back to the server and withdraws the address. It is
// called after Run has returned, when the box goes down.
func (u *Underlay) Shutdown(context.Context) error {
	if u.client == nil || !u.present {
		return nil
	}
	m := u.client.Release()
	if m == nil {
		return nil
	}
	conn, err := u.kernel.Dial(u.port)
	if err == nil {
		err = errors.Join(m.Send(conn), conn.Close())
	}
	_, applyErr := u.kernel.Apply(u.port, link.Addressing{MTU: u.port.MTU}, u.now())
	u.announce(uplink.State{MTU: u.port.MTU})
	if err := errors.Join(err, u.store.Remove(u.record()), applyErr); err != nil {
		return fmt.Errorf("give up lease of interface %s: %w", u.name, err)
	}
	return nil
}

// sinceBoot is the instant on a clock that goes on while the box sleeps and
// while no process looks.
func sinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		// The clock exists since Linux 2.6.39 and cannot fail.
		panic(fmt.Sprintf("read boot clock: %v", err))
	}
	return time.Duration(ts.Nano())
}
