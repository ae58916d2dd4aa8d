package virtual

import (
	"net/netip"
	"slices"
)

// SetCarrier has f called with each packet that goes to the network. It must not
// wait.
func (m *Modem) SetCarrier(f func(packet []byte)) { m.carrier = f }

// Send sends an IP packet from the host over a connection. What the network
// would not take is lost, as anywhere.
func (m *Modem) Send(number int, packet []byte) {
	s, ok := m.sessions[number]
	source, ip := address(packet, 12, 8)
	if !ok || !s.Up || !ip || !s.owns(source) {
		return
	}
	s.Counters.PacketsOut++
	s.Counters.OctetsOut += uint64(len(packet))
	if m.dataLost {
		return
	}
	if answer, ok := s.advertise(packet); ok {
		m.deliver(s, answer)
		return
	}
	m.carrier(packet)
}

// SendBySource sends an IP packet over the connection that its source address
// belongs to, for hosts that do not say which one they mean.
func (m *Modem) SendBySource(packet []byte) {
	source, ok := address(packet, 12, 8)
	if !ok {
		return
	}
	for _, s := range m.Sessions() {
		if s.owns(source) {
			m.Send(s.Number, packet)
			return
		}
	}
}

// Deliver brings an IP packet from the network to the host, if its destination
// is one of ours.
func (m *Modem) Deliver(packet []byte) {
	destination, ok := address(packet, 16, 24)
	if !ok || m.dataLost {
		return
	}
	for _, s := range m.Sessions() {
		if s.Up && s.owns(destination) {
			m.deliver(s, packet)
			return
		}
	}
}

func (m *Modem) deliver(s *Session, packet []byte) {
	s.Counters.PacketsIn++
	s.Counters.OctetsIn += uint64(len(packet))
	for _, r := range m.receivers {
		r.receive(s.Number, packet)
	}
}

type receiver struct {
	receive func(number int, packet []byte)
}

// Receive has f called inside of Do with each packet from the network and the
// number of its connection, until stop is called. It must not wait.
func (m *Modem) Receive(f func(number int, packet []byte)) (stop func()) {
	r := &receiver{f}
	m.receivers = append(m.receivers, r)
	return func() {
		m.receivers = slices.DeleteFunc(slices.Clone(m.receivers), func(o *receiver) bool { return o == r })
	}
}

// owns reports whether a is an address of s: the one of IPv4, any of the prefix
// of IPv6, or a link-local one.
func (s *Session) owns(a netip.Addr) bool {
	g := s.Granted
	return g.Address4.IsValid() && a == g.Address4.Addr() ||
		g.Address6.IsValid() && (g.Address6.Masked().Contains(a) || a.Is6() && (a.IsLinkLocalUnicast() || a.IsUnspecified()))
}

// address reads the address at one of the offsets, for IPv4 and IPv6, of a packet.
func address(packet []byte, offset4, offset6 int) (netip.Addr, bool) {
	switch {
	case len(packet) >= 20 && packet[0]>>4 == 4:
		return netip.AddrFrom4([4]byte(packet[offset4:])), true
	case len(packet) >= 40 && packet[0]>>4 == 6:
		return netip.AddrFrom16([16]byte(packet[offset6:])), true
	}
	return netip.Addr{}, false
}
