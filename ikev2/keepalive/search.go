package keepalive

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

const (
	// maxAsked bounds how often a question is asked before the peer counts as
	// silent.
	maxAsked = 4
	// firstPort is the first of the dynamic ports (RFC 6335 section 6), from
	// which scratch ports are drawn.
	firstPort = 49152
	portNAT   = 4500
)

// Follow tells which path there is now. What was learned holds for as long as
// our public address stays the same.
func (l *Learner) Follow(now Instant, path Path) Effects {
	return l.step(now, func() {
		same := l.path.same(path)
		l.path = path
		if same {
			return
		}
		l.rest()
		if !path.usable() {
			return
		}
		if l.state.Public != path.Public {
			l.state = State{Public: path.Public, Begun: l.state.Begun, Questions: l.state.Questions, Group: l.state.Group}
			l.schedule(l.within(l.timing.Begin))
		}
		l.state.StartAt = max(l.state.StartAt, l.now+l.timing.Begin)
		l.out.Changed = true
	})
}

// Refute tells that a mapping was lost although it was kept alive at the
// Interval.
func (l *Learner) Refute(now Instant) Effects {
	return l.step(now, func() {
		interval := l.Interval()
		if interval <= l.timing.Default {
			return
		}
		l.note("a NAT lost a mapping that was kept alive every %s: back to %s", interval, l.timing.Default)
		l.rest()
		l.state.Known, l.state.Trial, l.state.Refuted = Bounds{}, Bounds{}, interval
		l.schedule(l.within(l.timing.Retry))
	})
}

// Tick lets time pass. Call it no later than Deadline.
func (l *Learner) Tick(now Instant) Effects { return l.step(now, func() {}) }

// Deadline returns when Tick must be called at the latest, false for never.
func (l *Learner) Deadline() (at Instant, ok bool) {
	if l.phase == resting {
		return l.state.StartAt, l.path.usable()
	}
	return l.due, true
}

// Receive takes a packet that came to the scratch port.
func (l *Learner) Receive(now Instant, p Packet) Effects {
	return l.step(now, func() {
		from := netip.AddrPortFrom(l.path.Peer, portNAT)
		if l.phase != asking || p.Local.Port() != l.local || p.Remote != from {
			return
		}
		l.answer(p.Data)
	})
}

// step runs one input and then what has become due.
func (l *Learner) step(now Instant, input func()) Effects {
	l.now, l.out = max(now, l.now), Effects{}
	input()
	if at, ok := l.Deadline(); !ok || at > l.now {
		return l.out
	}
	switch l.phase {
	case resting:
		l.begin()
	case asking:
		l.repeat()
	case settling:
		l.out.Keepalive = append(l.out.Keepalive, l.packet(nil))
		l.phase, l.due = silent, l.now+l.silence
	case silent:
		l.ask()
	}
	return l.out
}

// begin opens a scratch flow.
func (l *Learner) begin() {
	l.local = firstPort + uint16(binary.BigEndian.Uint16(l.draw(2))%(1<<16-firstPort))
	l.outside, l.silence = 0, 0
	l.state.Begun = l.now
	l.out.Changed = true
	l.ask()
}

// rest ends the scratch flow.
func (l *Learner) rest() {
	l.phase, l.local, l.outside = resting, 0, 0
	l.question = question{}
}

// schedule sets when the next search begins, never too soon after the last.
func (l *Learner) schedule(pause time.Duration) {
	l.state.StartAt = l.now + pause
	if l.state.Begun != 0 {
		l.state.StartAt = max(l.state.StartAt, l.state.Begun+l.timing.Retry)
	}
	l.out.Changed = true
}

// seen draws the conclusion from the port that the NAT gave our question.
func (l *Learner) seen(outside uint16) {
	before := l.outside
	l.outside, l.question = outside, question{}
	if l.silence != 0 {
		trial := &l.state.Trial
		if outside == before {
			trial.Lived = l.silence
		} else {
			trial.Died = l.silence
		}
		l.state.Failures, l.state.Problem = 0, ""
		l.out.Changed = true
	}
	next, ok := l.next()
	if !ok {
		l.conclude()
		return
	}
	l.silence = next
	l.phase, l.due = settling, l.now+l.timing.Settle
}

// next returns the silence to be tried, false when there is nothing to be learned
// any more.
func (l *Learner) next() (time.Duration, bool) {
	trial, longest := l.state.Trial, l.timing.Silences[len(l.timing.Silences)-1]
	if trial.Died == 0 {
		return longest, trial.Lived < longest
	}
	var open []time.Duration
	for _, s := range l.timing.Silences {
		if trial.Lived < s && s < trial.Died {
			open = append(open, s)
		}
	}
	if len(open) == 0 {
		return 0, false
	}
	return open[len(open)/2], true
}

// conclude ends a search.
func (l *Learner) conclude() {
	before := l.Interval()
	if l.state.Known.Died != 0 {
		l.state.Refuted = 0 // a week ago, and not again
	}
	l.state.Known, l.state.Trial = l.state.Trial, Bounds{}
	l.state.Opaque = l.state.Known.Died == 0
	l.rest()
	l.schedule(l.timing.Repeat)
	known := l.state.Known
	switch after := l.Interval(); {
	case l.state.Opaque:
		l.note("the NAT gives a flow the same port even after %s, so how long it remembers cannot be learned: it is kept alive every %s", known.Lived, after)
	case after != before:
		l.note("the NAT remembers a silent flow for %s: it is kept alive every %s", known, after)
	}
}

// setback ends a search that cannot go on. What it found out stays.
func (l *Learner) setback(format string, args ...any) {
	l.state.Problem = fmt.Sprintf(format, args...)
	pause := min(l.timing.Retry<<min(l.state.Failures, 10), l.timing.Repeat)
	l.state.Failures++
	l.rest()
	l.schedule(pause)
}

func (l *Learner) note(format string, args ...any) { l.out.Note = fmt.Sprintf(format, args...) }

// String returns the bounds in words.
func (b Bounds) String() string {
	switch {
	case b.Died == 0 && b.Lived == 0:
		return "unknown"
	case b.Died == 0:
		return "more than " + b.Lived.String()
	case b.Lived == 0:
		return "less than " + b.Died.String()
	}
	return b.Lived.String() + " to " + b.Died.String()
}
