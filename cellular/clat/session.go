package clat

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/farspoke/farspoke/cellular/clat/nat64"
	"github.com/farspoke/farspoke/cellular/ndp"
)

// session is one run of a CLAT: the search for a prefix, and what is made of it. All
// but the tasks is the run's own.
type session struct {
	*CLAT
	routers routers
	began   time.Time
	finder  nat64.Finder
	// pump translates; it is nil while there is no prefix.
	pump *pump
	// heard is what routers have advertised, and answers what name servers have
	// answered.
	heard   chan []nat64.Offer
	answers chan answer
	tasks   sync.WaitGroup
}

// answer is that of the name servers, all of them asked.
type answer struct {
	offers []nat64.Offer
	err    error
}

// errNoServer says that there is nobody to ask.
var errNoServer = errors.New("the network names no name server of IPv6")

func (s *session) now() time.Duration { return time.Since(s.began) }

// run asks and hears until ctx is done.
func (s *session) run(ctx context.Context) error {
	for {
		ask, again := s.finder.Due(s.now())
		if err := s.use(s.finder.Prefix()); err != nil {
			return err
		}
		metric, moved := s.metric.Load()
		if err := s.pump.prefer(metric); err != nil {
			return err
		}
		if ask.Routers {
			if err := s.routers.Solicit(); err != nil {
				s.log.Warn("routers cannot be asked for the NAT64's prefix", "err", err)
			}
		}
		if ask.Servers {
			s.tasks.Go(func() { s.ask(ctx) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(again - s.now()):
		case offers := <-s.heard:
			s.finder.Advertised(s.now(), offers)
		case a := <-s.answers:
			s.answered(a)
		case <-moved:
		case err := <-s.pump.failed():
			return err
		}
	}
}

// answered tells the finder what name servers said.
func (s *session) answered(a answer) {
	if a.err != nil {
		s.log.Debug("no name server says whether there is a NAT64", "err", a.err)
		s.finder.Unanswered(s.now())
		return
	}
	if len(a.offers) == 0 {
		s.log.Debug("the network's name servers know of no NAT64")
	}
	s.finder.Answered(s.now(), a.offers)
}

// use goes over to the prefix, if it is another one; no prefix ends the translation.
func (s *session) use(prefix nat64.Prefix) error {
	if s.pump.prefix() == prefix {
		return nil
	}
	switch {
	case !prefix.IsValid():
		s.log.Warn("the network has no NAT64 any more", "prefix", s.pump.prefix())
	case s.pump == nil:
		s.log.Info("IPv4 by the network's NAT64", "prefix", prefix)
	default:
		s.log.Info("the network's NAT64 has another prefix", "prefix", prefix, "before", s.pump.prefix())
	}
	return s.translate(prefix)
}

// translate begins to translate by the prefix, goes on by it, or ends.
func (s *session) translate(prefix nat64.Prefix) error {
	u := s.underlay
	u.Metric, _ = s.metric.Load()
	ours6 := sourceAddress(u)
	switch {
	case !prefix.IsValid():
		s.state.Set(State{})
		s.pump = s.pump.stop()
		return nil
	case s.pump == nil:
		device, err := s.kernel.Create(u, ours6)
		if err != nil {
			return err
		}
		s.pump = startPump(device, u, ours6, prefix, &s.counters)
	default:
		s.pump.change(prefix)
	}
	s.state.Set(State{
		Up: true, Device: u.Device, Index: s.pump.device.Index(),
		Address: netip.PrefixFrom(u.Address4, 32), Gateway: gateway, MTU: u.MTU - longer,
		NAT64: prefix.Prefix(), Address6: ours6,
	})
	return nil
}

// listen hears routers until the session closes their socket.
func (s *session) listen(ctx context.Context) {
	s.tasks.Go(func() {
		for {
			packet, err := s.routers.Receive()
			if err != nil {
				if ctx.Err() == nil {
					s.log.Warn("routers are not heard any more", "err", err)
				}
				return
			}
			advertisement, err := ndp.Parse(packet)
			if err != nil {
				s.log.Debug("a router is not understood", "err", err)
				continue
			}
			select {
			case s.heard <- nat64.Advertised(advertisement):
			case <-ctx.Done():
				return
			}
		}
	})
}

// patience is how long a name server is waited for.
const patience = 3 * time.Second

// ask asks each name server in turn until one answers.
func (s *session) ask(ctx context.Context) {
	a := answer{err: errNoServer}
	for _, server := range s.underlay.servers() {
		limited, cancel := context.WithTimeout(ctx, patience)
		a.offers, a.err = s.kernel.Ask(limited, s.underlay, server)
		cancel()
		if a.err == nil {
			break
		}
	}
	select {
	case s.answers <- a:
	case <-ctx.Done():
	}
}
