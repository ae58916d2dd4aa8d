package mbimside

import (
	"errors"
	"net/netip"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

func (s *Side) connect(request mbim.Body, later func(*reply)) *reply {
	switch r := request.(type) {
	case *mbim.Connection:
		if r.Session >= uint32(s.modem.Device().Sessions) {
			return no(mbim.StatusInvalidParameters)
		}
		return ok(s.connection(int(r.Session)))
	case *mbim.Connect:
		switch {
		case r.Session >= uint32(s.modem.Device().Sessions):
			return no(mbim.StatusInvalidParameters)
		case r.Command == mbim.ActivationCommandActivate:
			return s.activate(r, later)
		case r.Command == mbim.ActivationCommandDeactivate:
			return s.deactivate(int(r.Session), later)
		}
	}
	return no(mbim.StatusInvalidParameters)
}

func (s *Side) activate(r *mbim.Connect, later func(*reply)) *reply {
	const longestAPN, longestOther = 100, 255
	number := int(r.Session)
	switch {
	case r.ContextType != mbim.ContextTypeInternet && r.ContextType != mbim.ContextTypeNone:
		return no(mbim.StatusContextNotSupported)
	case len(r.AccessString) > longestAPN || len(r.UserName) > longestOther || len(r.Password) > longestOther:
		return no(mbim.StatusParameterTooLong)
	case r.Auth > mbim.AuthProtocolMSCHAPv2 || r.IPType > mbim.ContextIPTypeIPv4AndIPv6:
		return no(mbim.StatusInvalidParameters)
	}
	apn := modem.APN{
		Name: r.AccessString, User: r.UserName, Password: modem.Password(r.Password),
		Auth: modem.Auth(r.Auth), Families: familiesOf(r.IPType),
	}
	err := s.modem.Connect(number, apn, func(err error) {
		var refusal modem.Refusal
		if errors.As(err, &refusal) {
			answer := s.connection(number)
			answer.NwError = mbim.NwError(refusal.Cause)
			later(&reply{refused(refusal.Cause), answer})
			return
		}
		s.connecting, _ = s.modem.Session(number)
		later(ok(s.connection(number)))
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, virtual.ErrNoSIM):
		return no(s.simStatus())
	case errors.Is(err, virtual.ErrRadioOff):
		return no(mbim.StatusRadioPowerOff)
	case errors.Is(err, virtual.ErrNotRegistered):
		return no(mbim.StatusNotRegistered)
	case errors.Is(err, virtual.ErrNotAttached):
		return no(mbim.StatusPacketServiceDetached)
	}
	return no(mbim.StatusMaxActivatedContexts) // it is up already, or others are
}

// refused is the status for a network's cause.
func refused(cause modem.SessionCause) mbim.Status {
	const unknownAPN, authentication, notSubscribed = 27, 29, 33
	switch cause {
	case unknownAPN, notSubscribed:
		return mbim.StatusInvalidAccessString
	case authentication:
		return mbim.StatusInvalidUserNamePwd
	}
	return mbim.StatusFailure
}

func (s *Side) deactivate(number int, later func(*reply)) *reply {
	err := s.modem.Disconnect(number, func() {
		delete(s.closing, number)
		later(ok(s.connection(number)))
	})
	if err != nil {
		return no(mbim.StatusContextNotActivated)
	}
	s.closing[number] = true
	return nil
}

// connection is how far a connection is.
func (s *Side) connection(number int) *mbim.Connection {
	c := &mbim.Connection{Session: uint32(number), State: mbim.ActivationStateDeactivated, ContextType: mbim.ContextTypeInternet}
	if session, there := s.modem.Session(number); there {
		c.State, c.NwError = mbim.ActivationStateActivating, mbim.NwError(session.Cause)
		if session.Up {
			c.State, c.IPType = mbim.ActivationStateActivated, ipType(session.Families)
		}
	}
	return c
}

func ipType(f modem.Families) mbim.ContextIPType {
	switch f {
	case modem.IPv4:
		return mbim.ContextIPTypeIPv4
	case modem.IPv6:
		return mbim.ContextIPTypeIPv6
	case modem.IPv4v6:
		return mbim.ContextIPTypeIPv4v6
	}
	return mbim.ContextIPTypeDefault
}

func familiesOf(t mbim.ContextIPType) modem.Families {
	switch t {
	case mbim.ContextIPTypeIPv4:
		return modem.IPv4
	case mbim.ContextIPTypeIPv6:
		return modem.IPv6
	case mbim.ContextIPTypeIPv4v6, mbim.ContextIPTypeIPv4AndIPv6:
		return modem.IPv4v6
	}
	return modem.AnyFamily
}

func (s *Side) ipConfiguration(request mbim.Body) *reply {
	r, asked := request.(*mbim.IPConfiguration)
	if !asked {
		return no(mbim.StatusInvalidParameters)
	}
	session, there := s.modem.Session(int(r.Session))
	if !there || !session.Up {
		return no(mbim.StatusContextNotActivated)
	}
	return ok(ipConfiguration(session))
}

func ipConfiguration(session *virtual.Session) *mbim.IPConfiguration {
	g := session.Told()
	c := &mbim.IPConfiguration{Session: uint32(session.Number)}
	if g.Address4.IsValid() {
		c.IPv4 = family(g.Address4, g.Gateway4, g.DNS, g.MTU)
	}
	if g.Address6.IsValid() {
		c.IPv6 = family(g.Address6, g.Gateway6, g.DNS, g.MTU)
	}
	return c
}

// family is what the network gave of the family of address.
func family(address netip.Prefix, gateway netip.Addr, dns []netip.Addr, mtu int) mbim.IPFamilyConfiguration {
	c := mbim.IPFamilyConfiguration{
		Available: mbim.IPConfigurationAvailableFlagAddress,
		Addresses: []netip.Prefix{address}, Gateway: gateway, MTU: uint32(mtu),
	}
	if gateway.IsValid() {
		c.Available |= mbim.IPConfigurationAvailableFlagGateway
	}
	for _, server := range dns {
		if server.Is4() == address.Addr().Is4() {
			c.Available |= mbim.IPConfigurationAvailableFlagDNS
			c.DNS = append(c.DNS, server)
		}
	}
	if mtu != 0 {
		c.Available |= mbim.IPConfigurationAvailableFlagMTU
	}
	return c
}

// statistics counts what all connections have carried.
func (s *Side) statistics() *reply {
	counts := &mbim.PacketStatistics{}
	up := false
	for _, session := range s.modem.Sessions() {
		up = up || session.Up
		counts.InOctets += session.Counters.OctetsIn
		counts.InPackets += session.Counters.PacketsIn
		counts.OutOctets += session.Counters.OctetsOut
		counts.OutPackets += session.Counters.PacketsOut
	}
	if !up {
		return no(mbim.StatusContextNotActivated)
	}
	return ok(counts)
}
