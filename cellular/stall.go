package cellular

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/internal/link"
)

// A network, or a modem, may lose all packets of a connection and say nothing. Then
// packets go out and none comes back; a hub that is down looks the same, so that what
// is done about it is rare, and costs nothing that has worked.
const (
	// stallPatience is how long nothing must have come in at first, and
	// longestStallPatience at last: it doubles with each remedy.
	stallPatience        = 5 * time.Minute
	longestStallPatience = time.Hour
	// stallPackets is how many packets must have gone out meanwhile.
	stallPackets = 20
)

// traffic is what a device has carried when something last came in, or a remedy was
// tried.
type traffic struct {
	index   int // of the device
	in, out uint64
	since   time.Time
	// remedies have been tried since something last came in.
	remedies int
}

// Traffic implements links.
func (linux) Traffic(p link.Port) (in, out uint64, err error) {
	device, err := netlink.LinkByIndex(p.Index)
	if err != nil {
		return 0, 0, fmt.Errorf("read the counters of %s: %w", p.Name, err)
	}
	if s := device.Attrs().Statistics; s != nil {
		in, out = s.RxPackets, s.TxPackets
	}
	return in, out, nil
}

// stalled reports whether nothing comes in on the connection although packets go out.
func (u *Underlay) stalled(now time.Time) (bool, error) {
	in, out, err := u.links.Traffic(u.port)
	if err != nil {
		return false, err
	}
	last := u.traffic
	switch patience := min(stallPatience<<min(last.remedies, 8), longestStallPatience); {
	case u.port.Index != last.index:
		u.traffic = traffic{u.port.Index, in, out, now, last.remedies}
	case in != last.in:
		u.traffic = traffic{u.port.Index, in, out, now, 0}
	case now.Sub(last.since) < patience || out-last.out < stallPackets:
	default:
		u.traffic = traffic{u.port.Index, in, out, now, last.remedies + 1}
		return true, nil
	}
	return false, nil
}

// revive does the next thing for a connection on which nothing comes in: it is made
// anew, then the modem registers anew, then it starts anew. Where other connections
// would go with it, it stays at the first.
func (v *visit) revive(ctx context.Context, u *Underlay) (hold, error) {
	remedy, do := "the connection is made anew", func() error { return v.modem.Disconnect(ctx, u.session) }
	alone := len(v.underlays) == 1
	switch {
	case alone && u.traffic.remedies == 2:
		remedy, do = "the modem registers anew", func() error { return v.modem.SetRadio(ctx, false) }
	case alone && u.traffic.remedies > 2:
		remedy, do = "the modem starts anew", func() error {
			err := v.modem.Restart(ctx)
			if errors.Is(err, modem.ErrUnsupported) {
				err = v.modem.SetRadio(ctx, false)
			}
			return err
		}
	}
	v.log.Warn("packets go out and none comes in", "interface", u.Name, "remedy", remedy)
	v.stale |= modem.RadioChanged | modem.RegistrationChanged | modem.ConnectionChanged
	if err := do(); err != nil {
		return hold{}, fmt.Errorf("revive the connection of %s: %w", u.Name, err)
	}
	return hold{phase: Connecting, why: "packets went out and none came in: " + remedy, again: time.Millisecond}, nil
}
