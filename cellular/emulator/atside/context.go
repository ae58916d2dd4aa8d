package atside

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// families are the types of +CGDCONT.
var families = map[string]modem.Families{"IP": modem.IPv4, "IPV6": modem.IPv6, "IPV4V6": modem.IPv4v6}

// cid is the number of a context, and whether it is one.
func (s *Side) cid(p at.Params, i int) (int, bool) {
	n, ok := p.Int(i)
	return n, ok && n >= 1 && n <= s.modem.Device().Sessions
}

// define is +CGDCONT.
func (s *Side) define(r request) {
	switch r.Form {
	case at.Read:
		var lines []string
		for _, cid := range slices.Sorted(maps.Keys(s.contexts)) {
			apn := s.contexts[cid]
			name := "IPV4V6"
			for word, f := range families {
				if f == apn.Families {
					name = word
				}
			}
			line, err := at.Line("+CGDCONT", at.Int(cid), at.Text(name), at.Text(apn.Name), at.Text("0.0.0.0"), at.Int(0), at.Int(0))
			if err == nil {
				lines = append(lines, line)
			}
		}
		r.done(nil, lines...)
	case at.Test:
		r.done(nil, fmt.Sprintf(`+CGDCONT: (1-%d),"IPV4V6",,,(0),(0)`, s.modem.Device().Sessions))
	case at.Set:
		cid, ok := s.cid(r.params, 0)
		family, known := families[r.params.Text(1)]
		switch {
		case ok && len(r.params) == 1:
			delete(s.contexts, cid)
		case ok && known:
			apn := s.contexts[cid]
			apn.Name, apn.Families = r.params.Text(2), family
			s.setContext(cid, apn)
		default:
			r.wrong()
			return
		}
		r.done(nil)
	default:
		r.wrong()
	}
}

// setContext keeps a context. The first is what the modem attaches with.
func (s *Side) setContext(cid int, apn modem.APN) {
	s.contexts[cid] = apn
	if cid == 1 {
		s.modem.SetAttachAPN(apn)
	}
}

// authenticate is +CGAUTH, and u-blox's +UAUTHREQ, which is the same.
func (s *Side) authenticate(r request) {
	cid, ok := s.cid(r.params, 0)
	kind, _ := r.params.Int(1)
	apn, defined := s.contexts[cid]
	if r.Form != at.Set || !ok || !defined || kind < 0 || kind > 2 {
		r.wrong()
		return
	}
	apn.User, apn.Password, apn.Auth = r.params.Text(2), modem.Password(r.params.Text(3)), []modem.Auth{modem.NoAuth, modem.PAP, modem.CHAP}[kind]
	s.setContext(cid, apn)
	r.done(nil)
}

// activate is +CGACT.
func (s *Side) activate(r request) {
	if r.Form == at.Read {
		var lines []string
		for _, cid := range slices.Sorted(maps.Keys(s.contexts)) {
			state := 0
			if session, ok := s.modem.Session(cid - 1); ok && session.Up {
				state = 1
			}
			lines = append(lines, fmt.Sprintf("+CGACT: %d,%d", cid, state))
		}
		r.done(nil, lines...)
		return
	}
	state, _ := r.params.Int(0)
	cid, ok := s.cid(r.params, 1)
	apn, defined := s.contexts[cid]
	switch {
	case r.Form == at.Test:
		r.answer(at.Of(at.Bare("0-1")))
	case r.Form != at.Set || !ok || !defined || state < 0 || state > 1:
		r.wrong()
	case state == 1:
		s.connect(r, cid, apn)
	default:
		if err := s.modem.Disconnect(cid-1, func() { r.done(nil) }); err != nil {
			r.done(nil) // it is not there already
		}
	}
}

func (s *Side) connect(r request, cid int, apn modem.APN) {
	err := s.modem.Connect(cid-1, apn, func(err error) {
		var refusal modem.Refusal
		if errors.As(err, &refusal) {
			s.cause = refusal.Cause
			r.done(at.SessionCode(refusal.Cause))
			return
		}
		r.done(err)
	})
	switch {
	case errors.Is(err, virtual.ErrInUse):
		r.done(nil)
	case err != nil:
		r.done(s.unready(err))
	}
}

// unready is what the modem says to what it could not even ask the network for.
func (s *Side) unready(err error) error {
	switch {
	case errors.Is(err, virtual.ErrNoSIM):
		return s.simError()
	case errors.Is(err, virtual.ErrNotRegistered):
		return at.ErrNoNetwork
	case errors.Is(err, virtual.ErrTooManySessions):
		return at.SessionCode(65)
	}
	return at.ErrUnspecified
}

// granted is +CGCONTRDP.
func (s *Side) granted(r request) {
	session, ok := s.session(r)
	if !ok {
		return
	}
	lines, err := at.ContextLines(session.Number+1, session.Told())
	if err != nil {
		r.done(at.ErrUnspecified)
		return
	}
	r.done(nil, lines...)
}

// addresses is +CGPADDR.
func (s *Side) addresses(r request) {
	session, ok := s.session(r)
	if !ok {
		return
	}
	p := []at.Value{at.Int(session.Number + 1)}
	told := session.Told()
	for _, a := range []netip.Prefix{told.Address4, told.Address6} {
		if a.IsValid() {
			p = append(p, at.Text(at.Decimal(a.Addr())))
		}
	}
	r.answer(p...)
}

// session is the connection that r asks about. Where there is none r is done.
func (s *Side) session(r request) (*virtual.Session, bool) {
	cid, ok := s.cid(r.params, 0)
	switch {
	case r.Form == at.Test:
		r.done(nil)
		return nil, false
	case r.Form != at.Set || !ok:
		r.wrong()
		return nil, false
	}
	session, ok := s.modem.Session(cid - 1)
	if !ok || !session.Up {
		r.done(nil) // there is nothing to tell
		return nil, false
	}
	return session, true
}

func (s *Side) contextReports(r request) {
	switch n, ok := r.params.Int(0); {
	case r.Form == at.Set && ok && n >= 0 && n <= 2:
		s.settings.contexts = n > 0
		r.done(nil)
	case r.Form == at.Test:
		r.answer(at.Of(at.Bare("0-2")), at.Of(at.Bare("0-1")))
	default:
		r.wrong()
	}
}

// why is +CEER, as u-blox words it.
func (s *Side) why(r request) {
	if s.cause == 0 {
		r.answer(at.Text("No report available"))
		return
	}
	r.answer(at.Text("SM signalling cause"), at.Int(int(s.cause)), at.Text(at.SessionCode(s.cause).Words()))
}
