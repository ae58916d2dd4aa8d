package qmihost

import (
	"context"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Connection says what the network gave to a connection.
func (m *Modem) Connection(ctx context.Context, session int) (modem.Connection, error) {
	var connection modem.Connection
	up, err := m.liveCalls(ctx, session)
	if err != nil {
		return connection, err
	}
	wanted := qmi.SettingAPN | qmi.SettingDNS | qmi.SettingAddress | qmi.SettingGateway | qmi.SettingMTU | qmi.SettingFamily
	for _, c := range up {
		var settings qmi.GetSettingsResponse
		if err := m.talk.ask(ctx, c.client, answerLimit, &qmi.GetSettingsRequest{Wanted: &wanted}, &settings); err != nil {
			return modem.Connection{}, outOfCall(err)
		}
		addSettings(&connection, settings)
	}
	connection.MTU = m.path.fit(connection.MTU)
	return connection, nil
}

// liveCalls returns those of the session's calls that are up, by the modem's word
// and not by what it may have failed to tell. A connection that has lost its IPv4 is
// none: it would be taken for that of a network which never had any.
func (m *Modem) liveCalls(ctx context.Context, session int) ([]call, error) {
	if m.restarted.Load() {
		return nil, modem.ErrNotConnected
	}
	var up []call
	for _, p := range m.callsOf(session) {
		c := m.calls[p]
		var got qmi.GetPacketStatusResponse
		if err := m.talk.ask(ctx, c.client, answerLimit, &qmi.GetPacketStatusRequest{}, &got); exceptNo(err) != nil {
			return nil, err
		}
		if isUp(got.Status) {
			up = append(up, c)
		} else if p.family == qmi.FamilyIPv4 {
			return nil, modem.ErrNotConnected
		}
	}
	if len(up) == 0 {
		return nil, modem.ErrNotConnected
	}
	return up, nil
}

// isUp reports whether a call is up. A suspended one is, and will go on by itself.
func isUp(s qmi.ConnectionStatus) bool { return s == qmi.Connected || s == qmi.Suspended }

// outOfCall is err, or that there is no connection if it says so.
func outOfCall(err error) error {
	if code, refused := qmi.Refused(err); refused && (code == qmi.ErrOutOfCall || code == qmi.ErrInvalidClientID) {
		return modem.ErrNotConnected
	}
	return known(err)
}

// addSettings adds the settings of a call to those of the connection.
func addSettings(c *modem.Connection, s qmi.GetSettingsResponse) {
	if v4 := s.IPv4; v4.Address != nil && !v4.Address.IsUnspecified() {
		c.Address4 = netip.PrefixFrom(*v4.Address, prefixLength(v4.Mask))
		c.Gateway4 = specified(v4.Gateway)
	}
	if v6 := s.IPv6; v6.Address != nil && !v6.Address.Addr().IsUnspecified() {
		c.Address6 = *v6.Address
		if v6.Gateway != nil {
			c.Gateway6 = specified(new(v6.Gateway.Addr()))
		}
	}
	for _, server := range []*netip.Addr{s.IPv4.DNS1, s.IPv4.DNS2, s.IPv6.DNS1, s.IPv6.DNS2} {
		if a := specified(server); a.IsValid() && !slices.Contains(c.DNS, a) {
			c.DNS = append(c.DNS, a)
		}
	}
	if s.MTU != nil && *s.MTU > 0 && *s.MTU <= maxMTU && (c.MTU == 0 || int(*s.MTU) < c.MTU) {
		c.MTU = int(*s.MTU)
	}
	if s.APN != nil && *s.APN != "" {
		c.APN = *s.APN
	}
}

// maxMTU is the longest IP packet.
const maxMTU = 0xffff

// prefixLength returns the length of the prefix that mask leaves, all of the
// address where mask is none.
func prefixLength(mask *netip.Addr) int {
	const all = 32
	if mask == nil || !mask.Is4() {
		return all
	}
	octets := mask.As4()
	number := binary.BigEndian.Uint32(octets[:])
	ones := bits.LeadingZeros32(^number)
	if ones == 0 || number<<ones != 0 {
		return all
	}
	return ones
}

// specified returns the address in a unless it stands for none.
func specified(a *netip.Addr) netip.Addr {
	if a == nil || a.IsUnspecified() {
		return netip.Addr{}
	}
	return *a
}

// Counters are the modem's own count of a connection's traffic.
func (m *Modem) Counters(ctx context.Context, session int) (modem.Counters, error) {
	var sum modem.Counters
	up, err := m.liveCalls(ctx, session)
	if err != nil {
		return sum, err
	}
	request := &qmi.GetStatisticsRequest{Counts: qmi.CountPacketsSent | qmi.CountPacketsReceived | qmi.CountOctetsSent | qmi.CountOctetsReceived}
	for _, c := range up {
		var got qmi.GetStatisticsResponse
		if err := m.talk.ask(ctx, c.client, answerLimit, request, &got); err != nil {
			return modem.Counters{}, outOfCall(err)
		}
		sum.PacketsOut += packets(got.PacketsSent)
		sum.PacketsIn += packets(got.PacketsReceived)
		sum.OctetsOut += octets(got.OctetsSent)
		sum.OctetsIn += octets(got.OctetsReceived)
	}
	return sum, nil
}

// packets returns a count of packets, 0 where the modem has none.
func packets(n *uint32) uint64 {
	const unknown = 0xffffffff
	if n == nil || *n == unknown {
		return 0
	}
	return uint64(*n)
}

// octets returns a count of octets, 0 where the modem has none.
func octets(n *uint64) uint64 {
	if n == nil {
		return 0
	}
	return *n
}
