package mbimhost

import (
	"context"
	"fmt"

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
	if err := m.need(mbim.CmdLTEAttachConfiguration); err != nil {
		return modem.APN{}, err
	}
	var configuration mbim.LTEAttachConfiguration
	if err := m.query(ctx, mbim.CmdLTEAttachConfiguration, &configuration); err != nil {
		return modem.APN{}, err
	}
	for _, s := range configuration.Settings {
		if s.Roaming == mbim.LTEAttachContextRoamingControlHome {
			return apnOf(s), nil
		}
	}
	return modem.APN{}, fmt.Errorf("%v: the modem has none for its home network", mbim.CmdLTEAttachConfiguration)
}

// SetAttachAPN changes it, for all networks alike: the modem takes the settings of
// all at once.
func (m *Modem) SetAttachAPN(ctx context.Context, apn modem.APN) error {
	if err := m.need(mbim.CmdLTEAttachConfiguration); err != nil {
		return err
	}
	request := mbim.SetLTEAttachConfiguration{Operation: mbim.LTEAttachContextOperationDefault}
	for _, roaming := range []mbim.LTEAttachContextRoamingControl{
		mbim.LTEAttachContextRoamingControlHome, mbim.LTEAttachContextRoamingControlPartner, mbim.LTEAttachContextRoamingControlNonPartner,
	} {
		request.Settings = append(request.Settings, mbim.AttachSettings{
			IPType: ipTypes[apn.Families], Roaming: roaming, Source: mbim.ContextSourceUser,
			AccessString: apn.Name, UserName: apn.User, Password: mbim.Password(apn.Password), Auth: auths[apn.Auth],
		})
	}
	return m.set(ctx, &request)
}
