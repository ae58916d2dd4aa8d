package virtual

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/cellular/modem"
)

// What a modem itself may say to a connection.
var (
	ErrNotAttached     = errors.New("there is no packet service")
	ErrTooManySessions = errors.New("the modem has no more connections")
	ErrInUse           = errors.New("the connection is up already, or about to be")
	ErrNotConnected    = errors.New("there is no such connection")
)

// The causes of the network's refusals (3GPP TS 24.301, 9.9.4.4).
const (
	unknownAPN     = modem.SessionCause(27)
	badCredentials = modem.SessionCause(29)
	regularEnd     = modem.SessionCause(36)
)

// Session is a connection, from the request on.
type Session struct {
	// Number is the host's.
	Number int
	Asked  modem.APN
	// Up: the network has said yes. Until then, and after the end, it is not.
	Up bool
	// Granted is what the network gave, and Families which ones.
	Granted  modem.Connection
	Families modem.Families
	// Cause is why the network gave less than asked for, or ended it.
	Cause    modem.SessionCause
	Counters modem.Counters

	apn     *APN
	waiting func(error) // for the network's answer
}

// Session returns the connection of a number.
func (m *Modem) Session(number int) (*Session, bool) {
	s, ok := m.sessions[number]
	return s, ok
}

// Sessions are the connections there are and those being made, by their numbers.
func (m *Modem) Sessions() []*Session {
	var all []*Session
	for _, number := range slices.Sorted(maps.Keys(m.sessions)) {
		all = append(all, m.sessions[number])
	}
	return all
}

// Connect asks the network for a connection. An error means that the modem did
// not even ask; else done has the answer, an error of which is a [modem.Refusal].
func (m *Modem) Connect(number int, apn modem.APN, done func(error)) error {
	switch {
	case m.SIMState() != modem.SIMReady:
		return ErrNoSIM
	case !m.radio.On():
		return ErrRadioOff
	case m.serving == nil:
		return ErrNotRegistered
	case !m.register.Attached:
		return ErrNotAttached
	case m.sessions[number] != nil:
		return ErrInUse
	case len(m.sessions) >= m.device.Sessions:
		return ErrTooManySessions
	}
	s := &Session{Number: number, Asked: apn, waiting: done}
	m.sessions[number] = s
	m.after(m.timing.Connect, func() {
		if s.waiting != nil {
			m.settle(s)
		}
	})
	return nil
}

// settle has the network answer a request for a connection.
func (m *Modem) settle(s *Session) {
	if cause := m.grant(s); cause != 0 {
		m.end(s, cause)
		return
	}
	done := s.waiting
	s.waiting, s.Up = nil, true
	done(nil)
	m.tell(Event{SessionChanged, s})
}

// Disconnect ends a connection and calls done when the network knows it.
func (m *Modem) Disconnect(number int, done func()) error {
	s, ok := m.sessions[number]
	if !ok {
		return ErrNotConnected
	}
	m.after(m.timing.Connect, func() {
		m.end(s, regularEnd)
		done()
	})
	return nil
}

// end ends s, or the request for it. It is all the same who ends it first.
func (m *Modem) end(s *Session, cause modem.SessionCause) {
	if m.sessions[s.Number] != s {
		return
	}
	delete(m.sessions, s.Number)
	s.Up, s.Cause = false, cause
	if done := s.waiting; done != nil {
		s.waiting = nil
		done(modem.Refusal{Cause: cause})
		return
	}
	m.tell(Event{SessionChanged, s})
}

// grant gives s its addresses, or is the cause for which it gets none.
func (m *Modem) grant(s *Session) modem.SessionCause {
	i := slices.IndexFunc(m.serving.APNs, func(a *APN) bool {
		return s.Asked.Name == "" && a.Default || s.Asked.Name != "" && sameName(s.Asked.Name)(a.Name)
	})
	if i < 0 {
		return unknownAPN
	}
	a := m.serving.APNs[i]
	if a.Refuse != 0 {
		return a.Refuse
	}
	if a.User != "" && (s.Asked.User != a.User || string(s.Asked.Password) != a.Password || a.Auth != modem.NoAuth && s.Asked.Auth != a.Auth) {
		return badCredentials
	}
	s.apn = a
	s.Families, s.Cause = a.offer(s.Asked.Families)
	if s.Families == modem.AnyFamily {
		return s.Cause
	}
	a.address(s)
	return 0
}

// families are those that a has.
func (a *APN) families() modem.Families {
	if a.Families == modem.AnyFamily {
		return modem.IPv4v6
	}
	return a.Families
}

// offer is what of the families asked for a has, AnyFamily for none, and the
// cause for which it is not all.
func (a *APN) offer(asked modem.Families) (modem.Families, modem.SessionCause) {
	has := a.families()
	if has == modem.IPv4v6 || asked == has {
		if asked == modem.AnyFamily {
			return has, 0
		}
		return asked, 0
	}
	cause := modem.CauseOnlyIPv4
	if has == modem.IPv6 {
		cause = modem.CauseOnlyIPv6
	}
	switch asked {
	case modem.AnyFamily:
		return has, 0
	case modem.IPv4v6:
		return has, cause
	}
	return modem.AnyFamily, cause
}

// address gives s new addresses.
func (a *APN) address(s *Session) {
	c := modem.Connection{MTU: a.MTU, APN: a.Name}
	a.given++
	if s.Families != modem.IPv6 {
		addr := a.Pool4.Masked().Addr().As4()
		addr[3] = byte(2 + a.given%252) // neither the network's own nor the last
		c.Address4, c.Gateway4 = linkTo(netip.AddrFrom4(addr))
	}
	if s.Families != modem.IPv4 {
		addr := a.Pool6.Masked().Addr().As16()
		addr[6], addr[7] = byte(a.given>>8), byte(a.given)
		addr[15] = 1
		c.Gateway6 = netip.AddrFrom16(addr)
		addr[8], addr[15] = 0x02, byte(0x10+a.given)
		c.Address6 = netip.PrefixFrom(netip.AddrFrom16(addr), 64)
	}
	for _, server := range a.DNS {
		if server.Is4() && s.Families != modem.IPv6 || server.Is6() && s.Families != modem.IPv4 {
			c.DNS = append(c.DNS, server)
		}
	}
	s.Granted = c
}

// Told is what the modem tells the host of what the network gave.
func (s *Session) Told() modem.Connection {
	c := s.Granted
	if !s.apn.ByRouter || !c.Address6.IsValid() {
		return c
	}
	b := c.Address6.Addr().As16()
	copy(b[:8], []byte{0xfe, 0x80, 0, 0, 0, 0, 0, 0})
	c.Address6, c.Gateway6 = netip.PrefixFrom(netip.AddrFrom16(b), c.Address6.Bits()), netip.Addr{}
	c.DNS = slices.DeleteFunc(slices.Clone(c.DNS), netip.Addr.Is6)
	return c
}

// linkTo makes up the smallest subnet in which addr is a host with a neighbour,
// as modems do for hosts that want a gateway.
func linkTo(addr netip.Addr) (own netip.Prefix, gateway netip.Addr) {
	for bits := 30; ; bits-- {
		own = netip.PrefixFrom(addr, bits)
		last := addr.As4()
		for i := bits; i < 32; i++ {
			last[i/8] |= 0x80 >> (i % 8)
		}
		network, broadcast := own.Masked().Addr(), netip.AddrFrom4(last)
		if addr == network || addr == broadcast {
			continue
		}
		if gateway = addr.Next(); gateway == broadcast {
			gateway = addr.Prev()
		}
		return own, gateway
	}
}

// sameName compares the names of APNs, which are not case-sensitive.
func sameName(name string) func(string) bool {
	return func(other string) bool { return strings.EqualFold(name, other) }
}
