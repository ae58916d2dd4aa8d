package firewall

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Ruleset is one nftables table, whole: what Compile makes of a configuration.
// It knows nothing of netlink; String prints it as nft text.
type Ruleset struct {
	counters []counter
	helpers  []helper
	sets     []set
	chains   []*chain

	// counted and listed are the names of the counters and sets.
	counted, listed map[string]bool

	fingerprint string
}

// tableName names our table of the inet family.
const tableName = "farspoke"

// counter is a named counter. A table's counters are read by name, so rules
// that share an outcome share a counter.
type counter struct {
	name string
	// from, to and class say what is counted in the words of the
	// configuration; from and to are empty for what no policy is about.
	from, to string
	class    string
}

// helper is a connection tracking helper by its name in the kernel, and the
// protocol it listens to.
type helper struct {
	name  string
	proto protocol
}

// nameKey is a device of a packet's path. Its value is nft's word.
type nameKey string

const (
	ingress nameKey = "iifname"
	egress  nameKey = "oifname"
	// slave is the link a packet came in by when ingress is its VRF device.
	// The kernel knows it in the input and forward hooks only.
	slave nameKey = "meta sdifname"
)

// keyType is nft's name, number and length in octets of what a set holds.
type keyType struct {
	name   string
	number uint32
	length int
}

// The numbers are those of nft's datatypes, which it shows a set by.
var (
	keyDevice = keyType{"ifname", 41, 16}
	keyIPv4   = keyType{"ipv4_addr", 7, 4}
	keyIPv6   = keyType{"ipv6_addr", 8, 16}
	keyMark   = keyType{"mark", 19, 4}
)

// keyOf is the type of a family's addresses.
func keyOf(v6 bool) keyType {
	if v6 {
		return keyIPv6
	}
	return keyIPv4
}

// set is a set, or a map to verdicts.
type set struct {
	name string
	// keys are the types of which an element's key is joined.
	keys []keyType
	// verdicts says that it is a map, interval that its elements are ranges.
	verdicts, interval bool
	elements           []element

	// filled is how the set gets elements that are not here. They outlive a
	// commit.
	filled filling
	// timeout is after how long such an element leaves the set; 0 is never.
	timeout time.Duration
}

// filling says who puts elements into a set.
type filling int

const (
	byCompiler filling = iota // nobody but Compile
	byOthers                  // user space, at run time
	byPackets                 // rules, as packets come
)

// maxFilled bounds the elements of a set that is filled at run time.
const maxFilled = 65535

// size bounds the set: what is filled at run time, because memory is finite, and
// what never changes, because the kernel then looks elements up in a third of
// the time. Intervals have none: theirs is not the number of ranges.
func (s *set) size() uint32 {
	switch {
	case s.filled != byCompiler:
		return maxFilled
	case s.interval:
		return 0
	}
	return uint32(len(s.elements))
}

// element is a member of a set.
type element struct {
	// text is the key in nft's syntax; key holds its octets, and end, of an
	// interval, those of the first key beyond it, nil if there is none.
	text     string
	key, end []byte
	verdict  verdict
}

// chain is a list of rules. Without a hook it is entered from another chain.
type chain struct {
	name  string
	hook  hook
	rules []rule
}

// hook says where the kernel enters a base chain. Its zero value is none.
type hook struct {
	// kind, point and priority are nft's words.
	kind, point, priority string
	// drop is the policy: what becomes of packets no rule decides.
	drop bool
}

// add appends a rule.
func (c *chain) add(statements ...statement) {
	c.rules = append(c.rules, statements)
}

// rule is what a packet must match, then what is done with it.
type rule []statement

// statement is a part of a rule, one of the types of statement.go.
type statement interface {
	// nft is the statement in nft's syntax.
	nft() string
}

// chain adds an empty chain.
func (r *Ruleset) chain(name string, h hook) *chain {
	c := &chain{name: name, hook: h}
	r.chains = append(r.chains, c)
	return c
}

// count adds a counter, unless there is one of its name, and returns the
// statement that counts on it.
func (r *Ruleset) count(c counter) count {
	if !r.counted[c.name] {
		if r.counted == nil {
			r.counted = make(map[string]bool)
		}
		r.counted[c.name] = true
		r.counters = append(r.counters, c)
	}
	return count(c.name)
}

// format is part of the fingerprint. It goes up when the same text is encoded
// differently, so that an update replaces the table.
const format = "2"

// Fingerprint identifies the Ruleset. It is kept in the table, so that an
// unchanged ruleset is left alone with its counters.
func (r *Ruleset) Fingerprint() string { return r.fingerprint }

// complete gives a ruleset to which nothing is added any more its fingerprint.
func (r *Ruleset) complete() *Ruleset {
	r.fingerprint = digest(format, r.String())[:32]
	return r
}

// digest returns the hash of the texts in hexadecimal.
func digest(texts ...string) string {
	h := sha256.New()
	for _, text := range texts {
		fmt.Fprintf(h, "%d %s\n", len(text), text)
	}
	return hex.EncodeToString(h.Sum(nil))
}
