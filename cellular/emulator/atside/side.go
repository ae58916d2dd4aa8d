// Package atside is the modem's side of AT commands for a virtual modem: what the
// firmware of a modem answers by ITU-T V.250 and 3GPP TS 27.007, and tells unasked.
// What it does not know it answers with an error, and what begins with no AT it does
// not answer at all.
package atside

import (
	"strings"
	"time"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Limits of what a host may send: how long a command line may be, and how many may
// wait while one is carried out.
const (
	maxLine  = 2048
	maxLines = 16
)

// attachLimit is how long the modem tries to attach before it says that it could
// not.
const attachLimit = 75 * time.Second

// Side speaks AT for a virtual modem, on one port.
type Side struct {
	modem         *virtual.Modem
	send          func(octets []byte)
	stopListening func()

	line    []byte
	tooLong bool
	echoed  []byte   // what the host has sent and not yet got back
	last    string   // the line that A/ repeats
	waiting []string // lines that came while one was carried out
	// running is the line that is carried out, nil if there is none. What was begun for
	// another one answers nobody.
	running *running

	settings settings
	// contexts are kept by the modem without power. The first is what it attaches
	// with.
	contexts map[int]modem.APN
	// cause is why the network last refused or ended a connection.
	cause modem.SessionCause
	// up are the contexts that the host knows to be activated.
	up map[int]bool
	// attaching is who waits for packet service, nil if nobody does.
	attaching *attaching
}

// settings are what is lost when the modem starts.
type settings struct {
	echo bool
	// errors is the mode of +CMEE.
	errors int
	// operator is the format of +COPS.
	operator int
	// reports are the modes of +CREG and its like.
	reports map[string]int
	// contexts: +CGEV is sent.
	contexts bool
}

// running is a command line that is carried out.
type running struct{ commands []at.Command }

type attaching struct {
	done  func(error)
	limit *time.Timer
}

// New returns the AT side of m. It calls send, which must not wait, with what goes to
// the host.
func New(m *virtual.Modem, send func(octets []byte)) *Side {
	s := &Side{modem: m, send: send}
	m.Do(func() {
		s.contexts = map[int]modem.APN{1: m.AttachAPN()}
		s.reset()
		s.stopListening = m.Listen(s.hear)
	})
	return s
}

// Close ends the conversation. The modem goes on.
func (s *Side) Close() {
	s.modem.Do(func() {
		s.stopListening()
		s.reset()
	})
}

// reset forgets what is lost when the modem starts.
func (s *Side) reset() {
	s.line, s.tooLong, s.echoed, s.waiting, s.running, s.last = nil, false, nil, nil, nil, ""
	s.settings, s.up = settings{echo: true, reports: map[string]int{}}, map[int]bool{}
	s.attached(nil)
}

// Receive takes octets from the host.
func (s *Side) Receive(octets []byte) {
	s.modem.Do(func() {
		if !s.modem.OnBus() {
			return
		}
		for _, c := range octets {
			s.octet(c)
		}
		s.repeat()
	})
}

func (s *Side) octet(c byte) {
	const (
		backspace = 0x08
		escape    = 0x1b
	)
	if s.settings.echo && c != escape {
		s.echoed = append(s.echoed, c)
	}
	switch {
	case c == '\r':
		s.repeat()
		line, tooLong := strings.TrimSpace(string(s.line)), s.tooLong
		s.line, s.tooLong = s.line[:0], false
		switch {
		case tooLong:
			s.say(string(at.ErrError))
		case s.running == nil:
			s.carryOut(line)
		case len(s.waiting) < maxLines:
			s.waiting = append(s.waiting, line)
		}
	case c == escape:
		s.line, s.tooLong = s.line[:0], false
	case c == backspace:
		s.line = s.line[:max(len(s.line)-1, 0)]
	case c < ' ':
	case len(s.line) == maxLine:
		s.tooLong = true
	default:
		s.line = append(s.line, c)
	}
}

// repeat sends to the host what it has sent.
func (s *Side) repeat() {
	if len(s.echoed) > 0 {
		s.send(s.echoed)
		s.echoed = nil
	}
}

// carryOut does what a command line says, which may take longer than this call.
func (s *Side) carryOut(line string) {
	if strings.EqualFold(line, "A/") {
		line = s.last
	}
	if len(line) < 2 || !strings.EqualFold(line[:2], "AT") {
		return
	}
	s.last = line
	commands, err := at.ParseCommands(line)
	if err != nil {
		s.say(string(at.ErrError))
		return
	}
	s.running = &running{commands}
	s.next()
}

// next carries out the next command of the line, and when there is none says so and
// takes the next line.
func (s *Side) next() {
	r := s.running
	if len(r.commands) == 0 {
		s.finish(nil)
		return
	}
	c := r.commands[0]
	r.commands = r.commands[1:]
	done := func(refusal error, lines ...string) {
		if s.running != r {
			return // the modem has started anew
		}
		if refusal != nil {
			s.finish(refusal)
			return
		}
		for _, line := range lines {
			s.say(line)
		}
		s.next()
	}
	p, err := at.ParseParams(c.Params)
	if err != nil {
		done(at.ErrError)
		return
	}
	s.handle(request{c, p, done})
}

// finish ends the answer to a command line.
func (s *Side) finish(refusal error) {
	s.running = nil
	s.say(s.result(refusal))
	for s.running == nil && len(s.waiting) > 0 {
		line := s.waiting[0]
		s.waiting = s.waiting[1:]
		s.carryOut(line)
	}
}

// result is the line for an error, as the host wants to have it.
func (s *Side) result(refusal error) string {
	code, numbered := refusal.(at.CME)
	switch {
	case !numbered:
		return at.Result(refusal)
	case s.settings.errors == 0:
		return string(at.ErrError)
	case s.settings.errors == 2:
		return "+CME ERROR: " + code.Words()
	}
	return at.Result(code)
}

// say sends a line to the host, if there is one.
func (s *Side) say(line string) {
	if s.modem.OnBus() {
		s.send([]byte("\r\n" + line + "\r\n"))
	}
}

// request is a command to be carried out. Its done is called once, at once or later.
type request struct {
	at.Command
	params at.Params
	done   func(refusal error, lines ...string)
}

// answer ends r with one line of its own name.
func (r request) answer(params ...at.Value) {
	line, err := at.Line(r.Name, params...)
	if err != nil {
		r.done(at.ErrError)
		return
	}
	r.done(nil, line)
}

// wrong ends r as having parameters that there are not.
func (r request) wrong() { r.done(at.ErrParameters) }

// handle carries out a command.
func (s *Side) handle(r request) {
	switch r.Name {
	case "Q", "V", "Z", "&F", "S0":
		r.done(nil) // they change nothing here
	case "E":
		s.echo(r)
	case "I", "+CGMI", "+GMI", "+CGMM", "+CGMR", "+CGSN", "+GCAP":
		s.identity(r)
	case "+CMEE":
		s.errorMode(r)
	case "+CFUN":
		s.function(r)
	case "+UBMCONF":
		s.bridge(r)
	case "+CPIN":
		s.pin(r)
	case "+CPINR", "+UPINCNT":
		s.attempts(r)
	case "+CCID":
		s.iccid(r)
	case "+CIMI":
		s.imsi(r)
	case "+CRSM":
		s.file(r)
	case "+QUIMSLOT":
		s.slot(r)
	case "+CREG", "+CGREG", "+CEREG", "+C5GREG":
		s.registration(r)
	case "+COPS":
		s.operator(r)
	case "+CSQ":
		r.answer(at.RSSIParams(s.modem.Signal())...)
	case "+CESQ":
		r.answer(at.SignalParams(s.modem.Signal(), s.modem.Registration().Technology)...)
	case "+CGATT":
		s.attach(r)
	case "+CGDCONT":
		s.define(r)
	case "+CGAUTH", "+UAUTHREQ":
		s.authenticate(r)
	case "+CGACT":
		s.activate(r)
	case "+CGCONTRDP":
		s.granted(r)
	case "+CGPADDR":
		s.addresses(r)
	case "+CGEREP":
		s.contextReports(r)
	case "+CEER":
		s.why(r)
	default:
		r.done(at.ErrError)
	}
}
