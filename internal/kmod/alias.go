package kmod

import (
	"slices"
	"strings"
)

// alias says that a module drives every device whose MODALIAS the pattern
// matches.
type alias struct {
	pattern, module string
}

// Match returns the names of the modules for a MODALIAS, such as
// "pci:v00001AF4d00001041…", or for a plain alias, such as "crc32c". A device
// that none of the index's modules drives has none.
func (x *Index) Match(modalias string) []string {
	var names []string
	for _, a := range x.aliases[busOf(modalias)] {
		if match(a.pattern, modalias) && !slices.Contains(names, a.module) {
			names = append(names, a.module)
		}
	}
	return names
}

// busOf returns what stands before the colon. No pattern has a wildcard there,
// so only the aliases of one bus are worth a comparison.
func busOf(modalias string) string {
	bus, _, _ := strings.Cut(modalias, ":")
	return bus
}

// match is fnmatch(3) without flags, as depmod's patterns mean it: * and ?
// match any character, and [a-f0-9] one out of a set.
func match(pattern, s string) bool {
	// star and rest are where to go on when what follows the last * does not
	// match: the * then takes one character more.
	star, rest := -1, 0
	p, i := 0, 0
	for i < len(s) {
		if p < len(pattern) && pattern[p] == '*' {
			star, rest = p, i
			p++
			continue
		}
		if n := matchOne(pattern[p:], s[i]); n > 0 {
			p += n
			i++
			continue
		}
		if star < 0 {
			return false
		}
		rest++
		p, i = star+1, rest
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchOne matches c against the first element of the pattern and returns the
// element's length, 0 if it does not match.
func matchOne(pattern string, c byte) int {
	if pattern == "" {
		return 0
	}
	if pattern[0] == '[' {
		if end := strings.IndexByte(pattern, ']'); end > 0 {
			if inSet(pattern[1:end], c) {
				return end + 1
			}
			return 0
		}
	}
	if pattern[0] == '?' || pattern[0] == c {
		return 1
	}
	return 0
}

// inSet reports whether c is in a set such as "0-9a-f".
func inSet(set string, c byte) bool {
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' {
			if set[i] <= c && c <= set[i+2] {
				return true
			}
			i += 2
			continue
		}
		if set[i] == c {
			return true
		}
	}
	return false
}
