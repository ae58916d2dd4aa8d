package session

import (
	"fmt"
	"net/netip"

	"github.com/farspoke/farspoke/ikev2/suite"
)

// Effects is what an input brings about. Do it in this order: Install, save the
// State, Remove, Update and Move, Send, Events. A process that is killed in
// between then loses nothing: SAs that the saved State does not know are left
// over and removed, messages not yet sent are asked for again.
type Effects struct {
	Install []SA
	Remove  []SA
	// Update gives installed SAs other ports of the peer, Move another address.
	Update    []SA
	Move      []Move
	Send      []Packet
	Keepalive []Packet
	// Probe asks for a packet through the SA that the peer is sure to answer.
	Probe bool
	// MappingMoved says that the peer had gone on sending to where a NAT before us
	// had us no more.
	MappingMoved bool
	Events       []Event
}

// Empty reports whether nothing is to be done. The State then need not be saved:
// what has changed in it are counts and times, or an answer that a repeated
// request would bring again.
func (e *Effects) Empty() bool {
	return !e.Probe && !e.MappingMoved && len(e.Install)+len(e.Remove)+len(e.Update)+len(e.Move)+len(e.Send)+len(e.Keepalive)+len(e.Events) == 0
}

// SA is one direction of a child SA, as the kernel is to have it.
type SA struct {
	// Local and Remote are the ends. Their ports matter if Encap is set.
	Local, Remote netip.AddrPort
	Inbound       bool
	SPI           uint32
	// Encap says that ESP travels in UDP (RFC 3948).
	Encap bool
	Suite suite.ESP
	Keys  suite.Direction
}

// Move is an SA that goes on under another address of the peer, with its keys and
// its sequence numbers.
type Move struct{ From, To SA }

// EventKind is what an Event is about.
type EventKind int

// The kinds of events.
const (
	// Up: the peer is authenticated anew and a child SA installed.
	Up EventKind = iota
	// Lost: there is no child SA any more that could carry traffic.
	Lost
	// Failed: an attempt to open an IKE SA came to nothing.
	Failed
	// Note: something an operator may want to read afterwards.
	Note
	// Warning: something an operator should mend.
	Warning
)

// Event is something that happened, in words.
type Event struct {
	Kind EventKind
	Text string
	// Unanswered says of Lost that the SAs are there, and that neither traffic nor
	// anything else we tried is answered.
	Unanswered bool
}

// Settles reports whether the event is the outcome of an attempt, or the end of
// what one had brought about.
func (e Event) Settles() bool { return e.Kind == Up || e.Kind == Lost || e.Kind == Failed }

func (s *Session) event(kind EventKind, format string, args ...any) {
	s.out.Events = append(s.out.Events, Event{Kind: kind, Text: fmt.Sprintf(format, args...)})
}
