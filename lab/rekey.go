package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/lab/probe"
)

const (
	// rekeyRounds is how often each end renews each kind of SA.
	rekeyRounds = 3
	// rekeyPing is how often the branch's host asks meanwhile.
	rekeyPing = 10 * time.Millisecond
	// rekeyPause lets an exchange end, and what it leaves, before the next: both
	// makes keep a replaced SA for 5 s.
	rekeyPause = 7 * time.Second
	// shortLifetime makes our box renew its SAs by itself.
	shortLifetime = time.Minute
	// rekeyLimit bounds how long that takes.
	rekeyLimit = (rekeyRounds + 2) * shortLifetime
)

// rekeyLoss counts the packets that are lost while SAs are renewed.
func rekeyLoss(ctx context.Context, built images) ([]Figure, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lab, err := openServing(ctx)
	if err != nil {
		return nil, err
	}
	ours, err := lab.countRekeyLoss(ctx, testedBox(built, built.Release, shortLivedSite()), boxRekeys)
	if err != nil {
		return nil, err
	}
	peers, err := lab.countRekeyLoss(ctx, peer(built), swanctlRekeys)
	if err != nil {
		return nil, err
	}
	return []Figure{{
		ID: "rekey-loss", Ours: ours, Peer: peers, Unit: "packets", Absolute: true,
		Method: fmt.Sprintf("Packets lost per renewal of an SA, of a ping of a host in the branch to headquarters every %v. The hub renews child and IKE SA %d times each, then the spoke does at least as often: our box because its lifetimes are %v, the peer's strongSwan because swanctl asks for it. Target: none.",
			rekeyPing, rekeyRounds, shortLifetime),
	}}, nil
}

// shortLivedSite is the ordinary site with lifetimes of a minute.
func shortLivedSite() Site {
	return ordinarySite().Replace("farspoke.yaml", "lifetime: 1h",
		fmt.Sprintf("lifetime: %v\n    ike-lifetime: %v", shortLifetime, shortLifetime))
}

// countRekeyLoss boots a spoke, has the hub renew SAs and then the spoke, and
// returns how many packets were lost per renewal.
func (l *Lab) countRekeyLoss(ctx context.Context, kind kind, spokeRekeys func(context.Context, runner) (int, error)) (perRekey float64, err error) {
	spoke, err := l.bootSteady(ctx, kind)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, spoke.Close()) }()
	ping, stop, err := spoke.densePing(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, stop()) }()

	mark := ping.Mark()
	rekeys, err := swanctlRekeys(ctx, l.Hub)
	if err != nil {
		return 0, err
	}
	byHub := ping.Mark()
	more, err := spokeRekeys(ctx, spoke)
	if err != nil {
		return 0, err
	}
	// The last packets may still be on their way.
	end := ping.Mark()
	limited, cancel := context.WithTimeout(ctx, recoveryCap)
	defer cancel()
	if _, err := ping.Steady(limited, end, steadyPackets); err != nil {
		return 0, err
	}
	for _, part := range []struct {
		by        string
		from, end int
		rekeys    int
	}{{"hub", mark, byHub, rekeys}, {kind.name, byHub, end, more}} {
		lost, sent := ping.Lost(part.from, part.end)
		fmt.Fprintf(os.Stderr, "%s: the %s renewed %d SAs; %d of %d packets lost, at: %s\n",
			kind.name, part.by, part.rekeys, lost, sent, ping.Gaps(part.from, part.end))
	}
	lost, _ := ping.Lost(mark, end)
	return float64(lost) / float64(rekeys+more), nil
}

// densePing starts a ping that tells a short interruption better than the
// spoke's own.
func (s *Spoke) densePing(ctx context.Context) (ping *probe.Ping, stop func() error, err error) {
	err = s.at.Host.Do(func() (err error) {
		ping, err = probe.NewPing(s.at.host.Addr(), hqAddress.Addr(), rekeyPing)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- ping.Run(ctx) }()
	return ping, func() error { cancel(); return <-done }, nil
}

// renewals are the ways to have strongSwan renew an SA, and by what its listing
// shows that another has come in its place.
var renewals = []struct {
	command string
	spi     *regexp.Regexp
}{
	{"swanctl --rekey --child gre >/dev/null", regexp.MustCompile(`spi-in=([0-9a-f]+)`)},
	{"swanctl --rekey --ike dmvpn >/dev/null", regexp.MustCompile(`initiator-spi=([0-9a-f]+)`)},
}

// swanctlRekeys has a guest's strongSwan renew its SAs and returns how many.
func swanctlRekeys(ctx context.Context, guest runner) (rekeys int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, rekeyLimit, fmt.Errorf("not renewed within %v", rekeyLimit))
	defer cancel()
	for range rekeyRounds {
		for _, r := range renewals {
			before, err := guest.Run(ctx, "swanctl --list-sas --raw")
			if err != nil {
				return rekeys, err
			}
			if _, err := guest.Run(ctx, r.command); err != nil {
				return rekeys, err
			}
			for renewed := false; !renewed; {
				if err := pause(ctx, time.Second); err != nil {
					return rekeys, err
				}
				after, err := guest.Run(ctx, "swanctl --list-sas --raw")
				if err != nil {
					return rekeys, err
				}
				for _, spi := range r.spi.FindAllString(after, -1) {
					renewed = renewed || !strings.Contains(before, spi)
				}
			}
			rekeys++
			if err := pause(ctx, rekeyPause); err != nil {
				return rekeys, err
			}
		}
	}
	return rekeys, nil
}

// boxRekeys waits until our box has renewed its SAs and returns how many.
func boxRekeys(ctx context.Context, guest runner) (rekeys int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, rekeyLimit, fmt.Errorf("not renewed within %v", rekeyLimit))
	defer cancel()
	before, err := countRekeys(ctx, guest)
	if err != nil {
		return 0, err
	}
	for {
		if err := pause(ctx, rekeyPause); err != nil {
			return 0, err
		}
		now, err := countRekeys(ctx, guest)
		if err != nil {
			return 0, err
		}
		children, ikes := int(now.ChildRekeys-before.ChildRekeys), int(now.IKERekeys-before.IKERekeys)
		if children >= rekeyRounds && ikes >= rekeyRounds {
			return children + ikes, pause(ctx, rekeyPause)
		}
	}
}

// countRekeys returns the box's counters of its one peer.
func countRekeys(ctx context.Context, guest runner) (session.Counters, error) {
	status, err := boxStatus(ctx, guest)
	if err != nil {
		return session.Counters{}, err
	}
	for _, ipsec := range status.IPsec {
		for _, peer := range ipsec.Peers {
			return peer.Counters, nil
		}
	}
	return session.Counters{}, errors.New("the box has no IKE peer")
}
