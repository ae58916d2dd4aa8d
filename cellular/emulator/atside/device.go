package atside

import (
	"github.com/farspoke/farspoke/cellular/at"
)

func (s *Side) echo(r request) {
	if r.Params != "" && r.Params != "0" && r.Params != "1" {
		r.done(at.ErrError)
		return
	}
	s.settings.echo = r.Params == "1"
	r.done(nil)
}

func (s *Side) identity(r request) {
	if r.Form != at.Execute {
		r.done(nil) // to a test; there is nothing to set
		return
	}
	d := s.modem.Device()
	switch r.Name {
	case "I":
		r.done(nil, d.Manufacturer, d.Model, "Revision: "+d.Firmware)
	case "+CGMI", "+GMI":
		r.done(nil, d.Manufacturer)
	case "+CGMM":
		r.done(nil, d.Model)
	case "+CGMR":
		r.done(nil, d.Firmware)
	case "+CGSN":
		r.done(nil, d.IMEI)
	case "+GCAP":
		r.done(nil, "+GCAP: +CGSM")
	}
}

func (s *Side) errorMode(r request) {
	switch n, ok := r.params.Int(0); {
	case r.Form == at.Read:
		r.answer(at.Int(s.settings.errors))
	case r.Form == at.Test:
		r.answer(at.Of(at.Bare("0-2")))
	case r.Form == at.Set && ok && n >= 0 && n <= 2:
		s.settings.errors = n
		r.done(nil)
	default:
		r.wrong()
	}
}

// function is +CFUN: 1 is all, 4 without radio, 1,1 a restart.
func (s *Side) function(r request) {
	n, ok := r.params.Int(0)
	restart, _ := r.params.Int(1)
	switch {
	case r.Form == at.Read && s.modem.Radio().On():
		r.answer(at.Int(1))
	case r.Form == at.Read:
		r.answer(at.Int(4))
	case r.Form == at.Test:
		r.answer(at.Of(at.Int(1), at.Int(4)), at.Of(at.Bare("0-1")))
	case r.Form == at.Set && ok && n == 1 && restart == 1:
		r.done(nil)
		s.modem.Restart()
	case r.Form == at.Set && ok && (n == 1 || n == 4):
		if err := s.modem.SetRadio(n == 1); err != nil {
			r.done(at.ErrNotAllowed)
			return
		}
		r.done(nil)
	default:
		r.wrong()
	}
}

// bridge is u-blox's +UBMCONF: the host has the network's address.
func (s *Side) bridge(r request) {
	if r.Form != at.Read {
		r.done(at.ErrNotAllowed)
		return
	}
	r.answer(at.Int(2))
}
