package session

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// universe is one state of two Sessions and of what is on its way between them.
// A move makes another universe of it; nothing in it is changed once it is made.
type universe struct {
	laws *laws
	now  Instant
	ends [2]*end
	// flying are messages that will arrive. held are messages, or copies of
	// them, that a fault keeps for as long as it likes, and perhaps for ever.
	flying, held []letter
	// faults is how many more may happen.
	faults int
	// quiet is when the network becomes good and the operators' hands rest.
	quiet Instant
	sent  int
	// broken is since when traffic does not flow both ways, 0 if it does, and gap
	// the longest time it did not.
	broken, gap Instant
	said        *utterance
	before      *universe
	move        move
	events      []Event
}

// laws are the same in all universes that can be reached from one.
type laws struct {
	// lowest is the nonce that is lower than the three others.
	lowest nonce
	// outcomes are what is known to come of giving an input to an end, and ends
	// those that have been seen.
	outcomes map[input]outcome
	ends     map[uint64]*end
}

// end is one side of a universe: a Session, its kernel, its randomness, and what
// it is still to do. It is never changed.
type end struct {
	node
	dice   dice
	todo   []command
	digest uint64
}

// input is all that decides what an end does.
type input struct {
	end     *end
	now     Instant
	verb    verb
	message uint64
	// asked says that the message is a request.
	asked bool
}

type outcome struct {
	end     *end
	effects Effects
	err     error
}

// letter is a message that the end of that index receives.
type letter struct {
	to int
	Packet
	asked  bool
	digest uint64
}

// utterance is a list of what was sealed under which header, newest first.
type utterance struct {
	header wire.Header
	digest uint64
	before *utterance
}

// command is something that an operator, a timer or a mishap does to one side,
// once it can.
type command struct {
	name string
	can  func(*Session) bool
	do   func(*Session)
}

// dice is a source of randomness that can be copied. With low it makes nonces
// that are lower than those without.
type dice struct {
	rand.ChaCha8
	rolls int
	low   bool
}

func (d *dice) Read(b []byte) (int, error) {
	d.rolls++
	n, err := d.ChaCha8.Read(b)
	if len(b) == nonceLength {
		b[0] |= 0x80
		if d.low {
			b[0] &= 0x7f
		}
	}
	return n, err
}

// nonce names one of the four nonces of two exchanges that cross.
type nonce struct {
	of        int
	responder bool
}

var (
	spokeAsks, hubAnswers = nonce{of: 0}, nonce{of: 1, responder: true}
	hubAsks, spokeAnswers = nonce{of: 1}, nonce{of: 0, responder: true}
)

type verb int

const (
	deliver verb = iota // a message arrives, whatever was sent before it
	hold                // a message is late or lost
	repeat              // a message arrives, and a copy is kept
	release             // what was held arrives
	tick                // time passes until one of the two is due
	act                 // one side carries out its next command
)

type move struct {
	verb  verb
	index int
}

// moves are all that can happen next. Time passes only when nothing flies: a
// message that is to be overtaken by time is held.
func (u *universe) moves() []move {
	first, due := u.due()
	if u.now >= u.quiet {
		if len(u.flying) > 0 {
			return []move{{deliver, 0}}
		}
		return []move{{tick, first}}
	}
	var all []move
	for i, at := range due {
		if at <= u.now || i == first && len(u.flying) == 0 {
			all = append(all, move{tick, i})
		}
	}
	for i := range u.flying {
		all = append(all, move{deliver, i})
	}
	for i, e := range u.ends {
		if len(e.todo) > 0 && e.todo[0].can(e.session) {
			all = append(all, move{act, i})
		}
	}
	if u.faults > 0 {
		for i := range u.flying {
			all = append(all, move{hold, i}, move{repeat, i})
		}
	}
	for i := range u.held {
		all = append(all, move{release, i})
	}
	return all
}

// make returns the universe after a move, nil if the move cannot be made.
func (u *universe) make(m move) (*universe, error) {
	v := *u
	v.before, v.move, v.events = u, m, nil
	var l letter
	switch m.verb {
	case act:
		return v.step(input{end: v.ends[m.index], verb: act}, m.index, func(s *Session) Effects {
			return s.step(v.now, func() { v.ends[m.index].todo[0].do(s) })
		})
	case tick:
		_, due := v.due()
		v.now = max(v.now, due[m.index])
		return v.step(input{end: v.ends[m.index], verb: tick}, m.index, func(s *Session) Effects { return s.Tick(v.now) })
	case release:
		l = u.held[m.index]
		v.held = without(u.held, m.index)
	default:
		l = u.flying[m.index]
		v.flying = without(u.flying, m.index)
	}
	if m.verb == hold || m.verb == repeat {
		v.faults--
		v.held = append(slices.Clip(u.held), l)
	}
	if m.verb == hold {
		return &v, nil
	}
	return v.step(input{end: v.ends[l.to], verb: deliver, message: l.digest, asked: l.asked}, l.to, func(s *Session) Effects { return s.Receive(v.now, l.Packet) })
}

func without(letters []letter, i int) []letter {
	return append(slices.Clone(letters[:i]), letters[i+1:]...)
}

// due returns when either side must tick, and which is the first.
func (u *universe) due() (first int, at [2]Instant) {
	for i, e := range u.ends {
		deadline, ok := e.session.Deadline()
		if !ok {
			deadline = max(u.now, u.quiet) + time.Hour
		}
		at[i] = deadline
	}
	if at[1] < at[0] {
		first = 1
	}
	return first, at
}

// step gives an input to one side and checks what comes of it.
func (u *universe) step(in input, i int, give func(*Session) Effects) (*universe, error) {
	in.now = u.now
	out, known := u.laws.outcomes[in]
	if !known {
		out = u.laws.outcome(in, i, give)
		u.laws.outcomes[in] = out
	}
	u.ends[i], u.events = out.end, out.effects.Events
	for _, p := range out.effects.Send {
		l := letter{1 - i, Packet{Local: p.Remote, Remote: p.Local, Data: p.Data}, !first(p).Response(), maphash.Bytes(hashSeed, p.Data)}
		u.sent++
		u.flying = append(slices.Clip(u.flying), l)
		if err := u.utter(l); err != nil {
			return u, err
		}
	}
	if u.traffic() == nil {
		u.broken = 0
	} else if u.broken == 0 {
		u.broken = u.now
	}
	if u.broken != 0 {
		u.gap = max(u.gap, u.now-u.broken, 1)
	}
	return u, out.err
}

// outcome gives an input to a copy of an end.
func (x *laws) outcome(in input, i int, give func(*Session) Effects) outcome {
	e := in.end.fork()
	e.dice.low = x.lowest == nonce{of: i, responder: in.asked}
	effects := give(e.session)
	if in.verb == act {
		e.todo = e.todo[1:]
	}
	err := e.obey(effects)
	if err == nil {
		err = e.identify()
	}
	if same, known := x.ends[e.digest]; known && err == nil {
		return outcome{same, effects, nil}
	}
	x.ends[e.digest] = e
	if err == nil {
		err = e.restorable()
	}
	return outcome{e, effects, err}
}

// traffic returns why it does not flow both ways.
func (u *universe) traffic() error {
	return errors.Join(u.ends[0].reaches(&u.ends[1].node), u.ends[1].reaches(&u.ends[0].node))
}

// utter demands that no two different messages leave under one message id.
func (u *universe) utter(l letter) error {
	m, err := wire.Parse(l.Data)
	if err != nil || m.Encrypted == nil {
		return err
	}
	for other := u.said; other != nil; other = other.before {
		if other.header.SPIi == m.SPIi && other.header.Flags == m.Flags && other.header.MessageID == m.MessageID {
			if other.digest != l.digest {
				return fmt.Errorf("two messages leave under id %d", m.MessageID)
			}
			return nil
		}
	}
	u.said = &utterance{m.Header, l.digest, u.said}
	return nil
}

func (e *end) fork() *end {
	f := *e
	f.kernel = slices.Clone(e.kernel)
	session := *e.session
	f.session = &session
	session.random = &f.dice
	session.state.SAs = slices.Clone(session.state.SAs)
	for i, sa := range session.state.SAs {
		session.state.SAs[i] = copyOf(sa)
		session.state.SAs[i].Request = copyOf(sa.Request)
		session.state.SAs[i].Handshake = copyOf(sa.Handshake)
	}
	session.state.Children = slices.Clone(session.state.Children)
	for i, c := range session.state.Children {
		session.state.Children[i] = copyOf(c)
	}
	return &f
}

func copyOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// identify makes a digest of all that decides what the end will do.
func (e *end) identify() error {
	state := e.session.State()
	state.Counters = Counters{} // they decide nothing
	b, err := json.Marshal(state)
	b = binary.BigEndian.AppendUint64(b, uint64(e.session.now))
	b = binary.BigEndian.AppendUint64(b, uint64(e.dice.rolls))
	for _, sa := range e.kernel {
		b = binary.BigEndian.AppendUint32(b, sa.SPI)
	}
	b = append(b, e.name...)
	e.digest = maphash.Bytes(hashSeed, append(b, byte(len(e.todo))))
	return err
}

// restorable demands that the saved State is the State, so that a Session which
// is restored from it does all that this one would.
func (e *end) restorable() error {
	saved, err := json.Marshal(e.session.State())
	if err != nil {
		return err
	}
	var restored State
	if err := json.Unmarshal(saved, &restored); err != nil {
		return err
	}
	if !reflect.DeepEqual(restored, e.session.State()) {
		return fmt.Errorf("%s is another after a restart", e.name)
	}
	return nil
}

var hashSeed = maphash.MakeSeed()

// digest is the same for two universes that have the same future.
func (u *universe) digest() uint64 {
	b := binary.BigEndian.AppendUint64(nil, uint64(u.now))
	b = binary.BigEndian.AppendUint64(b, uint64(u.broken))
	b = append(b, byte(u.faults))
	for _, e := range u.ends {
		b = binary.BigEndian.AppendUint64(b, e.digest)
	}
	for _, letters := range [][]letter{u.flying, u.held} {
		var digests []uint64
		for _, l := range letters {
			digests = append(digests, l.digest)
		}
		slices.Sort(digests)
		b = append(b, byte(len(digests)))
		for _, d := range digests {
			b = binary.BigEndian.AppendUint64(b, d)
		}
	}
	return maphash.Bytes(hashSeed, b)
}

// String tells how it came to this.
func (u *universe) String() string {
	var lines []string
	for ; u.before != nil; u = u.before {
		lines = append(lines, fmt.Sprintf("%9v  %s", u.now-time.Minute, u.before.describe(u)))
	}
	slices.Reverse(lines)
	return strings.Join(lines, "\n")
}

// describe tells what the move was that led to next.
func (u *universe) describe(next *universe) string {
	m := next.move
	var what string
	switch m.verb {
	case deliver, repeat:
		what = u.read(u.flying[m.index]) + map[verb]string{repeat: "; a copy is held"}[m.verb]
	case hold:
		return "HELD: " + u.read(u.flying[m.index])
	case release:
		what = "RELEASED: " + u.read(u.held[m.index])
	case act:
		what = fmt.Sprintf("%s: %s", u.ends[m.index].name, u.ends[m.index].todo[0].name)
	case tick:
		what = "tick"
	}
	for _, event := range next.events {
		what += fmt.Sprintf("\n           it says: %s", event.Text)
	}
	for i, e := range next.ends {
		if e.digest != u.ends[i].digest {
			what += "\n           " + e.summary()
		}
	}
	return what
}

// summary lists the SAs.
func (e *end) summary() string {
	b := &strings.Builder{}
	fmt.Fprintf(b, "%s has", e.name)
	for _, sa := range e.session.state.SAs {
		fmt.Fprintf(b, " IKE %04x %s", sa.localSPI()>>48, sa.Stage)
		if sa.Request != nil {
			fmt.Fprintf(b, " (asks %v %s)", sa.Request.ID, sa.Request.Exchange)
		}
	}
	for _, c := range e.session.state.Children {
		fmt.Fprintf(b, ", child %04x/%04x of %04x", c.SPIIn>>16, c.SPIOut>>16, c.Owner>>48)
		for word, is := range map[string]bool{" in": c.HasIn, " out": c.HasOut, " retired": c.Retired, " delete": c.Delete, " replaces": c.Replaces != 0} {
			if is {
				b.WriteString(word)
			}
		}
	}
	return b.String()
}

// read tells what is in a message, with the keys of the one it goes to.
func (u *universe) read(l letter) string {
	m, err := wire.Parse(l.Data)
	if err != nil {
		return err.Error()
	}
	direction := "request"
	if m.Response() {
		direction = "response"
	}
	text := fmt.Sprintf("to %s: %s %s %d of %04x:", u.ends[l.to].name, m.Exchange, direction, m.MessageID, m.SPIi>>48)
	payloads := m.Payloads
	if sa := u.ends[l.to].session.find(m.Header); m.Encrypted != nil && sa != nil {
		payloads, _ = sa.Suite.Open(m.Encrypted, sa.receiveKeys())
	} else if m.Encrypted != nil {
		return text + " for no SA"
	}
	for _, p := range payloads {
		switch p := p.(type) {
		case wire.Notify:
			text += fmt.Sprintf(" %s", p.Kind)
			if len(p.SPI) == 4 {
				text += fmt.Sprintf("(%04x)", binary.BigEndian.Uint32(p.SPI)>>16)
			}
		case wire.Delete:
			text += fmt.Sprintf(" DELETE(%d", p.Protocol)
			for _, spi := range p.SPIs {
				text += fmt.Sprintf(" %04x", spi>>16)
			}
			text += ")"
		case wire.SA:
			text += fmt.Sprintf(" SA(%x)", p.Proposals[0].SPI)
		case wire.Nonce:
			text += fmt.Sprintf(" Nonce(%02x)", p[0])
		default:
			text += fmt.Sprintf(" %s", p.Type())
		}
	}
	return text
}

// meet returns two Sessions that know of each other and have no SA.
func meet(spoke, hub Config) *universe {
	u := &universe{now: time.Minute, laws: &laws{outcomes: map[input]outcome{}, ends: map[uint64]*end{}}}
	for i, c := range []Config{spoke, hub} {
		peer := []netip.Addr{hubAddr, publicAddr}[i]
		e := &end{node: node{name: []string{"spoke", "hub"}[i], config: c}}
		e.dice.ChaCha8 = *rand.NewChaCha8([32]byte{byte(i)})
		e.session = New(c, peer, io.Reader(&e.dice))
		e.session.Uplink(u.now, []netip.Addr{publicAddr, hubAddr}[i])
		u.ends[i] = e
	}
	return u
}
