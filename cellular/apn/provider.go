package apn

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"

	"github.com/farspoke/farspoke/cellular/modem"
)

// providers is the database. A line that does not begin with a tab is a provider:
// the numbers of its networks (MCC and MNC; the MCC alone for a virtual operator of
// unknown networks) and its names. The lines after it are its APNs: name, user,
// password, authentication and what the provider calls it. Tabs part the fields,
// and what is empty at the end is left out. It is read where it lies: a search
// takes less than a millisecond and is rare.
//
//go:embed providers.txt
var providers string

// entry is an APN of the database.
type entry struct {
	apn modem.APN
	// plan is what the provider calls it, and provider its name.
	plan, provider string
	// rank is how well the SIM's own name of its operator fits.
	rank int
}

// How well a name fits.
const (
	otherName = iota
	nearName
	sameName
)

// lookup returns the database's APNs for the SIM, the likeliest first, each once.
func lookup(sim modem.SIM) []entry {
	for _, plmn := range homes(sim) {
		if found := search(plmn, sim.Provider); len(found) > 0 {
			return found
		}
	}
	return nil
}

// homes are the numbers that the SIM's home network may have, the longest first:
// where the SIM does not say how long its MNC is, or says nonsense, only the database
// can tell.
func homes(sim modem.SIM) []string {
	var numbers []string
	for _, digits := range []int{3, 2} {
		known := sim.MNCDigits == 2 || sim.MNCDigits == 3
		if (!known || sim.MNCDigits == digits) && len(sim.IMSI) > 3+digits {
			numbers = append(numbers, sim.IMSI[:3+digits])
		}
	}
	return numbers
}

// search returns the APNs of all providers in the network of the given number.
func search(plmn, operator string) []entry {
	var found []entry
	var provider string // the one at hand, empty if it is not in the network
	var rank int
	for line := range strings.Lines(providers) {
		if provider == "" && strings.HasPrefix(line, "\t") {
			continue
		}
		first, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if first != "" {
			provider = ""
			if !strings.Contains(first, plmn[:3]) {
				continue // as for most; it saves taking the numbers apart
			}
			numbers := strings.Fields(first)
			inNetwork, inCountry := slices.Contains(numbers, plmn), slices.Contains(numbers, plmn[:3])
			if !inNetwork && !inCountry {
				continue
			}
			names := strings.Split(rest, "\t")
			if rank = likeness(operator, names...); inNetwork || rank == sameName {
				provider = names[0]
			}
		} else {
			e := parse(strings.Split(rest, "\t"))
			e.provider, e.rank = provider, max(rank, likeness(operator, e.plan))
			found = append(found, e)
		}
	}
	slices.SortStableFunc(found, func(a, b entry) int { return b.rank - a.rank })
	var distinct []entry
	for _, e := range found {
		if !slices.ContainsFunc(distinct, func(d entry) bool { return d.apn == e.apn }) {
			distinct = append(distinct, e)
		}
	}
	return distinct
}

// parse reads the fields of an APN.
func parse(fields []string) entry {
	fields = append(fields, make([]string, 5)...)
	return entry{apn: modem.APN{Name: fields[0], User: fields[1], Password: modem.Password(fields[2]), Auth: authOf(fields[3])}, plan: fields[4]}
}

func authOf(word string) modem.Auth {
	switch word {
	case "pap":
		return modem.PAP
	case "chap":
		return modem.CHAP
	}
	return modem.NoAuth
}

// likeness compares the SIM's name of its operator with others; of both only
// letters and digits count.
func likeness(operator string, names ...string) int {
	best := otherName
	if operator = plain(operator); operator == "" {
		return best
	}
	for _, name := range names {
		switch name = plain(name); {
		case name == operator:
			best = sameName
		case len(name) >= 3 && len(operator) >= 3 && (strings.Contains(name, operator) || strings.Contains(operator, name)):
			best = max(best, nearName)
		}
	}
	return best
}

func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}
