package cellular

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/farspoke/farspoke/cellular/clat"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// translation carries IPv4 over IPv6; a *clat.CLAT is one.
type translation interface {
	// Run translates until ctx is done or something fails; it may be run again.
	Run(ctx context.Context) error
	// State is what there is on offer.
	State() *value.Value[clat.State]
	// SetMetric gives the default route another metric.
	SetMetric(metric int)
}

func newCLAT(over clat.Underlay, log *slog.Logger) (translation, error) { return clat.New(over, log) }

// clatPause is how long a translation that has failed is left alone.
const clatPause = 5 * time.Second

// translator gives an underlay IPv4 on a network that has IPv6 alone. All methods may
// be called of a nil translator, which is that of a network that has IPv4.
type translator struct {
	translation
	task
	over clat.Underlay
	// stale is closed when there is something else on offer than was applied.
	stale <-chan struct{}
}

// translate has the network's IPv6 carry IPv4, and returns state with what comes of
// it.
func (u *Underlay) translate(state uplink.State) (uplink.State, error) {
	over := clat.Underlay{
		Link: u.Name, Index: u.port.Index, VRF: u.VRF, Address6: state.Address6, DNS: state.DNS, MTU: state.MTU,
		Device: CLATName(u.Name), Address4: u.CLAT, Metric: u.placed,
	}
	if !u.translator.fits(over) {
		u.translator = u.translator.end()
		t, err := u.newCLAT(over, u.log)
		if err != nil {
			return state, err
		}
		u.translator = start(t, over, u.log, u.changed)
	}
	u.translator.SetMetric(over.Metric)
	return u.translator.apply(state), nil
}

// start runs t, and tells by changed what comes of it.
func start(t translation, over clat.Underlay, log *slog.Logger, changed func()) *translator {
	run := func(ctx context.Context) {
		notices := make(chan struct{}, 1)
		go t.State().Follow(ctx, notices)
		go func() {
			for {
				select {
				case <-notices:
					changed()
				case <-ctx.Done():
					return
				}
			}
		}()
		for {
			err := t.Run(ctx)
			if ctx.Err() != nil {
				return
			}
			log.Warn("IPv4 over the network's IPv6 has failed: it is tried again", "err", err, "pause", clatPause)
			select {
			case <-time.After(clatPause):
			case <-ctx.Done():
			}
		}
	}
	return &translator{translation: t, task: begin(run), over: over}
}

// fits reports whether the translator is for the underlay as it is.
func (t *translator) fits(over clat.Underlay) bool {
	return t != nil && t.over.Link == over.Link && t.over.Index == over.Index && t.over.VRF == over.VRF &&
		t.over.Address6 == over.Address6 && t.over.MTU == over.MTU && slices.Equal(t.over.DNS, over.DNS)
}

// end stops translating, and returns nil.
func (t *translator) end() *translator {
	if t != nil {
		t.task.end()
	}
	return nil
}

// apply returns state with what is on offer.
func (t *translator) apply(state uplink.State) uplink.State {
	offer, stale := t.State().Load()
	t.stale = stale
	if offer.Up {
		state.Up, state.Link, state.Index, state.MTU = true, offer.Device, offer.Index, offer.MTU
		state.Address, state.Gateway = offer.Address, offer.Gateway
		// A state has one link, which is that of IPv4.
		state.Address6, state.Gateway6 = netip.Prefix{}, netip.Addr{}
	}
	return state
}

// news reports whether apply would have another result than last time.
func (t *translator) news() bool {
	if t == nil {
		return false
	}
	select {
	case <-t.stale:
		return true
	default:
		return false
	}
}

// hold is what the connection waits for.
func (t *translator) hold() hold {
	if t == nil {
		return hold{}
	}
	if offer, _ := t.State().Load(); offer.Up {
		return hold{}
	}
	return hold{phase: Connecting, why: "the network has IPv6 alone: its NAT64 is looked for, by which IPv4 is reached"}
}
