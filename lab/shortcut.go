package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/lab/probe"
)

const (
	// directRouters are on the way between two branches' hosts when it is direct:
	// the spokes. By the hub there is one more.
	directRouters, byHubRouters = 2, 3
	// directPackets in a row that take the direct path both ways mean that it is
	// there.
	directPackets = 20
	// directPing is how often one branch's host asks the other's.
	directPing = 50 * time.Millisecond
	// directLimit bounds the wait for a direct path.
	directLimit = 40 * time.Second
)

// natCase is who of two spokes is behind a NAT: the caller, which has traffic for
// the other first, or the one that it is for.
type natCase struct {
	name           string
	caller, called bool
}

// direct reports whether there can be a direct path: one end must be reachable.
func (c natCase) direct() bool { return !c.caller || !c.called }

var natCases = []natCase{
	{name: "no-nat"},
	{name: "caller-natted", caller: true},
	{name: "called-natted", called: true},
	{name: "both-natted", caller: true, called: true},
}

// openSite is the ordinary site without authentication in NHRP, which FRR 8.4 does
// not know: a spoke of it has none to show, and a hub of it passes on no question
// that has.
func openSite() Site {
	return ordinarySite().
		Replace("farspoke.yaml", "      authentication: {secret: nhrp-hq}\n", "").
		Replace("secrets.yaml", "nhrp-hq: branch17\n", "")
}

// pair is a spoke at each branch, of which only the hub knows so far.
type pair struct {
	lab            *Lab
	caller, called *Spoke
}

// bootPair starts a spoke at each branch, which the carrier hides as the case has
// it, and waits until both carry traffic to headquarters.
func (l *Lab) bootPair(ctx context.Context, c natCase, caller, called kind) (*pair, error) {
	var behind []*Branch
	if c.caller {
		behind = append(behind, l.First)
	}
	if c.called {
		behind = append(behind, l.Second)
	}
	_, err := l.Hub.Run(ctx, "nft flush set inet shorter told")
	if err := errors.Join(err, l.ForgetSpoke(ctx), l.Translate(ctx, behind...)); err != nil {
		return nil, err
	}
	p := &pair{lab: l}
	if p.caller, err = l.BootAt(ctx, l.First, caller); err != nil {
		return nil, err
	}
	if p.called, err = l.BootAt(ctx, l.Second, called); err != nil {
		return nil, errors.Join(err, p.caller.Close())
	}
	limited, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("not there after %v", startLimit))
	defer cancel()
	for _, s := range []*Spoke{p.caller, p.called} {
		if _, err := s.Ping.Steady(limited, 0, steadyPackets); err != nil {
			p.dump()
			return nil, errors.Join(fmt.Errorf("the %s: %w", s.Name, err), p.Close())
		}
	}
	return p, nil
}

// Close pulls the plugs, and hides both branches as usual.
func (p *pair) Close() error {
	return errors.Join(p.caller.Close(), p.called.Close(), p.lab.Translate(context.Background(), p.lab.branches()...))
}

// dump writes what the spokes and the hub have to say to standard error.
func (p *pair) dump() {
	ctx := context.Background()
	for _, s := range []*Spoke{p.caller, p.called} {
		s.dump(40)
		command := `swanctl --list-sas; vtysh -c "show ip nhrp cache" -c "show ip nhrp shortcut"`
		if s.kind.name == "box" {
			command = "/init show dmvpn detail; /init show firewall"
		}
		command += "; " + showLosses
		limited, cancel := context.WithTimeout(ctx, showLimit)
		out, err := s.Run(limited, command)
		cancel()
		fmt.Fprintf(os.Stderr, "%s (%v):\n%s\n", s.Name, err, out)
	}
	p.lab.show(ctx, os.Stderr)
}

// meeting is what is seen of traffic between the hosts of a pair, from the
// caller's first packet on.
type meeting struct {
	ping     *probe.Ping
	arrivals *probe.Arrivals
	// redirected is when the hub told the caller of a shorter way.
	redirected time.Time
	stop       func() error
}

// meet lets the caller's host ask the other's until stop is called.
func (p *pair) meet(ctx context.Context) (*meeting, error) {
	m := new(meeting)
	from, to := p.caller.at, p.called.at
	err := from.Host.Do(func() (err error) {
		m.ping, err = probe.NewPing(from.host.Addr(), to.host.Addr(), directPing)
		return err
	})
	if err != nil {
		return nil, err
	}
	err = to.Host.Do(func() (err error) {
		m.arrivals, err = probe.NewArrivals(to.host.Addr(), m.ping)
		return err
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var tasks errgroup.Group
	m.stop = func() error { cancel(); return tasks.Wait() }
	mark := p.lab.Hub.Console.Mark()
	tasks.Go(func() error { return m.arrivals.Run(ctx) })
	tasks.Go(func() error { return m.ping.Run(ctx) })

	limited, done := context.WithTimeoutCause(ctx, startLimit, errors.New("the hub has redirected nobody"))
	defer done()
	line, err := p.lab.Hub.Console.Wait(limited, mark, `(?i)traffic.indication`)
	if err != nil {
		return nil, errors.Join(err, m.stop())
	}
	m.redirected = line.At
	return m, nil
}

// direct waits until packets take the direct path both ways, and returns how long
// after the redirect the first one came.
func (m *meeting) direct(ctx context.Context) (time.Duration, error) {
	run, number := 0, 0
	for run < directPackets {
		answered, _, err := m.ping.Answer(ctx, number)
		if err != nil {
			return 0, fmt.Errorf("no direct path: %w", err)
		}
		there, back := m.arrivals.Routers(answered)
		if run++; answered != number || there != directRouters || back != directRouters {
			run = 0
		}
		number = answered + 1
	}
	at, _ := m.arrivals.First(0, directRouters)
	return at.Sub(m.redirected), nil
}

// onHub waits for the given time, and reports whether all packets that were
// answered meanwhile went by the hub.
func (m *meeting) onHub(ctx context.Context, wait time.Duration) (bool, error) {
	if err := pause(ctx, wait); err != nil {
		return false, err
	}
	_, left := m.arrivals.First(0, directRouters)
	return !left, nil
}

// lost returns how many packets were lost up to now, but for those that may still
// be answered.
func (m *meeting) lost() (lost, sent int) {
	return m.ping.Lost(0, m.ping.Mark()-int(time.Second/directPing))
}
