package atside

import (
	"fmt"
	"time"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// domains are the technologies that the commands about registration are for. Calls,
// +CREG, are possible in all but 5G.
var domains = map[string][]modem.Technology{
	"+CREG":   {modem.GSM, modem.UMTS, modem.LTE, modem.NSA},
	"+CGREG":  {modem.GSM, modem.UMTS},
	"+CEREG":  {modem.LTE, modem.NSA},
	"+C5GREG": {modem.NR},
}

func (s *Side) registration(r request) {
	switch n, ok := r.params.Int(0); {
	case r.Form == at.Read:
		line, err := s.registered(r.Name).Line(r.Name, s.settings.reports[r.Name], true)
		r.done(err, line)
	case r.Form == at.Test:
		r.answer(at.Of(at.Bare("0-3")))
	case r.Form == at.Set && ok && n >= 0 && n <= at.WithCause:
		s.settings.reports[r.Name] = n
		r.done(nil)
	default:
		r.wrong()
	}
}

// registered is what a command about registration tells: nothing of a network that is
// none of its technology.
func (s *Side) registered(name string) at.Registration {
	r := s.modem.Registration()
	told := at.Registration{State: r.State, Cause: r.Cause}
	if r.State != modem.Home && r.State != modem.Roaming {
		return told
	}
	for _, technology := range domains[name] {
		if technology == r.Technology {
			told.Technology, told.Area, told.Cell = r.Technology, r.Area, r.Cell
			return told
		}
	}
	return at.Registration{}
}

// Modes and formats of +COPS.
const (
	automatic     = 0
	manual        = 1
	setFormatOnly = 3

	longName  = 0
	shortName = 1
	numeric   = 2
)

func (s *Side) operator(r request) {
	selection := s.modem.Selection()
	switch r.Form {
	case at.Read:
		s.selected(r, selection)
	case at.Test:
		err := s.modem.Scan(func(networks []*virtual.Network) { r.done(nil, s.scanned(networks)) })
		if err != nil {
			r.done(at.ErrNotAllowed)
		}
	case at.Set:
		s.selectOperator(r)
	default:
		r.wrong()
	}
}

func (s *Side) selected(r request, selection modem.Selection) {
	mode := automatic
	if selection.PLMN != "" {
		mode = manual
	}
	now := s.modem.Registration()
	if !now.Registered() {
		r.answer(at.Int(mode))
		return
	}
	name := now.Operator
	if s.settings.operator == numeric {
		name = now.PLMN
	}
	act, _ := at.ActOf(now.Technology)
	r.answer(at.Int(mode), at.Int(s.settings.operator), at.Text(name), at.Int(act))
}

// scanned is the answer to +COPS=?: the networks, and what may be set.
func (s *Side) scanned(networks []*virtual.Network) string {
	const available, current, forbidden = 1, 2, 3
	var list []at.Value
	now := s.modem.Registration()
	for _, n := range networks {
		status := available
		switch {
		case now.Registered() && n.PLMN == now.PLMN:
			status = current
		case n.Deny != 0:
			status = forbidden
		}
		act, _ := at.ActOf(n.Technology)
		list = append(list, at.Of(at.Int(status), at.Text(n.Name), at.Text(n.Name), at.Text(n.PLMN), at.Int(act)))
	}
	list = append(list, at.Value{}, at.Of(at.Bare("0-4")), at.Of(at.Bare("0-2")))
	line, err := at.Line("+COPS", list...)
	if err != nil {
		return "+COPS:"
	}
	return line
}

func (s *Side) selectOperator(r request) {
	mode, _ := r.params.Int(0)
	format, given := r.params.Int(1)
	switch {
	case mode == setFormatOnly && given && format >= longName && format <= numeric:
		s.settings.operator = format
		r.done(nil)
	case mode == automatic:
		s.modem.Select(modem.Selection{})
		r.done(nil)
	case mode == manual && format == numeric && r.params.Text(2) != "":
		selection := modem.Selection{PLMN: r.params.Text(2)}
		if act, ok := r.params.Int(3); ok {
			selection.Technologies = []modem.Technology{at.TechnologyOf(act)}
		}
		s.modem.Select(selection)
		r.done(nil)
	default:
		r.wrong()
	}
}

// attach is +CGATT. Who asks for packet service is answered when it is there.
func (s *Side) attach(r request) {
	n, ok := r.params.Int(0)
	switch {
	case r.Form == at.Read && s.modem.Registration().Attached:
		r.answer(at.Int(1))
	case r.Form == at.Read:
		r.answer(at.Int(0))
	case r.Form == at.Test:
		r.answer(at.Of(at.Bare("0-1")))
	case r.Form == at.Set && ok && (n == 0 || n == 1):
		if err := s.modem.SetAttached(n == 1); err != nil {
			r.done(s.unready(err))
			return
		}
		if n == 0 || s.modem.Registration().Attached {
			r.done(nil)
			return
		}
		s.attaching = &attaching{done: func(err error) { r.done(err) }}
		s.attaching.limit = time.AfterFunc(attachLimit, func() {
			s.modem.Do(func() { s.attached(at.ErrNoNetwork) })
		})
	default:
		r.wrong()
	}
}

// attached ends the wait for packet service, if somebody waits.
func (s *Side) attached(err error) {
	if a := s.attaching; a != nil {
		s.attaching = nil
		a.limit.Stop()
		a.done(err)
	}
}

// hear tells the host what has changed in the modem, as far as it wants to know.
func (s *Side) hear(e virtual.Event) {
	switch e.Change {
	case virtual.BusChanged:
		s.reset()
	case virtual.SIMChanged:
		if words, said := simWords[s.modem.SIMState()]; said {
			s.say("+CPIN: " + words)
		} else if s.modem.SIMState() == modem.SIMAbsent {
			s.say("+CPIN: NOT INSERTED")
		}
	case virtual.RegistrationChanged:
		s.tellRegistration()
	case virtual.SessionChanged:
		s.tellSession(e.Session)
	}
}

func (s *Side) tellRegistration() {
	now := s.modem.Registration()
	switch {
	case now.Attached:
		s.attached(nil)
	case now.State == modem.Denied:
		s.attached(at.CME(now.Cause) + 100)
	}
	for _, name := range []string{"+CREG", "+CGREG", "+CEREG", "+C5GREG"} {
		if mode := s.settings.reports[name]; mode > 0 {
			if line, err := s.registered(name).Line(name, mode, false); err == nil {
				s.say(line)
			}
		}
	}
}

// tellSession tells of a connection by +CGEV.
func (s *Side) tellSession(session *virtual.Session) {
	cid := session.Number + 1
	event := fmt.Sprintf("ME PDN ACT %d", cid)
	switch {
	case !session.Up:
		s.cause = session.Cause
		event = fmt.Sprintf("NW PDN DEACT %d", cid)
	case s.up[cid]: // other addresses
		event = fmt.Sprintf("NW MODIFY %d,0,0", cid)
	}
	s.up[cid] = session.Up
	if s.settings.contexts {
		s.say("+CGEV: " + event)
	}
}
