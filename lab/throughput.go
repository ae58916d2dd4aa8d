package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/lab/probe"
	"github.com/farspoke/farspoke/lab/sandbox"
)

const (
	// throughputRounds is how often each kind of SA is measured; the median
	// counts.
	throughputRounds = 7
	// streamTime is for how long, and warmUp how long TCP is left before to find
	// its pace.
	streamTime = 5 * time.Second
	warmUp     = 10 * time.Second
	// leastThroughput is what emulation leaves of 1.
	leastThroughput = 0.95
	// disturbances is how often a turn may be begun again.
	disturbances = 10
	// rekeyWait bounds a rekeying under load.
	rekeyWait = time.Minute
)

// throughput compares the SAs that the box has installed with SAs that are made
// by hand in their place. All else is the same, and goes on meanwhile.
func throughput(ctx context.Context, built images) ([]Figure, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lab, err := Open(ctx)
	if err != nil {
		return nil, err
	}
	if err := lab.WaitHub(ctx, 0); err != nil {
		return nil, err
	}
	spoke, err := lab.Boot(ctx, testedBox(built, built.Release, ordinarySite(), built.IPRoute))
	if err != nil {
		return nil, err
	}
	ours, byHand, err := spoke.compareSAs(ctx)
	if err := errors.Join(err, spoke.Close()); err != nil {
		return nil, err
	}
	return []Figure{{
		ID: "esp-throughput", Ours: median(ours), Peer: median(byHand), Unit: "Mbit/s", Target: leastThroughput, AtLeast: true,
		Method: fmt.Sprintf("TCP through both ends of the tunnel, one stream each way between a host in the branch and one at headquarters, the sum of both: through the SAs that the box has installed, and through SAs that `ip xfrm state add` puts in their place on the box, with the same SPIs, keys, encapsulation in UDP and replay window, and no limits. The policies, the hub and its SAs are the same, and the box's router process is stopped meanwhile in both cases, as it would put right what was altered. By turns in one lab, with a rekeying before each turn; median of %d turns of %v each. Both ends are emulated without KVM, so that only the ratio says something; 1 is what is wanted, and %v counts as 1.",
			throughputRounds, streamTime, leastThroughput),
	}}, nil
}

// compareSAs returns what each round carried, in megabits a second.
func (s *Spoke) compareSAs(ctx context.Context) (ours, byHand []float64, err error) {
	limited, stop := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not there after %v", startLimit))
	defer stop()
	if _, err := s.Ping.Steady(limited, 0, 10); err != nil {
		return nil, nil, err
	}
	streams, err := s.lab.openStreams()
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running, ctx := errgroup.WithContext(ctx)
	for _, stream := range streams {
		running.Go(func() error { return stream.Run(ctx) })
	}
	running.Go(func() error {
		defer cancel()
		for round := range throughputRounds {
			own, err := s.undisturbed(ctx, streams, nil)
			if err != nil {
				return err
			}
			hand, err := s.undisturbed(ctx, streams, s.byHand)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "round %d: ours %.2f Mbit/s, by hand %.2f Mbit/s\n", round+1, own, hand)
			ours, byHand = append(ours, own), append(byHand, hand)
		}
		return nil
	})
	return ours, byHand, running.Wait()
}

// undisturbed returns what fresh SAs carry, those of the box or what alter makes
// of them. The router process is stopped from then on, in both cases alike: it
// would soon give SAs that are not as it made them their limits back. Should the
// box or the hub put others in their place all the same, it begins again.
func (s *Spoke) undisturbed(ctx context.Context, streams []*probe.Stream, alter func(context.Context) error) (carried float64, err error) {
	var disturbance error
	for range disturbances {
		if disturbance = s.rekeyed(ctx); disturbance != nil {
			continue
		}
		err := s.whileStopped(ctx, func() (err error) {
			carried, disturbance, err = s.carry(ctx, streams, alter)
			return err
		})
		if err != nil || disturbance == nil {
			return carried, err
		}
	}
	return 0, fmt.Errorf("measure undisturbed: %w", disturbance)
}

// carry alters the SAs, unless alter is nil, and returns what they carry, or what
// disturbed them meanwhile.
func (s *Spoke) carry(ctx context.Context, streams []*probe.Stream, alter func(context.Context) error) (carried float64, disturbance, err error) {
	if alter != nil {
		if disturbance := alter(ctx); disturbance != nil {
			return 0, disturbance, nil
		}
	}
	before, err := s.spis(ctx)
	if err != nil {
		return 0, nil, err
	}
	if carried, err = measure(ctx, streams); err != nil {
		return 0, nil, err
	}
	after, err := s.spis(ctx)
	if err == nil && !slices.Equal(before, after) {
		disturbance = fmt.Errorf("the SAs changed from %v to %v", before, after)
	}
	return carried, disturbance, err
}

// whileStopped stops the router process while f runs, which must not take so long
// that PID 1 gives it up.
func (s *Spoke) whileStopped(ctx context.Context, f func() error) error {
	pid, err := s.pidOf(ctx, "router")
	if err != nil {
		return err
	}
	if out, err := s.Run(ctx, fmt.Sprintf("kill -STOP %d", pid)); err != nil {
		return fmt.Errorf("stop the router process: %w\n%s", err, out)
	}
	err = f()
	if out, errGo := s.Run(ctx, fmt.Sprintf("kill -CONT %d", pid)); errGo != nil {
		err = errors.Join(err, fmt.Errorf("let the router process go on: %w\n%s", errGo, out))
	}
	return err
}

// streamPort is where the host at headquarters waits for the streams.
const streamPort = 5001

// openStreams opens a stream each way between the host in the branch and the one
// at headquarters. Both are opened by the branch, as its firewall wants it.
func (l *Lab) openStreams() ([]*probe.Stream, error) {
	at := netip.AddrPortFrom(hqAddress.Addr(), streamPort)
	listener, err := listenIn(l.HQ, at)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	var ends [2][2]net.Conn // at the branch, at headquarters
	for i := range ends {
		err := l.First.Host.Do(func() (err error) {
			ends[i][0], err = net.DialTCP("tcp4", nil, net.TCPAddrFromAddrPort(at))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("open a stream: %w", err)
		}
		if ends[i][1], err = listener.Accept(); err != nil {
			return nil, fmt.Errorf("open a stream: %w", err)
		}
	}
	return []*probe.Stream{
		probe.NewStream(ends[0][0], ends[0][1]),
		probe.NewStream(ends[1][1], ends[1][0]),
	}, nil
}

func listenIn(ns *sandbox.Namespace, at netip.AddrPort) (listener *net.TCPListener, err error) {
	err = ns.Do(func() (err error) {
		listener, err = net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("wait for streams in %s: %w", ns, err)
	}
	return listener, nil
}

// measure returns the sum of what the streams carry, in megabits a second.
func measure(ctx context.Context, streams []*probe.Stream) (float64, error) {
	select {
	case <-time.After(warmUp):
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	begin, before := time.Now(), received(streams)
	select {
	case <-time.After(streamTime):
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	octets := received(streams) - before
	if octets == 0 {
		return 0, errors.New("nothing gets through")
	}
	return float64(octets) * 8 / 1e6 / time.Since(begin).Seconds(), nil
}

func received(streams []*probe.Stream) (octets int64) {
	for _, stream := range streams {
		octets += stream.Received()
	}
	return octets
}
