package apn

import (
	"fmt"
	"hash/fnv"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Use is what an APN is for.
type Use uint8

// The uses.
const (
	// Data: a connection.
	Data Use = iota
	// Attach: registering with a network of LTE or 5G.
	Attach
)

// String names the use.
func (u Use) String() string {
	if u == Attach {
		return "attach"
	}
	return "data"
}

// Source is where an APN comes from.
type Source uint8

// The sources.
const (
	// Known: it has worked with this SIM before.
	Known Source = iota
	// Configured: somebody wants this one and no other.
	Configured
	// Modem: the modem's own attach APN is left as it is.
	Modem
	// Network: none is named, the network decides.
	Network
	// Database: a provider's, as people have collected them.
	Database
)

// Situation is all that the choice of an APN depends on.
type Situation struct {
	Use Use
	SIM modem.SIM
	// Network is the PLMN that serves the modem. It stays empty where the choice is
	// that of an attach APN, as no network serves yet.
	Network string
	// Configured is nil if no APN is configured. Its name may be empty: then the
	// network shall decide. What it leaves open of families and authentication is
	// found out.
	Configured *modem.APN
	// Families are the ones to ask for; AnyFamily means whatever the network gives.
	Families modem.Families
	// Known is what worked last with this SIM for this use, nil if nothing has.
	Known *Variant
	// History is what has come to nothing since.
	History History
}

// Choice is what to try next.
type Choice struct {
	APN modem.APN `json:"apn"`
	// Own: leave the modem's attach APN as it is; APN is the zero APN.
	Own    bool   `json:"own,omitempty"`
	Source Source `json:"-"`
	// NotBefore is when; the zero time means at once.
	NotBefore time.Time `json:"notBefore,omitzero"`
	// Hopeless: the network refuses the SIM as such, so that another SIM is worth
	// trying now.
	Hopeless bool `json:"hopeless,omitempty"`
	// Why is one line for whoever asks.
	Why string `json:"why"`
}

// Next says which APN to try next, and when. It is the first one in order that has
// not been refused; after a round, the one whose wait ends first.
func (s Situation) Next() Choice {
	attempts := s.History.in(s.Network)
	var best candidate
	var way progress
	for i, c := range s.candidates() {
		if p := s.progress(c, attempts); i == 0 || p.due.Before(way.due) {
			best, way = c, p
		}
	}
	choice := Choice{APN: way.next, Own: best.own, Source: best.source, NotBefore: way.due}
	if len(attempts) > 0 {
		last := attempts[len(attempts)-1]
		choice.Hopeless = last.rule().hopeless
		for _, limit := range []time.Time{s.held(attempts), last.At.Add(pace(attempts))} {
			if limit.After(choice.NotBefore) && limit.After(last.At) {
				choice.NotBefore = limit
			}
		}
	}
	choice.Why = choice.explain(best.provider, attempts)
	return choice
}

// held is until when the last attempts hold back everything: those in a row that
// were not one APN's fault.
func (s Situation) held(attempts History) time.Time {
	n := 0
	for n < len(attempts) && attempts[len(attempts)-1-n].rule().every {
		n++
	}
	if n == 0 {
		return time.Time{}
	}
	last := attempts[len(attempts)-1]
	return last.At.Add(s.spread(last.rule().wait(n)))
}

// The pace of attempts that need not wait for another reason: the first ones of
// ten minutes go at once, then they slow down.
const (
	paceWindow  = 10 * time.Minute
	paceFree    = 4
	paceSlowest = 30 * time.Second
)

func pace(attempts History) time.Duration {
	n := 0
	for _, a := range attempts {
		if attempts[len(attempts)-1].At.Sub(a.At) < paceWindow {
			n++
		}
	}
	if n <= paceFree {
		return 0
	}
	return rule{first: time.Second, most: paceSlowest}.wait(n - paceFree)
}

// spread lengthens a wait by up to a quarter, each SIM's by another part, so that
// a fleet that lost its network at once does not come back at once.
func (s Situation) spread(wait time.Duration) time.Duration {
	h := fnv.New32a()
	fmt.Fprint(h, s.SIM.ICCID, s.SIM.IMSI)
	return wait + time.Duration(float64(wait)/4*float64(h.Sum32())/(1<<32))
}
