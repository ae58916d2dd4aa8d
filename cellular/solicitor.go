package cellular

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/ndp"
	"github.com/farspoke/farspoke/internal/link"
)

// routerPatience is for how long a network's router is waited for where there is
// nothing but IPv6. It takes several questions, for modems lose what is said at once.
const routerPatience = 45 * time.Second

// errNoRouter says why a connection with nothing but IPv6 came to nothing.
var errNoRouter = errors.New("no router of the network names an IPv6 prefix")

// routers are those of the link that a modem's device is.
type routers interface {
	// Solicit asks them to advertise, from our address on the link.
	Solicit(from netip.Addr) error
	// Receive returns the next packet of IPv6 that may be an advertisement.
	Receive() ([]byte, error)
	// Close ends Receive.
	Close() error
}

// solicitor completes an address of IPv6 of which the modem has told the interface
// identifier alone, by what the network's routers advertise. All methods may be
// called of a nil solicitor, which is that of a connection that needs none.
type solicitor struct {
	task
	identifier netip.Prefix
	index      int // of the device
	// alone: there is no IPv4 beside it.
	alone bool
	log   *slog.Logger
	// changed tells the Station that there is news.
	changed func()

	mu     sync.Mutex
	config ndp.Config
	// overdue: there is none although it has taken long. unread: something has changed
	// since apply.
	overdue, unread bool
}

// incomplete reports whether an address is an interface identifier in no prefix, or
// in that of the link alone.
func incomplete(address netip.Prefix) bool {
	unspecified := netip.PrefixFrom(netip.IPv6Unspecified(), 64)
	return address.IsValid() && (address.Addr().IsLinkLocalUnicast() || unspecified.Contains(address.Addr()))
}

// advertised returns c with an address of IPv6 that holds everywhere.
func (u *Underlay) advertised(c modem.Connection) (modem.Connection, error) {
	if !incomplete(c.Address6) {
		u.solicitor = u.solicitor.end()
		return c, nil
	}
	if !u.solicitor.fits(c.Address6, u.port) {
		u.solicitor = u.solicitor.end()
		conn, err := u.links.Routers(u.port)
		if err != nil {
			return c, err
		}
		u.solicitor = newSolicitor(conn, c.Address6, u.port.Index, u.log, u.changed)
	}
	u.solicitor.alone = !c.Address4.IsValid() && !c.DHCP
	return u.solicitor.apply(c), nil
}

// newSolicitor begins to ask by conn.
func newSolicitor(conn routers, identifier netip.Prefix, index int, log *slog.Logger, changed func()) *solicitor {
	s := &solicitor{identifier: identifier, index: index, log: log, changed: changed}
	s.task = begin(func(ctx context.Context) { s.run(ctx, conn, ndp.NewHost(identifier.Addr())) })
	return s
}

// fits reports whether the solicitor is for the identifier on the device.
func (s *solicitor) fits(identifier netip.Prefix, port link.Port) bool {
	return s != nil && s.identifier == identifier && s.index == port.Index
}

// end stops asking, and returns nil.
func (s *solicitor) end() *solicitor {
	if s != nil {
		s.task.end()
	}
	return nil
}

// apply gives c what was advertised, or no IPv6.
func (s *solicitor) apply(c modem.Connection) modem.Connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unread = false
	c.Address6, c.Gateway6 = s.config.Address, s.config.Router
	for _, server := range s.config.DNS {
		if !slices.Contains(c.DNS, server) {
			c.DNS = append(slices.Clip(c.DNS), server)
		}
	}
	c.MTU = tighter(c.MTU, s.config.MTU)
	return c
}

// news reports whether apply would have another result than last time.
func (s *solicitor) news() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.unread
}

// failed reports whether the connection is of no use, as no router says anything.
func (s *solicitor) failed() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.alone && s.overdue
}

// hold is what the connection waits for.
func (s *solicitor) hold() hold {
	if s == nil || !s.alone {
		return hold{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.config.Address.IsValid() {
		return hold{}
	}
	return hold{phase: Connecting, why: "waits for a router of the network to name the IPv6 prefix"}
}

// run is the host's owner.
func (s *solicitor) run(ctx context.Context, conn routers, host *ndp.Host) {
	var reading sync.WaitGroup
	defer reading.Wait()
	defer conn.Close()
	heard := make(chan ndp.Advertisement)
	reading.Go(func() { s.hear(ctx, conn, heard) })
	start := time.Now()
	patience := time.NewTimer(routerPatience)
	defer patience.Stop()
	for {
		now := time.Since(start)
		ask, again := host.Due(now)
		if s.note(host.Config()) {
			patience.Reset(routerPatience)
		}
		if ask {
			if err := conn.Solicit(host.LinkLocal()); err != nil {
				s.log.Warn("routers cannot be asked for the IPv6 prefix", "err", err) // it is as if it were lost
			}
		}
		select {
		case <-ctx.Done():
			return
		case a := <-heard:
			host.Advertised(time.Since(start), a)
		case <-time.After(again - now):
		case <-patience.C:
			s.giveUp()
		}
	}
}

// hear reads advertisements until the socket is closed.
func (s *solicitor) hear(ctx context.Context, conn routers, heard chan<- ndp.Advertisement) {
	for {
		packet, err := conn.Receive()
		if err != nil {
			if ctx.Err() == nil {
				s.log.Warn("routers are not heard any more", "err", err)
			}
			return
		}
		a, err := ndp.Parse(packet)
		if err != nil {
			s.log.Debug("a router is not understood", "err", err)
			continue
		}
		select {
		case heard <- a:
		case <-ctx.Done():
			return
		}
	}
}

// note takes over what the host has, and reports whether that is new.
func (s *solicitor) note(config ndp.Config) bool {
	s.mu.Lock()
	same := config.Equal(s.config)
	s.config, s.unread = config, s.unread || !same
	if config.Address.IsValid() {
		s.overdue = false
	}
	s.mu.Unlock()
	if !same {
		s.log.Info("the network's router says", "address6", config.Address, "gateway6", config.Router, "mtu", config.MTU)
		s.changed()
	}
	return !same
}

// giveUp says that it takes long, unless there is an address. It goes on asking.
func (s *solicitor) giveUp() {
	s.mu.Lock()
	s.overdue = !s.config.Address.IsValid()
	overdue := s.overdue
	s.mu.Unlock()
	if overdue {
		s.log.Warn("no router of the network names an IPv6 prefix", "waited", routerPatience)
		s.changed()
	}
}
