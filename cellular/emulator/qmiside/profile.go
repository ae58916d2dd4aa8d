package qmiside

import (
	"slices"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// profile is a set of settings for calls. Its number is its place, from 1.
type profile struct {
	name string
	apn  modem.APN
}

const (
	invalidProfile     = qmi.ErrorCode(10)
	argumentTooLong    = qmi.ErrorCode(19)
	invalidProfileType = qmi.ErrorCode(30)
)

func newProfiles() []profile {
	return []profile{{name: "profile1"}, {name: "ims", apn: modem.APN{Name: "ims", Families: modem.IPv4v6}}, {name: "profile3"}}
}

// profile returns the profile of a number. The one that the modem attaches with
// is the virtual modem's.
func (s *Side) profile(index uint8) (profile, bool) {
	if index < 1 || int(index) > len(s.profiles) {
		return profile{}, false
	}
	p := s.profiles[index-1]
	if s.attach[0] == uint16(index) {
		p.apn = s.modem.AttachAPN()
	}
	return p, true
}

func (s *Side) wdsProfile(request qmi.Body) qmi.Body {
	switch r := request.(type) {
	case *qmi.ListProfilesRequest:
		if r.Type != nil && *r.Type != qmi.Profile3GPP {
			return &qmi.ListProfilesResponse{Result: no(invalidProfileType)}
		}
		answer := &qmi.ListProfilesResponse{}
		for i, p := range s.profiles {
			answer.Profiles = append(answer.Profiles, qmi.ProfileName{ID: qmi.ProfileID{Index: uint8(i + 1)}, Name: p.name})
		}
		return answer
	case *qmi.GetProfileRequest:
		p, ok := s.profile(r.ID.Index)
		if !ok || r.ID.Type != qmi.Profile3GPP {
			return &qmi.GetProfileResponse{Result: no(invalidProfile)}
		}
		return &qmi.GetProfileResponse{Profile: qmi.Profile{
			Name: &p.name, PDPType: new(pdpType(p.apn.Families)), APN: &p.apn.Name, User: &p.apn.User,
			Password: new(qmi.Password(p.apn.Password)), Auth: new(authBits(p.apn.Auth)),
		}}
	case *qmi.ModifyProfileRequest:
		p, ok := s.profile(r.ID.Index)
		if !ok || r.ID.Type != qmi.Profile3GPP {
			return &qmi.ModifyProfileResponse{Result: no(invalidProfile)}
		}
		if tooLong(r.Profile) {
			return &qmi.ModifyProfileResponse{Result: no(argumentTooLong)}
		}
		p.modify(r.Profile)
		s.profiles[r.ID.Index-1] = p
		s.setAttach()
		return &qmi.ModifyProfileResponse{}
	case *qmi.GetAttachRequest:
		return s.attached()
	case *qmi.GetAttachProfilesRequest:
		return &qmi.GetAttachProfilesResponse{Current: &s.attach, Pending: new([]uint16{})}
	case *qmi.SetAttachProfilesRequest:
		if len(r.Profiles) == 0 || slices.ContainsFunc(r.Profiles, func(i uint16) bool { return i < 1 || int(i) > len(s.profiles) }) {
			return &qmi.SetAttachProfilesResponse{Result: no(qmi.ErrInvalidArgument)}
		}
		// The one in force so far keeps what the virtual modem knows of it.
		s.profiles[s.attach[0]-1].apn = s.modem.AttachAPN()
		s.attach = r.Profiles
		s.setAttach()
		if r.Action != nil && *r.Action == qmi.AttachAnew {
			s.modem.Reattach()
		}
		return &qmi.SetAttachProfilesResponse{}
	}
	return nil
}

// setAttach has the virtual modem attach with the first of the attach profiles,
// the next time it does.
func (s *Side) setAttach() { s.modem.SetAttachAPN(s.profiles[s.attach[0]-1].apn) }

func (s *Side) attached() qmi.Body {
	r := s.modem.Registration()
	if !r.Registered() || r.Technology < modem.LTE {
		return &qmi.GetAttachResponse{Result: no(qmi.ErrInfoUnavailable)}
	}
	apn := s.modem.AttachedAPN()
	return &qmi.GetAttachResponse{
		APN: &apn.Name, OverTheAir: new(true),
		Families: new(map[modem.Families]qmi.AttachFamilies{modem.IPv4: qmi.AttachIPv4, modem.IPv6: qmi.AttachIPv6, modem.IPv4v6: qmi.AttachIPv4v6}[apn.Families]),
	}
}

func (p *profile) modify(to qmi.Profile) {
	if to.Name != nil {
		p.name = *to.Name
	}
	if to.PDPType != nil {
		p.apn.Families = familiesOf(*to.PDPType)
	}
	if to.APN != nil {
		p.apn.Name = *to.APN
	}
	if to.User != nil {
		p.apn.User = *to.User
	}
	if to.Password != nil {
		p.apn.Password = modem.Password(*to.Password)
	}
	if to.Auth != nil {
		p.apn.Auth = authOf(*to.Auth)
	}
}

// tooLong reports whether a modem has no room for a text of p.
func tooLong(p qmi.Profile) bool {
	const longest = 127
	password := (*string)(p.Password)
	return slices.ContainsFunc([]*string{p.Name, p.APN, p.User, password}, func(text *string) bool { return text != nil && len(*text) > longest })
}

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
	}
	return modem.IPv4v6
}

func authBits(a modem.Auth) qmi.Auth {
	switch a {
	case modem.PAP:
		return qmi.AuthPAP
	case modem.CHAP:
		return qmi.AuthCHAP
	}
	return qmi.AuthNone
}

// authOf prefers CHAP where both are allowed, as modems do.
func authOf(a qmi.Auth) modem.Auth {
	switch {
	case a&qmi.AuthCHAP != 0:
		return modem.CHAP
	case a&qmi.AuthPAP != 0:
		return modem.PAP
	}
	return modem.NoAuth
}
