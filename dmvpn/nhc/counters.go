package nhc

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// Counters counts NHRP packets since the process started.
type Counters struct {
	Exchanged
	// Malformed packets could not be read, Unauthenticated ones lack the
	// authentication string, and Unexpected ones answer nothing we asked.
	Malformed       uint64 `json:"malformed"`
	Unauthenticated uint64 `json:"unauthenticated"`
	Unexpected      uint64 `json:"unexpected"`
	// Unsent packets are counted as sent and did not leave.
	Unsent uint64 `json:"unsent"`
	// Limited is how often a peer provoked more than it may.
	Limited uint64 `json:"limited"`
	// Peers are the packets by peer: at most 1,024, those heard of last.
	Peers []PeerCounters `json:"peers,omitempty"`
}

// PeerCounters counts the packets exchanged with the member at an NBMA address.
type PeerCounters struct {
	NBMA netip.Addr `json:"nbma"`
	Exchanged
}

// Exchanged counts packets by their type, and error indications by what they say.
type Exchanged struct {
	Sent           map[string]uint64 `json:"sent"`
	Received       map[string]uint64 `json:"received"`
	ErrorsSent     map[string]uint64 `json:"errors-sent"`
	ErrorsReceived map[string]uint64 `json:"errors-received"`
}

func newExchanged() Exchanged {
	return Exchanged{make(map[string]uint64), make(map[string]uint64), make(map[string]uint64), make(map[string]uint64)}
}

func (e Exchanged) clone() Exchanged {
	return Exchanged{maps.Clone(e.Sent), maps.Clone(e.Received), maps.Clone(e.ErrorsSent), maps.Clone(e.ErrorsReceived)}
}

// maxCounted bounds the peers that are counted apart.
const maxCounted = 1024

// account is what was exchanged with one peer, and when last.
type account struct {
	Exchanged
	last Instant
}

// counting counts.
type counting struct {
	Counters
	accounts map[netip.Addr]*account
}

func newCounting() counting {
	return counting{Counters{Exchanged: newExchanged()}, make(map[netip.Addr]*account)}
}

// with returns the account of a peer. The one that was silent for longest makes
// room for a new one.
func (c *counting) with(nbma netip.Addr, now Instant) *account {
	a := c.accounts[nbma]
	if a == nil {
		if len(c.accounts) >= maxCounted {
			oldest := slices.MinFunc(slices.Collect(maps.Keys(c.accounts)), func(a, b netip.Addr) int {
				return cmp.Compare(c.accounts[a].last, c.accounts[b].last)
			})
			delete(c.accounts, oldest)
		}
		a = &account{Exchanged: newExchanged()}
		c.accounts[nbma] = a
	}
	a.last = now
	return a
}

// maxKinds bounds the types and errors that are counted apart, which others choose.
const maxKinds = 32

// count counts one of a kind.
func count(counts map[string]uint64, kind string) {
	if _, known := counts[kind]; !known && len(counts) >= maxKinds {
		kind = "other"
	}
	counts[kind]++
}

func (c *counting) sent(nbma netip.Addr, p *nhrp.Packet, now Instant) {
	for _, e := range []Exchanged{c.Exchanged, c.with(nbma, now).Exchanged} {
		count(e.Sent, p.Type.String())
		if p.Type == nhrp.ErrorIndication {
			count(e.ErrorsSent, p.Error.String())
		}
	}
}

func (c *counting) received(nbma netip.Addr, p *nhrp.Packet, now Instant) {
	for _, e := range []Exchanged{c.Exchanged, c.with(nbma, now).Exchanged} {
		count(e.Received, p.Type.String())
		if p.Type == nhrp.ErrorIndication {
			count(e.ErrorsReceived, p.Error.String())
		}
	}
}

// snapshot returns the counters of now.
func (c *counting) snapshot() Counters {
	all := c.Counters
	all.Exchanged = all.clone()
	for _, nbma := range slices.SortedFunc(maps.Keys(c.accounts), netip.Addr.Compare) {
		all.Peers = append(all.Peers, PeerCounters{nbma, c.accounts[nbma].clone()})
	}
	return all
}
