package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/breakout"
	"github.com/farspoke/farspoke/internal/checkpoint"
	"github.com/farspoke/farspoke/internal/config"
	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/resolve"
	"github.com/farspoke/farspoke/internal/supervise"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
	"github.com/farspoke/farspoke/internal/wan"
)

// box is every component that one configuration asks for. The zero box has
// none.
type box struct {
	hostname  string
	firewall  *firewall.Firewall
	packets   *firewall.Logger
	underlays []*wan.Underlay
	modems    *cellular.Ports // nil if no interface is a modem
	stations  []*cellular.Station
	own       []*ownAddress
	fronts    map[string]*front
	engines   []*ikev2.Engine
	tunnels   []*dmvpn.Tunnel
	breakout  *breakout.Breakout
}

// hostnameFile is the kernel's name for the box, which needs no capability to
// be set by its owner.
const hostnameFile = "/proc/sys/kernel/hostname"

// front is a VRF as tunnels see it: the uplink to use, names as they are known
// there, and the protection of what leaves through it.
type front struct {
	best     *uplink.Best
	resolver *resolve.Resolver
	engine   *ikev2.Engine // nil if no tunnel runs over the VRF
}

// build makes the components and connects them. Nothing runs yet, but the VRFs
// exist: sockets are bound to them.
func build(ctx context.Context, file *config.File, kept stores, held *sockets, log *slog.Logger) (*box, error) {
	state := kept.memory
	b := &box{hostname: file.Hostname, fronts: make(map[string]*front)}
	component := func(name string) *slog.Logger { return log.With("component", name) }

	if err := os.WriteFile(hostnameFile, []byte(file.Hostname), 0); err != nil {
		log.Warn("the kernel keeps its own name for the box", "err", err)
	}
	var err error
	if b.firewall, err = firewall.New(file.Firewall, file.Topology(), firewall.Netfilter{}, component("firewall")); err != nil {
		return nil, fmt.Errorf("build the firewall: %w", err)
	}
	b.packets = firewall.NewLogger(firewall.Netfilter{}, component("firewall"))
	if err := nl.LoopbackUp(); err != nil {
		return nil, err
	}
	if err := nl.EnsureVRFs(slices.Sorted(maps.Keys(file.VRFs))); err != nil {
		return nil, err
	}
	uplinks := make(map[string][]uplink.Source) // by VRF
	states := make(map[string][]*value.Value[uplink.State])
	use := func(name, vrf string, u uplink.Source) {
		b.own = append(b.own, &ownAddress{firewall: b.firewall, name: name, state: u.State()})
		uplinks[vrf] = append(uplinks[vrf], u)
		states[vrf] = append(states[vrf], u.State())
	}
	for _, name := range slices.Sorted(maps.Keys(file.Interfaces)) {
		cfg := file.Interfaces[name]
		if cfg.Modem != "" {
			continue
		}
		u := wan.New(name, cfg, wan.Deps{Log: component(name), Store: state})
		b.underlays = append(b.underlays, u)
		use(name, cfg.VRF, u)
	}
	if err := b.buildModems(file, kept, component("cellular")); err != nil {
		return nil, err
	}
	for _, s := range b.stations {
		for _, u := range s.Underlays() {
			use(u.Name, u.VRF, u)
		}
	}
	for vrf, sources := range uplinks {
		b.fronts[vrf] = &front{
			best:     uplink.NewBest(component("uplink"), sources...),
			resolver: resolve.New(component("dns"), states[vrf]...),
		}
	}
	best := make(map[string]*value.Value[uplink.State])
	for vrf, front := range b.fronts {
		best[vrf] = front.best.State()
	}
	b.breakout = breakout.New(file.Exits(), best, component("breakout"))
	return b, b.buildTunnels(ctx, file, state, held, log)
}

// buildModems makes a station for each modem that an interface names. What is known
// of their SIMs outlasts the power.
func (b *box) buildModems(file *config.File, kept stores, log *slog.Logger) error {
	interfaces := file.Modem()
	if len(interfaces) == 0 {
		return nil
	}
	this, err := board.Detect(os.DirFS("/proc"))
	if err != nil {
		return fmt.Errorf("find the modems: %w", err)
	}
	b.modems = cellular.NewPorts(this, kept.memory, log)
	records := cellular.OpenRecords(kept.disk, log)
	for _, name := range slices.Sorted(maps.Keys(interfaces)) {
		b.stations = append(b.stations, cellular.New(name, file.Modems[name], interfaces[name], cellular.Deps{
			Log: log, Bus: b.modems, Records: records,
		}))
	}
	return nil
}

// buildTunnels makes the tunnels, and an IKEv2 engine for each VRF that carries
// one. The kernel lets no GRE out in clear from here on.
func (b *box) buildTunnels(ctx context.Context, file *config.File, state checkpoint.Dir, held *sockets, log *slog.Logger) error {
	if err := (dmvpn.Netlink{}).Backstop(slices.Collect(maps.Values(file.Tunnels))); err != nil {
		return err
	}
	if err := (dmvpn.Netlink{}).Prune(slices.Collect(maps.Keys(file.Tunnels))); err != nil {
		return err
	}
	var vrfs []string
	for _, cfg := range file.Tunnels {
		vrfs = append(vrfs, cfg.Underlay)
	}
	if err := held.dropOthers(ctx, vrfs); err != nil {
		return err
	}
	if len(file.Tunnels) == 0 {
		return nil
	}
	kernel, err := xfrm.Open()
	if err != nil {
		return err
	}
	if err := ikev2.Seal(kernel); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(file.Tunnels)) {
		cfg := file.Tunnels[name]
		front := b.fronts[cfg.Underlay]
		if front.engine == nil {
			if front.engine, err = newEngine(cfg.Underlay, file.IPsec, front, kernel, state, held, log); err != nil {
				return err
			}
			b.engines = append(b.engines, front.engine)
		}
		protector, err := front.engine.Profile(cfg.IPsec)
		if err != nil {
			return err
		}
		b.tunnels = append(b.tunnels, dmvpn.New(name, cfg, dmvpn.Deps{
			Kernel: dmvpn.Netlink{}, Protector: protector, Resolver: front.resolver,
			Uplink: front.best.State(), Checkpoint: state, Log: log.With("component", name),
		}))
	}
	return nil
}

func newEngine(vrf string, cfg ikev2.Config, front *front, kernel *xfrm.Handle, state checkpoint.Dir, held *sockets, log *slog.Logger) (*ikev2.Engine, error) {
	monitor, err := xfrm.Listen()
	if err != nil {
		return nil, err
	}
	return ikev2.New(vrf, cfg, ikev2.Deps{
		Kernel:  kernel,
		Monitor: monitor,
		Listen:  func() (ikev2.Socket, error) { return held.ike(vrf) },
		Uplink:  front.best.State(), Unreached: front.best.Mistrust,
		Checkpoint: state, Log: log.With("component", "ikev2"),
	})
}

// tasks returns what the router process is to keep running.
func (b *box) tasks() []supervise.Task {
	var tasks []supervise.Task
	if b.firewall != nil {
		tasks = append(tasks, b.firewall, b.packets)
	}
	for _, u := range b.underlays {
		tasks = append(tasks, u)
	}
	if b.modems != nil {
		tasks = append(tasks, b.modems)
	}
	for _, s := range b.stations {
		tasks = append(tasks, s)
	}
	for _, o := range b.own {
		tasks = append(tasks, o)
	}
	for _, f := range b.fronts {
		tasks = append(tasks, f.best)
	}
	for _, e := range b.engines {
		tasks = append(tasks, e)
	}
	for _, t := range b.tunnels {
		tasks = append(tasks, t)
	}
	if b.breakout != nil {
		tasks = append(tasks, b.breakout)
	}
	return tasks
}

// shutdown says good-bye, from the inside to the outside: the hub must hear of
// the tunnel's end before the SA goes, and of the SA's before the address.
func (b *box) shutdown(ctx context.Context) error {
	var errs []error
	for _, t := range b.tunnels {
		errs = append(errs, t.Shutdown(ctx))
	}
	for _, e := range b.engines {
		errs = append(errs, e.Shutdown(ctx))
	}
	for _, u := range b.underlays {
		errs = append(errs, u.Shutdown(ctx))
	}
	for _, s := range b.stations {
		errs = append(errs, s.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// answer returns once every control loop's state could be had: a loop that hangs
// holds its lock.
func (b *box) answer() {
	for _, u := range b.underlays {
		u.Status()
	}
	for _, s := range b.stations {
		s.Status()
	}
	for _, e := range b.engines {
		e.Status()
	}
	for _, t := range b.tunnels {
		t.Status()
	}
}

// status asks every component.
func (b *box) status() api.Status {
	status := api.Status{Hostname: b.hostname}
	if b.firewall != nil {
		status.Firewall = b.firewall.Status()
	}
	for _, u := range b.underlays {
		status.Uplinks = append(status.Uplinks, u.Status().State)
	}
	for _, s := range b.stations {
		for _, u := range s.Underlays() {
			state, _ := u.State().Load()
			status.Uplinks = append(status.Uplinks, state)
		}
		status.Modems = append(status.Modems, s.Status())
	}
	for _, e := range b.engines {
		status.IPsec = append(status.IPsec, e.Status())
	}
	for _, t := range b.tunnels {
		status.Tunnels = append(status.Tunnels, t.Status())
	}
	return status
}
