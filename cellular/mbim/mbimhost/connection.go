package mbimhost

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Connection says what the network gave to a connection. It asks anew each time:
// address and MTU can change. If the network has ended the connection, the error
// says why besides.
func (m *Modem) Connection(ctx context.Context, session int) (modem.Connection, error) {
	state, err := m.connectionState(ctx, uint32(session))
	if err != nil {
		return modem.Connection{}, err
	}
	if state.State != mbim.ActivationStateActivated && state.State != mbim.ActivationStateUnknown {
		if cause := m.dropped(uint32(session)); cause != 0 {
			return modem.Connection{}, fmt.Errorf("%w: %w", modem.ErrNotConnected, refused(cause, "the network ended it"))
		}
		return modem.Connection{}, modem.ErrNotConnected
	}
	var ip mbim.IPConfiguration
	if err := m.do(ctx, mbim.Query, &mbim.IPConfiguration{Session: uint32(session)}, &ip); err != nil {
		return modem.Connection{}, err
	}
	c := modem.Connection{
		Address4: address(ip.IPv4, 32), Address6: address(ip.IPv6, 64),
		Gateway4: gateway(ip.IPv4), Gateway6: gateway(ip.IPv6),
	}
	for _, family := range []mbim.IPFamilyConfiguration{ip.IPv4, ip.IPv6} {
		if family.Available&mbim.IPConfigurationAvailableFlagDNS != 0 {
			c.DNS = append(c.DNS, family.DNS...)
		}
		if mtu := int(min(family.MTU, 0xffff)); family.Available&mbim.IPConfigurationAvailableFlagMTU != 0 && mtu > 0 && (c.MTU == 0 || mtu < c.MTU) {
			c.MTU = mtu
		}
	}
	return c, nil
}

// address returns the first address of a family, invalid if it has none. Some
// modems give no prefix length; it is usual then.
func address(family mbim.IPFamilyConfiguration, usual int) netip.Prefix {
	if family.Available&mbim.IPConfigurationAvailableFlagAddress == 0 {
		return netip.Prefix{}
	}
	for _, prefix := range family.Addresses {
		switch {
		case prefix.Addr().IsUnspecified():
			continue
		case prefix.Bits() == 0:
			return netip.PrefixFrom(prefix.Addr(), usual)
		}
		return prefix
	}
	return netip.Prefix{}
}

// gateway returns the gateway of a family, invalid if it has none.
func gateway(family mbim.IPFamilyConfiguration) netip.Addr {
	if family.Available&mbim.IPConfigurationAvailableFlagGateway == 0 || family.Gateway.IsUnspecified() {
		return netip.Addr{}
	}
	return family.Gateway
}

// Counters are the modem's own count of its traffic: MBIM has one for all
// connections together.
func (m *Modem) Counters(ctx context.Context, _ int) (modem.Counters, error) {
	if err := m.need(mbim.CmdPacketStatistics); err != nil {
		return modem.Counters{}, err
	}
	var s mbim.PacketStatistics
	err := m.query(ctx, mbim.CmdPacketStatistics, &s)
	return modem.Counters{OctetsIn: s.InOctets, OctetsOut: s.OutOctets, PacketsIn: s.InPackets, PacketsOut: s.OutPackets}, err
}
