package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// fault is something that goes wrong between a spoke and its hub, or at either
// of them, while the spoke carries traffic. The scenarios and the bench cause
// the same ones.
type fault struct {
	// name is the fault's in figures and subtests, summary says it in a line.
	name, summary string
	// inflict makes it happen.
	inflict func(context.Context, *Lab, *Spoke) error
	// imposed says that nothing the spoke might do helps before inflict
	// returns, as while the hub boots: the spoke's clock starts only then.
	imposed bool
	// late is how much later the fault may show, 0 for one that meets the next
	// packet.
	late time.Duration
	// slow says that to cause it takes half a minute or more.
	slow bool
	// mend takes back what inflict left, after which the spoke has to recover
	// once more. Nil if there is nothing.
	mend func(context.Context, *Lab, *Spoke) error
	// boxOnly says why it is not caused to the peer.
	boxOnly string
}

const (
	// outageTime is how long a part of the way is missing.
	outageTime = 5 * time.Second
	// filterTime is how long the carrier filters IKE and ESP.
	filterTime = 30 * time.Second
	// lossTime is how long the carrier is lossy.
	lossTime = time.Minute
	// detectTime is within which a spoke notices that a hub which carries its
	// traffic has forgotten its IKE SA: it asks now and then, and repeats itself.
	detectTime = time.Minute
	// restartTime is within which a spoke's own control plane is back at work.
	restartTime = 15 * time.Second
)

// faults are those that a branch meets in its life.
var faults = []fault{
	{
		name: "hub-reboots", summary: "the hub loses all state without a good-bye",
		inflict: func(ctx context.Context, l *Lab, _ *Spoke) error { return l.RebootHub(ctx) },
		imposed: true,
	},
	{
		name: "hub-ike-killed", summary: "the hub's IKE daemon dies and starts again; its SAs stay in the kernel",
		inflict: func(ctx context.Context, l *Lab, _ *Spoke) error { return charonAgain(ctx, l.Hub, "-KILL") },
		imposed: true,
		late:    detectTime,
		slow:    true,
	},
	{
		name: "hub-ike-restarts", summary: "the hub's IKE daemon is restarted and says good-bye",
		inflict: func(ctx context.Context, l *Lab, _ *Spoke) error { return charonAgain(ctx, l.Hub, "-TERM") },
		imposed: true,
	},
	{
		name: "hub-sas-flushed", summary: "the hub's kernel loses its SAs, of which its IKE daemon knows nothing",
		inflict: onHubRun("ip xfrm state flush"),
	},
	{
		name: "hub-deletes-child", summary: "the hub deletes the child SA",
		inflict: onHubRun("swanctl --terminate --child gre --timeout 0 >/dev/null"),
	},
	{
		name: "hub-deletes-ike", summary: "the hub deletes the IKE SA",
		inflict: onHubRun("swanctl --terminate --ike dmvpn --timeout 0 >/dev/null"),
	},
	{
		name: "nat-moves", summary: "the carrier's NAT forgets its mappings and makes others",
		inflict: func(_ context.Context, l *Lab, _ *Spoke) error { return l.FlushNAT() },
	},
	{
		name: "nat-address-changes", summary: "the carrier's NAT gets another public address",
		inflict: changeNATAddress(natAddress, otherNATAddress),
		mend:    changeNATAddress(otherNATAddress, natAddress),
	},
	{
		name: "mapping-black-holed", summary: "the carrier loses all that passes the present NAT mapping",
		inflict: func(ctx context.Context, l *Lab, _ *Spoke) error { return l.BlackHole(ctx) },
		mend:    faultless,
	},
	{
		name: "port-4500-filtered", summary: "the carrier drops UDP port 4500 for half a minute",
		inflict: func(ctx context.Context, l *Lab, s *Spoke) error {
			return errors.Join(l.Fault(ctx, "udp dport 4500 drop", "udp sport 4500 drop"), pause(ctx, filterTime), faultless(ctx, l, s))
		},
		slow:    true,
		imposed: true,
	},
	{
		name: "lossy-minute", summary: "three packets in ten are lost for a minute",
		inflict: func(ctx context.Context, l *Lab, s *Spoke) error {
			return errors.Join(l.Fault(ctx, "numgen random mod 100 < 30 drop"), pause(ctx, lossTime), faultless(ctx, l, s))
		},
		slow: true,
	},
	{
		name: "cable-out", summary: "the WAN port has no carrier for a few seconds",
		inflict: func(ctx context.Context, _ *Lab, s *Spoke) error {
			return errors.Join(s.Plug(0, false), pause(ctx, outageTime), s.Plug(0, true))
		},
		imposed: true,
	},
	{
		name: "address-changes", summary: "the carrier's DHCP server gives another address when the cable is back",
		inflict: renumber(otherLease),
		imposed: true,
		mend:    renumber(ordinaryLease),
		boxOnly: "its DHCP client, busybox's, does not watch the link",
	},
	{
		name: "control-plane-killed", summary: "kill -9 of the spoke's own IKE process, which is started again",
		inflict: func(ctx context.Context, _ *Lab, s *Spoke) error { return s.kind.killControl(ctx, s) },
		late:    restartTime,
	},
	// Last, since the hub itself takes a while to get over it.
	{
		name: "hub-moves", summary: "the hub gets another address, and its name points there",
		inflict: func(ctx context.Context, l *Lab, _ *Spoke) error { return l.MoveHub(ctx, hubAddress, hubMoved) },
		mend:    func(ctx context.Context, l *Lab, _ *Spoke) error { return l.MoveHub(ctx, hubMoved, hubAddress) },
	},
}

// otherLease has other addresses than ordinaryLease.
var otherLease = []string{"--dhcp-range=100.64.0.150,100.64.0.199,255.255.255.0,10m"}

// renumber has the carrier give other addresses while the cable is out.
func renumber(lease []string) func(context.Context, *Lab, *Spoke) error {
	return func(ctx context.Context, l *Lab, s *Spoke) error {
		return errors.Join(
			s.Plug(0, false),
			// The server lives as long as the lab.
			l.DHCP.Restart(context.WithoutCancel(ctx), lease),
			pause(ctx, outageTime),
			s.Plug(0, true),
		)
	}
}

// changeNATAddress changes the carrier's public address.
func changeNATAddress(from, to netip.Prefix) func(context.Context, *Lab, *Spoke) error {
	return func(ctx context.Context, l *Lab, _ *Spoke) error {
		if err := l.ForgetRegistrations(ctx); err != nil {
			return err
		}
		return l.ReplaceNATAddress(from, to)
	}
}

// onHubRun returns the fault that a command on the hub is.
func onHubRun(command string) func(context.Context, *Lab, *Spoke) error {
	return func(ctx context.Context, l *Lab, _ *Spoke) error {
		_, err := l.Hub.Run(ctx, command)
		return err
	}
}

func faultless(ctx context.Context, l *Lab, _ *Spoke) error { return l.Fault(ctx) }

// runner is a machine with a shell.
type runner interface {
	Run(ctx context.Context, command string) (string, error)
}

// charonAgain ends a guest's IKE daemon by a signal and starts it as systemd
// would; it returns when the daemon answers.
func charonAgain(ctx context.Context, guest runner, signal string) error {
	_, err := guest.Run(ctx, "killall "+signal+` charon-systemd
		while pidof charon-systemd >/dev/null; do sleep 0.1; done
		setsid charon-systemd </dev/null >/dev/console 2>&1 &
		until swanctl --load-all --noprompt >/dev/null 2>&1; do sleep 0.1; done`)
	return err
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// steadyPackets in a row that are answered mean that traffic flows again.
const steadyPackets = 20

// errStillDown is that traffic does not flow again within the limit.
var errStillDown = errors.New("traffic does not flow again")

// survive causes the fault to a spoke that carries traffic, waits until traffic
// flows again, and returns for how long it was interrupted by then. After limit
// it gives up with errStillDown.
func (f fault) survive(ctx context.Context, lab *Lab, spoke *Spoke, limit time.Duration) (time.Duration, error) {
	mark := spoke.Ping.Mark()
	if err := f.inflict(ctx, lab, spoke); err != nil {
		return 0, fmt.Errorf("cause %s: %w", f.name, err)
	}
	inflicted := spoke.Ping.Mark()
	if f.imposed {
		mark = inflicted
	}
	watched := inflicted + int(f.late/pingInterval)
	within := f.late + limit
	limited, cancel := context.WithTimeoutCause(ctx, within, fmt.Errorf("%w within %v", errStillDown, within))
	defer cancel()
	number, err := spoke.Ping.Steady(limited, watched, steadyPackets)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", f.name, err)
	}
	return spoke.Ping.Outage(mark, number+steadyPackets), nil
}
