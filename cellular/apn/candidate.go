package apn

import (
	"slices"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

// candidate is an APN that may be tried.
type candidate struct {
	// apn is its first variant: what the configuration or the database leaves open is
	// filled in.
	apn modem.APN
	// own: the modem's own attach APN is left alone, and apn is the zero APN.
	own      bool
	source   Source
	provider string
	// familiesGiven and authGiven: the configuration leaves no choice.
	familiesGiven, authGiven bool
}

// candidates are what may be tried in the situation, in order. There is at least
// one.
func (s Situation) candidates() []candidate {
	var list []candidate
	if s.Configured != nil {
		c := candidate{apn: *s.Configured, source: Configured, authGiven: s.Configured.Auth != modem.NoAuth}
		c.familiesGiven = c.apn.Families != modem.AnyFamily
		list = []candidate{c}
	} else {
		if s.Use == Attach {
			list = append(list, candidate{own: true, source: Modem})
		}
		list = append(list, candidate{source: Network})
		for _, e := range lookup(s.SIM) {
			list = append(list, candidate{apn: e.apn, source: Database, provider: e.provider})
		}
	}
	for i := range list {
		s.complete(&list[i])
	}
	return s.prefer(list)
}

// complete fills in what the source of a candidate leaves open. The modem's own APN
// has all it needs, and so has none at all to register with.
func (s Situation) complete(c *candidate) {
	if c.own {
		return
	}
	if !c.familiesGiven && s.Families != modem.AnyFamily {
		c.apn.Families, c.familiesGiven = s.Families, true
	}
	if c.apn.Families == modem.AnyFamily && (s.Use == Data || c.apn.Name != "") {
		c.apn.Families = modem.IPv4v6
	}
	if c.apn.User != "" && c.apn.Auth == modem.NoAuth {
		c.apn.Auth = modem.CHAP // which does not send the password
	}
}

// prefer puts what has worked before first, in the variant that worked. What has
// worked and is neither configured nor in the database any more is still tried, if
// it needs no password, unless another is configured.
func (s Situation) prefer(list []candidate) []candidate {
	if s.Known == nil {
		return list
	}
	i := slices.IndexFunc(list, func(c candidate) bool { return !c.own && c.apn.Name == s.Known.Name && c.apn.User == s.Known.User })
	if i < 0 {
		if s.Configured != nil || s.Known.User != "" {
			return list
		}
		list = append(list, candidate{apn: modem.APN{Name: s.Known.Name}})
		i = len(list) - 1
		s.complete(&list[i])
	}
	c := list[i]
	if c.source != Configured {
		c.source = Known
	}
	if !c.familiesGiven && s.Known.Families != modem.AnyFamily {
		c.apn.Families = s.Known.Families
	}
	if !c.authGiven && c.apn.User != "" && s.Known.Auth != modem.NoAuth {
		c.apn.Auth = s.Known.Auth
	}
	return slices.Insert(slices.Delete(list, i, i+1), 0, c)
}

// is reports whether the attempt was with a variant of the candidate.
func (c candidate) is(a Attempt) bool {
	return c.own == a.Own && c.apn.Name == a.APN.Name && c.apn.User == a.APN.User
}

// variant returns the candidate with other families or authentication than those
// of the attempt, if its cause asks for them and they are not given.
func (c candidate) variant(a Attempt) (modem.APN, bool) {
	next := c.apn
	next.Families, next.Auth = a.APN.Families, a.APN.Auth
	switch a.Session {
	case 50: // only IPv4
		next.Families = modem.IPv4
	case 51: // only IPv6
		next.Families = modem.IPv6
	case 57: // only both
		next.Families = modem.IPv4v6
	case 28, 52: // unknown type, not both
		next.Families = modem.IPv4
		if a.APN.Families == modem.IPv4 {
			next.Families = modem.IPv6
		}
	case 29: // wrong user or password, or asked for in the wrong way
		next.Auth = modem.CHAP
		if a.APN.Auth == modem.CHAP {
			next.Auth = modem.PAP
		}
	}
	familiesDiffer, authDiffers := next.Families != a.APN.Families, next.Auth != a.APN.Auth
	allowed := familiesDiffer && !c.familiesGiven && !c.own || authDiffers && !c.authGiven && c.apn.User != ""
	return next, allowed
}

// patience is how often a network may be out of order for one APN before another is
// tried: there are networks that answer so to an APN that they do not know.
const patience = 3

// progress is how far a candidate's attempts have come.
type progress struct {
	// next is the variant to try, not before due; the zero time means at once.
	next modem.APN
	due  time.Time
}

// progress goes through the attempts with the candidate.
func (s Situation) progress(c candidate, attempts History) progress {
	p := progress{next: c.apn}
	var tried []modem.APN
	var refusals, outages int
	for _, a := range attempts {
		if !c.is(a) {
			continue
		}
		r := a.rule()
		if r.every {
			// The APN is not to blame, or not yet.
			if outages++; a.Session == 0 || outages%patience != 0 {
				continue
			}
		}
		tried = append(tried, a.APN)
		variant, ok := c.variant(a)
		if ok && !slices.ContainsFunc(tried, func(b modem.APN) bool { return b.Families == variant.Families && b.Auth == variant.Auth }) {
			p.next, p.due = variant, time.Time{}
			continue
		}
		refusals++
		p.due = a.At.Add(s.spread(r.wait(refusals)))
		tried, p.next = nil, c.apn
		if !ok { // the families were not what was wrong
			p.next.Families = a.APN.Families
		}
	}
	return p
}
