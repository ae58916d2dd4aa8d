package cellular

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/farspoke/farspoke/cellular/apn"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Phase is how far a modem is.
type Phase uint8

// The phases, in their order.
const (
	// Absent: it is not on the bus.
	Absent Phase = iota + 1
	// Recovering: it does not answer, or refuses what it must not.
	Recovering
	// Opening: a conversation begins.
	Opening
	// Card: the SIM is waited for.
	Card
	// Radio: the radio is.
	Radio
	// Registering: a network is.
	Registering
	// Connecting: a connection is.
	Connecting
	// Up: everything that is configured is connected.
	Up
)

var phaseWords = []string{"", "absent", "recovering", "opening", "waiting for the SIM", "waiting for the radio", "registering", "connecting", "up"}

// String says the phase in words.
func (p Phase) String() string { return phaseWords[p] }

// MarshalText is String.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (p *Phase) UnmarshalText(text []byte) error {
	i := slices.Index(phaseWords, string(text))
	if i < 0 {
		return fmt.Errorf("%q is no phase of a modem", text)
	}
	*p = Phase(i)
	return nil
}

// Status is a snapshot of a modem.
type Status struct {
	// Name is the modem's in the configuration.
	Name  string `json:"name"`
	Phase Phase  `json:"phase"`
	// Text says in one line what is waited for and what to do about it, empty if
	// nothing is.
	Text string `json:"text,omitempty"`
	// Device says what and where the modem is on the bus, empty while it is absent.
	Device       string             `json:"device,omitempty"`
	Identity     modem.Identity     `json:"identity"`
	Slots        []modem.Slot       `json:"slots,omitempty"`
	SIM          modem.SIM          `json:"sim"`
	Registration modem.Registration `json:"registration"`
	Signal       modem.Signal       `json:"signal"`
	// Attach is the APN that the modem registers with, in one line, and why.
	Attach string `json:"attach,omitempty"`
	// Rejected are the registrations that networks refused, the latest last.
	Rejected    []string           `json:"rejected,omitempty"`
	Connections []ConnectionStatus `json:"connections"`
}

// ConnectionStatus is a snapshot of a connection of a modem.
type ConnectionStatus struct {
	// Interface is the one that uses it, and PDN which of the modem's it is.
	Interface string `json:"interface"`
	PDN       string `json:"pdn,omitempty"`
	Up        bool   `json:"up"`
	// Since is when it was made, zero if that was before the router process began.
	Since time.Time `json:"since,omitzero"`
	// APN is the one that was chosen, and why, in one line; Granted what the network
	// made of it.
	APN      string       `json:"apn,omitempty"`
	Granted  string       `json:"granted,omitempty"`
	Address  netip.Prefix `json:"address,omitzero"`
	Address6 netip.Prefix `json:"address6,omitzero"`
	DNS      []netip.Addr `json:"dns,omitempty"`
	// MTU is the largest packet in octets, as the network says; 0 if it does not.
	MTU int `json:"mtu,omitempty"`
	// Counters are the modem's own.
	Counters *modem.Counters `json:"counters,omitempty"`
	// Failed are the attempts that came to nothing, the latest last.
	Failed []string `json:"failed,omitempty"`
}

// shownAttempts is how many attempts are shown.
const shownAttempts = 8

// Status returns the modem's state. It is safe for concurrent use.
func (s *Station) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Refresh has the modem asked for what changes all the time, and returns when its
// answers are in the Status or ctx ends.
func (s *Station) Refresh(ctx context.Context) {
	done := make(chan struct{})
	select {
	case s.asked <- done:
	case <-ctx.Done():
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// report makes the snapshot that Status returns. v is nil while no modem is open.
func (s *Station) report(h hold, v *visit) {
	status := Status{Name: s.name, Phase: h.phase, Text: h.why}
	if v != nil {
		status.Device, status.Identity, status.Slots = v.device.String(), v.identity, v.slots
		status.SIM, status.Registration, status.Signal = v.sim, v.registration, v.signal
		if !v.attach.unsupported {
			status.Attach = v.attach.choice.Why
		}
		status.Rejected = words(s.histories[v.attachPurpose()])
	}
	for _, u := range s.underlays {
		c := ConnectionStatus{
			Interface: u.Name, PDN: u.PDN, Up: u.connected, Since: u.since, APN: u.choice.Why, Granted: u.connection.APN,
			Address: u.connection.Address4, Address6: u.connection.Address6, DNS: u.connection.DNS, MTU: u.connection.MTU,
			Counters: u.counters,
		}
		if v != nil {
			c.Failed = words(s.histories[v.purpose(u)])
		}
		status.Connections = append(status.Connections, c)
	}
	s.mu.Lock()
	was := s.status
	s.status = status
	s.mu.Unlock()
	if v != nil && (was.Phase != h.phase || was.Text != h.why) {
		s.log.Debug("modem", "phase", h.phase, "why", h.why)
	}
}

// words says of each attempt what was tried and why it came to nothing.
func words(h apn.History) []string {
	var lines []string
	for _, a := range h[max(0, len(h)-shownAttempts):] {
		name := a.APN.String()
		if a.Own {
			name = "the modem's own APN"
		}
		lines = append(lines, a.At.UTC().Format(time.TimeOnly)+" "+name+": "+a.Cause())
	}
	return lines
}
