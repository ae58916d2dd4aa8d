package at

import (
	"fmt"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Registration is what +CREG, +CGREG, +CEREG and +C5GREG say, as an answer or
// unasked (3GPP TS 27.007, 7.2, 10.1.20, 10.1.22, 10.1.47).
type Registration struct {
	State      modem.RegistrationState
	Technology modem.Technology
	Area       uint32
	Cell       uint64
	Cause      modem.RejectCause
	// ShortMessages: the network serves the modem with nothing but these.
	ShortMessages bool
}

// causes are the lines that tell of registration, and where in them the kind of a
// cause is, counted from the state. The cause is behind it.
var causes = map[string]int{"+CREG": 4, "+CGREG": 5, "+CEREG": 4, "+C5GREG": 6}

// ParseRegistration reads a line, and says whether it is an answer: then it begins
// with what the modem is to say unasked. A line of the other form may come between
// a question and its answer.
func ParseRegistration(line string) (r Registration, answer bool, err error) {
	name, rest := Split(line)
	cause, known := causes[name]
	if !known {
		return Registration{}, false, fmt.Errorf("%q tells of no registration", name)
	}
	p, err := ParseParams(rest)
	if err != nil {
		return Registration{}, false, fmt.Errorf("%s: %w", name, err)
	}
	// Unasked the second one is an area, four digits or more, most often quoted.
	if second := p.At(1); second.Kind == Word && len(second.Text) <= 2 {
		answer, p = true, p[1:]
	}
	state, ok := p.Int(0)
	if !ok {
		return Registration{}, false, fmt.Errorf("%s without a state", name)
	}
	r.State, r.ShortMessages = stateOf(state)
	if technology, ok := p.Int(3); ok {
		r.Technology = TechnologyOf(technology)
	}
	if area, ok := p.At(1).Hex(); ok && r.State != modem.Denied {
		r.Area = uint32(area)
	}
	if cell, ok := p.At(2).Hex(); ok && r.State != modem.Denied {
		r.Cell = uint64(cell)
	}
	if kind, ok := p.Int(cause); ok && kind == 0 { // a network's, not a maker's
		if n, ok := p.Int(cause + 1); ok && n > 0 && n <= 0xff {
			r.Cause = modem.RejectCause(n)
		}
	}
	return r, answer, nil
}

// Lines of registration have a mode: what the host asked to be told.
const (
	WithoutCell = 1
	WithCell    = 2
	WithCause   = 3
)

// Line writes the line that ParseRegistration reads, with as much as mode has in it:
// as an answer, which begins with the mode, or unasked.
func (r Registration) Line(name string, mode int, answer bool) (string, error) {
	cause, known := causes[name]
	if !known {
		return "", fmt.Errorf("%q tells of no registration", name)
	}
	p := make(Params, 1, cause+2)
	p[0] = Int(r.number())
	if act, ok := ActOf(r.Technology); ok && r.Cell != 0 && mode >= WithCell {
		p = append(p, Text(fmt.Sprintf("%04X", r.Area)), Text(fmt.Sprintf("%08X", r.Cell)), Int(act))
	}
	if r.Cause != 0 && mode >= WithCause {
		p = p[:cause+2]
		p[cause], p[cause+1] = Int(0), Int(int(r.Cause))
	}
	if answer {
		p = append(Params{Int(mode)}, p...)
	}
	return Line(name, p...)
}

// number is the reverse of stateOf.
func (r Registration) number() int {
	switch {
	case r.State == modem.Home && r.ShortMessages:
		return 6
	case r.State == modem.Roaming && r.ShortMessages:
		return 7
	case r.State == modem.Home:
		return 1
	case r.State == modem.Roaming:
		return 5
	case r.State == modem.Searching:
		return 2
	case r.State == modem.Denied:
		return 3
	}
	return 0
}

// stateOf returns what the numbers of the standard mean, and whether short
// messages are all there is.
func stateOf(n int) (state modem.RegistrationState, shortMessages bool) {
	switch n {
	case 1, 9: // 9 and 10: calls by circuit are not to be preferred
		return modem.Home, false
	case 5, 10:
		return modem.Roaming, false
	case 6:
		return modem.Home, true
	case 7:
		return modem.Roaming, true
	case 2, 8, 11: // 8 and 11: emergency calls alone, while it searches on
		return modem.Searching, false
	case 3:
		return modem.Denied, false
	}
	return modem.NotRegistered, false
}

// TechnologyOf returns what an AcT of +COPS or of a registration means.
func TechnologyOf(act int) modem.Technology {
	switch act {
	case 0, 1, 3, 8:
		return modem.GSM
	case 2, 4, 5, 6:
		return modem.UMTS
	case 7, 9, 10: // 9: NB-IoT, 10: an LTE cell of a 5G core
		return modem.LTE
	case 11, 12:
		return modem.NR
	case 13:
		return modem.NSA
	}
	return modem.UnknownTechnology
}

// ActOf is the reverse of TechnologyOf.
func ActOf(t modem.Technology) (act int, ok bool) {
	switch t {
	case modem.GSM:
		return 0, true
	case modem.UMTS:
		return 2, true
	case modem.LTE:
		return 7, true
	case modem.NSA:
		return 13, true
	case modem.NR:
		return 11, true
	}
	return 0, false
}
