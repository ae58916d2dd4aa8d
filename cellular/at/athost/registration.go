package athost

import (
	"context"
	"fmt"
	"slices"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// domains are the commands that ask about registration: those of packet service in
// 5G, LTE, UMTS and GSM, and that of calls.
var domains = []string{"+C5GREG", "+CEREG", "+CGREG", "+CREG"}

// Registration says which network serves the modem, or why none does.
func (h *Host) Registration(ctx context.Context) (modem.Registration, error) {
	if len(h.unheard) > 0 {
		if err := h.listen(ctx); err != nil {
			return modem.Registration{}, err
		}
	}
	r, err := h.served(ctx)
	if err != nil || !r.Registered() {
		return r, err
	}
	if err := h.operator(ctx, &r); err != nil {
		return modem.Registration{}, err
	}
	if h.maker.serving != "" {
		p, err := h.readOne(ctx, h.maker.serving, h.maker.serving)
		if err == nil {
			r.Band, r.Channel = h.maker.servingOf(p)
		} else if fatal(err) {
			return modem.Registration{}, err
		}
	}
	return r, nil
}

// served asks each domain until one is served with packets. Where none is, the
// state that says most is taken.
func (h *Host) served(ctx context.Context) (modem.Registration, error) {
	var best modem.Registration
	answered := false
	var last error
	for _, domain := range domains {
		lines, err := h.ask(ctx, domain+"?")
		if fatal(err) {
			return modem.Registration{}, err
		}
		if err != nil {
			last = err
		}
		for _, line := range lines {
			said, answer, err := at.ParseRegistration(line)
			if err != nil || !answer {
				continue
			}
			answered = true
			r := modem.Registration{State: said.State, Technology: said.Technology, Cell: said.Cell, Area: said.Area, Cause: said.Cause}
			r.Attached = r.Registered() && !said.ShortMessages && domain != "+CREG"
			if r.Attached {
				return r, nil
			}
			if r.Registered() && !best.Registered() || !best.Registered() && r.State > best.State || best.State == r.State && best.Cause == 0 {
				best = r
			}
		}
	}
	if !answered {
		return modem.Registration{}, fmt.Errorf("no question about registration was answered: %w", last)
	}
	return best, nil
}

// operator fills in the network's number and name.
func (h *Host) operator(ctx context.Context, r *modem.Registration) error {
	p, err := h.cops(ctx, numeric)
	if fatal(err) {
		return err
	}
	r.PLMN = p.Text(2)
	if act, ok := p.Int(3); ok && r.Technology == modem.UnknownTechnology {
		r.Technology = at.TechnologyOf(act)
	}
	if !digits(r.PLMN) {
		r.PLMN = ""
		return nil
	}
	name, known := h.operators[r.PLMN]
	if !known {
		p, err := h.cops(ctx, inWords)
		if fatal(err) {
			return err
		}
		name = printable(p.Text(2))
		if name == r.PLMN {
			name = "" // the modem has none
		}
		if len(h.operators) < maxOperators {
			h.operators[r.PLMN] = name
		}
	}
	r.Operator = name
	return nil
}

// maxOperators bounds the names kept; nobody travels through more networks.
const maxOperators = 64

// Formats of +COPS (27.007, 7.3).
const (
	inWords = 0
	numeric = 2
)

// cops asks which network the modem has selected, in the given format.
func (h *Host) cops(ctx context.Context, format int) (at.Params, error) {
	if err := h.tell(ctx, "+COPS", at.Int(3), at.Int(format)); err != nil {
		return nil, err
	}
	return h.readOne(ctx, "+COPS?", "+COPS")
}

// Select says which network and technologies to register with.
func (h *Host) Select(ctx context.Context, s modem.Selection) error {
	if h.maker.technologies != nil {
		name, params, ok := h.maker.technologies(s.Technologies)
		if !ok {
			return fmt.Errorf("the technologies %v alone: %w", s.Technologies, modem.ErrUnsupported)
		}
		if err := h.tellSlowly(ctx, radioLimit, name, params...); err != nil && (len(s.Technologies) > 0 || fatal(err)) {
			return err
		}
	} else if len(s.Technologies) > 1 || len(s.Technologies) == 1 && s.PLMN == "" {
		return fmt.Errorf("the technologies %v alone: %w", s.Technologies, modem.ErrUnsupported)
	}
	p, err := h.cops(ctx, numeric)
	if err != nil {
		return err
	}
	mode, _ := p.Int(0)
	if s.PLMN == "" {
		if mode == 0 {
			return nil
		}
		return h.tellSlowly(ctx, scanLimit, "+COPS", at.Int(0))
	}
	params := []at.Value{at.Int(1), at.Int(numeric), at.Text(s.PLMN)}
	if h.maker.technologies == nil && len(s.Technologies) == 1 {
		act, ok := at.ActOf(s.Technologies[0])
		if !ok {
			return fmt.Errorf("the technology %v: %w", s.Technologies[0], modem.ErrUnsupported)
		}
		params = append(params, at.Int(act))
	} else if mode == 1 && p.Text(2) == s.PLMN {
		return nil
	}
	return h.tellSlowly(ctx, scanLimit, "+COPS", params...)
}

// Attach asks for packet service.
func (h *Host) Attach(ctx context.Context) error {
	p, err := h.readOne(ctx, "+CGATT?", "+CGATT")
	if fatal(err) {
		return err
	}
	if n, ok := p.Int(0); ok && n == 1 {
		return nil
	}
	if err := h.tellSlowly(ctx, networkLimit, "+CGATT", at.Int(1)); at.Refused(err) {
		return h.refusal(ctx, err)
	} else if err != nil {
		return err
	}
	return nil
}

// quectelTechnologies restricts the modem by +QCFG="nwscanmode" (EC25&EC21 QCFG
// manual), which has one technology or all.
func quectelTechnologies(technologies []modem.Technology) (name string, params []at.Value, ok bool) {
	mode := 0
	switch {
	case len(technologies) == 0:
	case slices.Equal(technologies, []modem.Technology{modem.GSM}):
		mode = 1
	case slices.Equal(technologies, []modem.Technology{modem.UMTS}):
		mode = 2
	case slices.Equal(technologies, []modem.Technology{modem.LTE}):
		mode = 3
	default:
		return "", nil, false
	}
	return "+QCFG", []at.Value{at.Text("nwscanmode"), at.Int(mode), at.Int(1)}, true
}
