package mbimhost

import (
	"context"
	"fmt"
	"slices"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

var (
	auths = map[modem.Auth]mbim.AuthProtocol{
		modem.NoAuth: mbim.AuthProtocolNone, modem.PAP: mbim.AuthProtocolPAP, modem.CHAP: mbim.AuthProtocolCHAP,
		modem.MSCHAPv2: mbim.AuthProtocolMSCHAPv2,
	}
	ipTypes = map[modem.Families]mbim.ContextIPType{
		modem.AnyFamily: mbim.ContextIPTypeDefault, modem.IPv4: mbim.ContextIPTypeIPv4, modem.IPv6: mbim.ContextIPTypeIPv6,
		modem.IPv4v6: mbim.ContextIPTypeIPv4v6,
	}
)

// apnOf returns attach settings as an APN.
func apnOf(s mbim.AttachSettings) modem.APN {
	apn := modem.APN{Name: s.AccessString, User: s.UserName, Password: modem.Password(s.Password)}
	for auth, theirs := range auths {
		if theirs == s.Auth {
			apn.Auth = auth
		}
	}
	for families, theirs := range ipTypes {
		if theirs == s.IPType {
			apn.Families = families
		}
	}
	if s.IPType == mbim.ContextIPTypeIPv4AndIPv6 {
		apn.Families = modem.IPv4v6
	}
	return apn
}

// AttachAPN is the APN that the modem asks for when it registers at home.
func (m *Modem) AttachAPN(ctx context.Context) (modem.APN, error) {
	settings, err := m.attachSettings(ctx)
	if err != nil {
		return modem.APN{}, err
	}
	if apn, ok := homeAPN(settings); ok {
		return apn, nil
	}
	return modem.APN{}, fmt.Errorf("%v: the modem has none for its home network", mbim.CmdLTEAttachConfiguration)
}

// SetAttachAPN changes it, for all sorts of networks alike, as there are SIMs that
// are nowhere at home: the modem takes the settings for all at once. If it is the one
// that the modem had at first, it gets back what it had for the others, too.
func (m *Modem) SetAttachAPN(ctx context.Context, apn modem.APN) error {
	settings, err := m.attachSettings(ctx)
	if err != nil {
		return err
	}
	if m.attachOwn == nil {
		m.attachOwn = slices.Clone(settings)
	}
	if own, ok := homeAPN(m.attachOwn); ok && own == apn {
		settings = m.attachOwn
	} else {
		for i := range settings {
			settings[i] = mbim.AttachSettings{
				IPType: ipTypes[apn.Families], Roaming: settings[i].Roaming, Source: mbim.ContextSourceUser,
				AccessString: apn.Name, UserName: apn.User, Password: mbim.Password(apn.Password), Auth: auths[apn.Auth],
			}
		}
	}
	return m.set(ctx, &mbim.SetLTEAttachConfiguration{Operation: mbim.LTEAttachContextOperationDefault, Settings: settings})
}

// attachSettings asks what the modem registers with in each sort of network. One
// that says nothing has an entry for each, as the protocol demands.
func (m *Modem) attachSettings(ctx context.Context) ([]mbim.AttachSettings, error) {
	if err := m.need(mbim.CmdLTEAttachConfiguration); err != nil {
		return nil, err
	}
	var configuration mbim.LTEAttachConfiguration
	if err := m.query(ctx, mbim.CmdLTEAttachConfiguration, &configuration); err != nil {
		return nil, err
	}
	if len(configuration.Settings) == 0 {
		return []mbim.AttachSettings{
			{Roaming: mbim.LTEAttachContextRoamingControlHome}, {Roaming: mbim.LTEAttachContextRoamingControlPartner},
			{Roaming: mbim.LTEAttachContextRoamingControlNonPartner},
		}, nil
	}
	return configuration.Settings, nil
}

// homeAPN returns the APN for the home network.
func homeAPN(settings []mbim.AttachSettings) (modem.APN, bool) {
	for _, s := range settings {
		if s.Roaming == mbim.LTEAttachContextRoamingControlHome {
			return apnOf(s), true
		}
	}
	return modem.APN{}, false
}
