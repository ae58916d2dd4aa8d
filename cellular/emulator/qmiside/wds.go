package qmiside

import (
	"net"
	"net/netip"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// wds answers what can be answered at once; starting and stopping is in call.go.
func (s *Side) wds(c *client, request qmi.Body) qmi.Body {
	switch r := request.(type) {
	case *qmi.GetPacketStatusRequest:
		status := qmi.Disconnected
		if session := s.session(c); session != nil && session.Up {
			status = qmi.Connected
		}
		return &qmi.GetPacketStatusResponse{Status: status}
	case *qmi.GetSettingsRequest:
		session := s.session(c)
		if session == nil || !session.Up {
			return &qmi.GetSettingsResponse{Result: no(qmi.ErrOutOfCall)}
		}
		wanted := ^qmi.Settings(0)
		if r.Wanted != nil {
			wanted = *r.Wanted
		}
		return settings(session, wanted)
	case *qmi.GetStatisticsRequest:
		session := s.session(c)
		if session == nil || !session.Up {
			return &qmi.GetStatisticsResponse{Result: no(qmi.ErrOutOfCall)}
		}
		return statistics(session, r.Counts)
	case *qmi.SetDataEventsRequest:
		return &qmi.SetDataEventsResponse{} // there is nothing to report: a call is carried as it is
	case *qmi.SetCallEventsRequest:
		set(&c.settings, r.Settings)
		return &qmi.SetCallEventsResponse{}
	case *qmi.SetIPFamilyRequest:
		if r.Family != qmi.FamilyIPv4 && r.Family != qmi.FamilyIPv6 && r.Family != qmi.FamilyUnspecified {
			return &qmi.SetIPFamilyResponse{Result: no(qmi.ErrInvalidArgument)}
		}
		c.family = r.Family
		return &qmi.SetIPFamilyResponse{}
	case *qmi.BindMuxPortRequest:
		if r.Mux != nil {
			c.mux = *r.Mux
		}
		return &qmi.BindMuxPortResponse{}
	}
	return s.wdsProfile(request)
}

// settings has those of a session's settings that are wanted.
func settings(session *virtual.Session, wanted qmi.Settings) qmi.Body {
	g, answer := session.Told(), &qmi.GetSettingsResponse{}
	dns := map[bool][]*netip.Addr{}
	for _, server := range g.DNS {
		dns[server.Is4()] = append(dns[server.Is4()], &server)
	}
	dns[true], dns[false] = append(dns[true], nil, nil), append(dns[false], nil, nil)
	asked := func(which qmi.Settings) bool { return wanted&which != 0 }

	family := qmi.FamilyIPv4
	if session.Families == modem.IPv6 {
		family = qmi.FamilyIPv6
	}
	if asked(qmi.SettingFamily) {
		answer.Family = &family
	}
	if asked(qmi.SettingAPN) {
		answer.APN = &g.APN
	}
	if asked(qmi.SettingMTU) && g.MTU != 0 {
		answer.MTU = new(uint32(g.MTU))
	}
	if family == qmi.FamilyIPv6 {
		if asked(qmi.SettingAddress) {
			answer.IPv6.Address = &g.Address6
		}
		if asked(qmi.SettingGateway) && g.Gateway6.IsValid() {
			answer.IPv6.Gateway = new(netip.PrefixFrom(g.Gateway6, g.Address6.Bits()))
		}
		if asked(qmi.SettingDNS) {
			answer.IPv6.DNS1, answer.IPv6.DNS2 = dns[false][0], dns[false][1]
		}
		return answer
	}
	if asked(qmi.SettingAddress) {
		answer.IPv4.Address = new(g.Address4.Addr())
	}
	if asked(qmi.SettingGateway) {
		mask, _ := netip.AddrFromSlice(net.CIDRMask(g.Address4.Bits(), 32))
		answer.IPv4.Gateway, answer.IPv4.Mask = &g.Gateway4, &mask
	}
	if asked(qmi.SettingDNS) {
		answer.IPv4.DNS1, answer.IPv4.DNS2 = dns[true][0], dns[true][1]
	}
	return answer
}

// statistics has those of a session's counts that are wanted.
func statistics(session *virtual.Session, wanted qmi.Counts) qmi.Body {
	counts, answer := session.Counters, &qmi.GetStatisticsResponse{}
	if wanted&qmi.CountPacketsSent != 0 {
		answer.PacketsSent = new(uint32(counts.PacketsOut))
	}
	if wanted&qmi.CountPacketsReceived != 0 {
		answer.PacketsReceived = new(uint32(counts.PacketsIn))
	}
	if wanted&qmi.CountOctetsSent != 0 {
		answer.OctetsSent = &counts.OctetsOut
	}
	if wanted&qmi.CountOctetsReceived != 0 {
		answer.OctetsReceived = &counts.OctetsIn
	}
	return answer
}
