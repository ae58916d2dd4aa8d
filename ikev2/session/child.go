package session

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// childSA is one pair of ESP SAs.
type childSA struct {
	// Owner is our SPI of the IKE SA it belongs to.
	Owner uint64
	// SPIIn is ours, SPIOut the peer's.
	SPIIn, SPIOut   uint32
	Local, Remote   netip.AddrPort
	Encap           bool
	Suite           suite.ESP
	KeyIn, KeyOut   suite.Direction
	HasIn, HasOut   bool
	Created         Instant
	RekeyAt, HardAt Instant
	// Replaces is the SPIIn of the child SA that the peer replaced by this one.
	// Only once we stop sending on the old one, because the peer deletes it or at
	// ActivateAt, is the peer sure to take what we send on the new one (RFC 7296
	// section 2.8).
	Replaces   uint32
	ActivateAt Instant
	// Retired says that another took its place and traffic no longer leaves on
	// it.
	Retired bool
	// Delete says that it is on us to delete it at the peer, and DeleteAt when it
	// will be if the peer, whose turn it is, does not. RemoveAt is when what is
	// left of it goes, once both have deleted it. 0 is never.
	Delete             bool
	DeleteAt, RemoveAt Instant
	// PacketsIn and PacketsOut are what the kernel has counted.
	PacketsIn, PacketsOut uint64
}

func (c *childSA) in() SA {
	return SA{Local: c.Local, Remote: c.Remote, Inbound: true, SPI: c.SPIIn, Encap: c.Encap, Suite: c.Suite, Keys: c.KeyIn}
}

func (c *childSA) outbound() SA {
	return SA{Local: c.Local, Remote: c.Remote, SPI: c.SPIOut, Encap: c.Encap, Suite: c.Suite, Keys: c.KeyOut}
}

// addChild makes a child SA of what an exchange agreed on. It installs nothing.
func (s *Session) addChild(sa *ikeSA, initiated bool, in, out uint32, esp suite.ESP, c suite.Contribution) *childSA {
	keys := esp.Keys(sa.Suite, sa.Keys.Derive, c)
	child := &childSA{
		Owner: sa.localSPI(), SPIIn: in, SPIOut: out,
		Local: sa.Local, Remote: sa.Remote, Encap: sa.encap(), Suite: esp,
		KeyIn: keys.Initiator, KeyOut: keys.Responder,
		Created: s.now,
		HardAt:  s.now + s.config.Lifetime,
	}
	if initiated {
		child.KeyIn, child.KeyOut = keys.Responder, keys.Initiator
	}
	// The side that made the SA rekeys it a little earlier, so that both seldom
	// try at once.
	margin := s.config.Lifetime / 5
	if !initiated {
		margin = s.config.Lifetime / 8
	}
	child.RekeyAt = s.now + s.jitter(s.config.Lifetime-margin, 10)
	s.state.Children = append(s.state.Children, child)
	return child
}

func (s *Session) installIn(c *childSA) {
	c.HasIn = true
	s.out.Install = append(s.out.Install, c.in())
}

func (s *Session) installOut(c *childSA) {
	if c.HasOut {
		return
	}
	c.HasOut, c.ActivateAt = true, 0
	s.out.Install = append(s.out.Install, c.outbound())
}

func (s *Session) removeIn(c *childSA) {
	if c.HasIn {
		c.HasIn = false
		s.uninstall(c.in())
	}
}

// uninstall removes an SA, which then need not follow the peer any more.
func (s *Session) uninstall(sa SA) {
	s.out.Update = slices.DeleteFunc(s.out.Update, func(u SA) bool { return u.SPI == sa.SPI && u.Inbound == sa.Inbound })
	s.out.Remove = append(s.out.Remove, sa)
}

func (s *Session) removeOut(c *childSA) {
	if c.HasOut {
		c.HasOut = false
		s.uninstall(c.outbound())
	}
}

// retire ends the use of a child SA for sending, in favour of the one that
// replaces it. Packets on their way to us are still taken.
func (s *Session) retire(c *childSA) {
	if successor := s.replacedBy(c); successor != nil {
		s.installOut(successor)
		successor.Replaces = 0
	}
	c.Retired, c.ActivateAt = true, 0
	s.removeOut(c)
}

// replacedBy returns the child SA by which the peer replaced c.
func (s *Session) replacedBy(c *childSA) *childSA {
	for _, other := range slices.Backward(s.state.Children) {
		if other.Replaces == c.SPIIn && !other.Retired {
			return other
		}
	}
	return nil
}

// standBy makes fresh, which the peer made, take the place of old as soon as the
// peer deletes that, or in a while.
func (s *Session) standBy(fresh, old *childSA, while time.Duration) {
	s.installIn(fresh)
	fresh.Replaces, fresh.ActivateAt = old.SPIIn, s.now+while
}

// activate sends by a child SA that the peer made to replace another. It has
// not deleted that, so we do.
func (s *Session) activate(c *childSA) {
	old := s.childIn(c.Replaces)
	if old == nil {
		s.installOut(c)
		return
	}
	s.retire(old)
	old.Delete = true
}

// redundant takes out of use the child SA of a simultaneous rekeying that does
// not stand. The peer made it and deletes it; if it does not, we do.
func (s *Session) redundant(c *childSA) {
	c.Replaces = 0
	s.retire(c)
	c.DeleteAt = s.now + lingerTime
}

// drain lets a child SA that both sides have deleted end, after what is on its
// way has arrived.
func (s *Session) drain(c *childSA) {
	s.retire(c)
	c.Delete, c.DeleteAt, c.RemoveAt = false, 0, s.now+drainTime
}

// drainAll ends the child SAs of an IKE SA, the newest first: none takes the
// place of another any more.
func (s *Session) drainAll(sa *ikeSA) {
	for _, c := range slices.Backward(s.children()) {
		if c.Owner == sa.localSPI() && c.RemoveAt == 0 {
			s.drain(c)
		}
	}
}

func (s *Session) removeChild(c *childSA) {
	s.retire(c)
	s.removeIn(c)
	s.state.Children = slices.DeleteFunc(s.state.Children, func(other *childSA) bool { return other == c })
}

// current returns the child SA that carries traffic, nil if there is none.
func (s *Session) current() *childSA {
	for _, c := range slices.Backward(s.state.Children) {
		if c.HasOut && !c.Retired {
			return c
		}
	}
	return nil
}

func (s *Session) childIn(spi uint32) *childSA {
	i := slices.IndexFunc(s.state.Children, func(c *childSA) bool { return c.SPIIn == spi })
	if i < 0 {
		return nil
	}
	return s.state.Children[i]
}

func (s *Session) childOut(owner uint64, spi uint32) *childSA {
	i := slices.IndexFunc(s.state.Children, func(c *childSA) bool { return c.SPIOut == spi && c.Owner == owner })
	if i < 0 {
		return nil
	}
	return s.state.Children[i]
}

// move gives all child SAs of one IKE SA to another.
func (s *Session) move(from, to *ikeSA) {
	for _, c := range s.state.Children {
		if c.Owner == from.localSPI() {
			c.Owner = to.localSPI()
		}
	}
	to.Wide, to.NamedUs, to.NamedPeer = from.Wide, from.NamedUs, from.NamedPeer
	to.PeerName = from.PeerName
}

// InstalledSAs returns what the kernel must have if it and the Session agree.
func (s *Session) InstalledSAs() []SA {
	var all []SA
	for _, c := range s.state.Children {
		if c.HasIn {
			all = append(all, c.in())
		}
		if c.HasOut {
			all = append(all, c.outbound())
		}
	}
	return all
}

// SAExpired tells that the kernel counted an SA to its limit of packets or
// bytes. Once hard, it is gone.
func (s *Session) SAExpired(now Instant, spi uint32, hard bool) Effects {
	return s.step(now, func() {
		for _, c := range s.children() {
			if c.SPIIn != spi && c.SPIOut != spi {
				continue
			}
			c.RekeyAt = min(c.RekeyAt, now)
			if hard {
				c.HasIn, c.HasOut = c.HasIn && c.SPIIn != spi, c.HasOut && c.SPIOut != spi
				c.HardAt = now
			}
		}
	})
}

// SALost tells that an installed SA is not in the kernel any more, for a reason
// of which the kernel said nothing. IKE does not need it to agree on another; if
// the peer does not follow soon, the other half ends too.
func (s *Session) SALost(now Instant, spi uint32) Effects {
	return s.step(now, func() {
		for _, c := range s.state.Children {
			if (c.SPIIn == spi || c.SPIOut == spi) && !c.Retired {
				c.RekeyAt = min(c.RekeyAt, now)
				c.HardAt = min(c.HardAt, now+lingerTime)
			}
		}
	})
}

// SAFailed tells that the kernel did not take an SA.
func (s *Session) SAFailed(now Instant, spi uint32, cause error) Effects {
	return s.step(now, func() {
		for _, c := range s.children() {
			if c.SPIIn != spi && c.SPIOut != spi {
				continue
			}
			sa := s.bySPI(c.Owner)
			s.removeChild(c)
			if sa != nil {
				s.close(sa)
			}
			s.failed("the kernel refuses the ESP SA (" + c.Suite.String() + "): " + cause.Error())
		}
	})
}

func espSPI(p wire.Proposal) (uint32, bool) {
	if len(p.SPI) != 4 {
		return 0, false
	}
	spi := binary.BigEndian.Uint32(p.SPI)
	return spi, spi >= 256
}

func espOctets(spi uint32) []byte { return binary.BigEndian.AppendUint32(nil, spi) }
