// Package keepalive learns for how long the NATs before us remember a silent UDP
// flow, so that a NAT keepalive (RFC 3948 section 2.3) goes out no more often
// than it must.
//
// The parties are us, the NATs between, and an IKEv2 responder beyond them, which
// need not know. The responder's answer to IKE_SA_INIT holds
// NAT_DETECTION_DESTINATION_IP, the hash of the address and port our request
// came from (RFC 7296 section 2.23). We know that address, so trying all ports
// tells which one the NAT gave us. A Learner asks from a scratch port, says
// nothing for a while, and asks again: the same port outside means that the
// mapping outlived the silence, another that it was forgotten.
//
// A NAT that gives a flow the same port every time always looks as if it
// remembered. So the first silence is longer than a NAT has reason to keep a
// mapping: what outlives it teaches nothing, and the interval stays what it was.
// Only once a mapping was seen to be forgotten is it believed to have lived
// through something shorter. The rest is a bisection, of four questions at most.
//
// A scratch flow is made to look like one of ours: answered, then kept alive by
// single octets, because many NATs keep an answered flow longer than one that is
// new (Linux: nf_conntrack_udp_timeout_stream).
//
// What it costs the responder: each question leaves an IKE SA half open there, as
// that of a client which loses its uplink does, until the responder's timer of
// some 30 s ends it. A search asks about six questions in twenty minutes, with one
// unanswered at most, and is repeated weekly; responders begin to defend
// themselves at several times that at once (strongSwan: five half-open IKE SAs
// from an address). One that asks for a cookie is under load, and is left alone
// for an hour and more. Searches begin at random times, lest a power cut sends
// those of all branches to the hub together.
//
// Nothing in an answer is authenticated, but it must bear the random SPI that the
// question held. Who reads the path, and so can forge one, can
// make a mapping last no longer than Timing allows: he could as well drop what
// we send.
package keepalive

import (
	"encoding/binary"
	"io"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/ikev2/suite"
)

// Instant is a time on a clock that never jumps and goes on over a restart of
// the process, counted from the start of the system.
type Instant = time.Duration

// Timing is the pace of a search and the bounds of its result. All of it is
// needed.
type Timing struct {
	// Silences are those that may be tried, rising. The last one is longer than
	// NATs remember, and shows whether ours forgets at all.
	Silences []time.Duration
	// Settle is the pause before the octet that follows an answer.
	Settle time.Duration
	// Patience is how long the first question waits for its answer, and half as
	// long as the next.
	Patience time.Duration
	// Begin is how long after a path is there the search begins, or up to twice
	// as long.
	Begin time.Duration
	// Retry is the pause after a search that failed, which doubles each time up
	// to Repeat, and between two searches at least; Repeat is the pause after one
	// that did not.
	Retry, Repeat time.Duration
	// Default is the interval as long as nothing was learned. Least and Most
	// bound what is learned.
	Default, Least, Most time.Duration
}

// Standard is the Timing of a box. Most is less than the 120 s for which Linux,
// the firewall of the box included, remembers an answered flow.
var Standard = Timing{
	Silences: []time.Duration{
		15 * time.Second, 20 * time.Second, 30 * time.Second, 45 * time.Second, 60 * time.Second,
		90 * time.Second, 120 * time.Second, 150 * time.Second, 600 * time.Second,
	},
	Settle: 3 * time.Second, Patience: 2 * time.Second,
	Begin: 5 * time.Minute, Retry: time.Hour, Repeat: 7 * 24 * time.Hour,
	Default: 20 * time.Second, Least: 10 * time.Second, Most: 110 * time.Second,
}

// Path is what the questions go along. The zero Path is none.
type Path struct {
	// Local is our address, Public the one that the peer sees, as far as we know.
	Local, Public netip.Addr
	// Peer answers IKE_SA_INIT on port 4500.
	Peer netip.Addr
	// Offer is what we propose there.
	Offer suite.Offer
}

// usable reports whether questions can be asked, and answers understood.
func (p Path) usable() bool {
	return p.Local.Is4() && p.Public.Is4() && p.Peer.Is4() && len(p.Offer.Groups()) > 0
}

// same reports whether a mapping on one path says something about the other.
func (p Path) same(q Path) bool {
	return p.Local == q.Local && p.Public == q.Public && p.Peer == q.Peer
}

// Packet is one IKE message and the addresses it travels between.
type Packet struct {
	Local, Remote netip.AddrPort
	Data          []byte
}

// Effects is what an input brings about.
type Effects struct {
	// Send are messages behind a non-ESP marker, Keepalive single octets.
	Send, Keepalive []Packet
	// Changed says that the State is to be saved, or the Interval has changed.
	Changed bool
	// Note is something an operator may want to read afterwards, often empty.
	Note string
}

// Bounds is what is known of how long a mapping lives.
type Bounds struct {
	// Lived is the longest silence it was seen to outlive, Died the shortest it
	// was not, 0 for none.
	Lived, Died time.Duration
}

// State is what a Learner remembers of an uplink, to be kept as JSON.
type State struct {
	// Public is the address for which the rest holds.
	Public netip.Addr
	// Known is the result of the last search, Trial the state of the one under
	// way.
	Known, Trial Bounds
	// Opaque says that the NAT gives a flow the same port each time, so that
	// nothing can be learned.
	Opaque bool
	// Refuted is the interval that turned out too long, 0 for none.
	Refuted time.Duration
	// Begun is when the last search began, StartAt when the next may.
	Begun, StartAt Instant
	// Group is what the peer asked for by INVALID_KE_PAYLOAD.
	Group suite.GroupID
	// Questions counts those asked, Failures the searches that failed since one
	// did not, for Problem.
	Questions uint64
	Failures  int
	Problem   string
}

// Learner is the state machine of one uplink. It is not safe for concurrent use.
type Learner struct {
	timing Timing
	random io.Reader
	state  State
	path   Path
	now    Instant
	out    Effects

	phase phase
	due   Instant
	// local is the scratch port while it is in use, outside what the NAT made of
	// it, 0 while unknown.
	local, outside uint16
	silence        time.Duration // being tried, 0 for none
	question       question
}

// phase is where a Learner is between two questions.
//
//	resting ── due ──▶ asking ── answered ──▶ settling ── octet sent ──▶ silent
//	                     ▲                                                 │
//	                     └──────────────────── due ────────────────────────┘
type phase int

const (
	resting phase = iota
	asking
	settling
	silent
)

// New returns a Learner that goes on from a State, the zero State at first. It
// reads from random alone.
func New(timing Timing, state State, random io.Reader) *Learner {
	return &Learner{timing: timing, state: state, random: random}
}

// State returns what to save.
func (l *Learner) State() State { return l.state }

// Port returns the scratch port in use.
func (l *Learner) Port() (port uint16, ok bool) { return l.local, l.local != 0 }

// Interval returns how often a mapping is to be kept alive: three quarters of
// what it was seen to live through.
func (l *Learner) Interval() time.Duration {
	known, t := l.state.Known, &l.timing
	if known.Died == 0 {
		return t.Default
	}
	most := t.Most
	if l.state.Refuted != 0 {
		most = max(l.state.Refuted/2, t.Default)
	}
	return max(min(known.Lived*3/4, most), t.Least)
}

// draw returns n octets of randomness. The source is the kernel's, which does
// not fail.
func (l *Learner) draw(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(l.random, b); err != nil {
		panic("keepalive: random source failed: " + err.Error())
	}
	return b
}

// within returns a random duration from d to twice that.
func (l *Learner) within(d time.Duration) time.Duration {
	return d + time.Duration(binary.BigEndian.Uint64(l.draw(8))%uint64(max(d, 1)))
}
