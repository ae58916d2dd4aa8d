package qmihost

import (
	"context"
	"fmt"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// firstProfile is what a modem attaches with that does not say otherwise.
const firstProfile = 1

// attachProfile returns the index of the profile that the modem attaches with.
func (m *Modem) attachProfile(ctx context.Context) (qmi.ProfileID, error) {
	id := qmi.ProfileID{Type: qmi.Profile3GPP, Index: firstProfile}
	var got qmi.GetAttachProfilesResponse
	err := m.ask(ctx, answerLimit, &qmi.GetAttachProfilesRequest{}, &got)
	for _, list := range []*[]uint16{got.Pending, got.Current} {
		if err == nil && list != nil && len(*list) > 0 && (*list)[0] <= 0xff {
			id.Index = uint8((*list)[0])
			break
		}
	}
	return id, exceptNo(err)
}

// AttachAPN is the APN that the modem asks for when it registers.
func (m *Modem) AttachAPN(ctx context.Context) (modem.APN, error) {
	id, err := m.attachProfile(ctx)
	if err != nil {
		return modem.APN{}, err
	}
	return m.profile(ctx, id)
}

// profile asks what a profile says. The modem does not tell its password.
func (m *Modem) profile(ctx context.Context, id qmi.ProfileID) (modem.APN, error) {
	var got qmi.GetProfileResponse
	if err := m.ask(ctx, answerLimit, &qmi.GetProfileRequest{ID: id}, &got); err != nil {
		return modem.APN{}, err
	}
	var apn modem.APN
	p := got.Profile
	if p.APN != nil {
		apn.Name = *p.APN
	}
	if p.User != nil {
		apn.User = *p.User
	}
	if p.Auth != nil {
		apn.Auth = authOf(*p.Auth)
	}
	if p.PDPType != nil {
		apn.Families = familiesOf(*p.PDPType)
	}
	return apn, nil
}

// SetAttachAPN changes the profile that the modem attaches with. It takes effect
// when the modem registers next.
func (m *Modem) SetAttachAPN(ctx context.Context, apn modem.APN) error {
	by, err := auth(apn)
	if err != nil {
		return err
	}
	id, err := m.attachProfile(ctx)
	if err != nil {
		return err
	}
	if apn.User == "" { // else the password may be another
		if now, err := m.profile(ctx, id); err == nil && now == (modem.APN{Name: apn.Name, Families: pdpFamilies(apn.Families)}) {
			return nil // a modem's memory wears out, and some register anew
		}
	}
	return m.ask(ctx, answerLimit, &qmi.ModifyProfileRequest{ID: id, Profile: qmi.Profile{
		PDPType: new(pdpType(apn.Families)), APN: &apn.Name, User: &apn.User,
		Password: new(qmi.Password(apn.Password)), Auth: &by,
	}}, &qmi.ModifyProfileResponse{})
}

// pdpFamilies returns f as a profile has it, which knows no other than these.
func pdpFamilies(f modem.Families) modem.Families { return familiesOf(pdpType(f)) }

func pdpType(f modem.Families) qmi.PDPType {
	switch f {
	case modem.IPv4:
		return qmi.PDPIPv4
	case modem.IPv6:
		return qmi.PDPIPv6
	}
	return qmi.PDPIPv4v6
}

func familiesOf(t qmi.PDPType) modem.Families {
	switch t {
	case qmi.PDPIPv4:
		return modem.IPv4
	case qmi.PDPIPv6:
		return modem.IPv6
	case qmi.PDPIPv4v6:
		return modem.IPv4v6
	}
	return modem.AnyFamily
}

// auth returns how apn's user name is proved. Where nobody knows the network may
// choose.
func auth(apn modem.APN) (qmi.Auth, error) {
	switch {
	case apn.Auth == modem.PAP:
		return qmi.AuthPAP, nil
	case apn.Auth == modem.CHAP:
		return qmi.AuthCHAP, nil
	case apn.Auth != modem.NoAuth:
		return 0, fmt.Errorf("%w: %v in QMI", modem.ErrUnsupported, apn.Auth)
	case apn.User != "":
		return qmi.AuthPAP | qmi.AuthCHAP, nil
	}
	return qmi.AuthNone, nil
}

func authOf(a qmi.Auth) modem.Auth {
	switch {
	case a&qmi.AuthCHAP != 0:
		return modem.CHAP
	case a&qmi.AuthPAP != 0:
		return modem.PAP
	}
	return modem.NoAuth
}
