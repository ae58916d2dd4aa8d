package firewall

import (
	"crypto/sha256"
	"encoding/hex"
)

// Ruleset is one nftables table, whole: what Compile makes of a configuration.
// It knows nothing of netlink; String prints it as nft text.
type Ruleset struct {
	counters []counter
	sets     []set
	chains   []*chain
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

// nameKey is a device of a packet's path. Its value is nft's word.
type nameKey string

const (
	ingress nameKey = "iifname"
	egress  nameKey = "oifname"
	// slave is the link a packet came in by when ingress is its VRF device.
	// The kernel knows it in the input and forward hooks only.
	slave nameKey = "meta sdifname"
)

// set is a set of device names or of pairs of them, or a map from them to
// verdicts.
type set struct {
	name string
	// pair says that the keys are pairs.
	pair bool
	// verdicts says that it is a map.
	verdicts bool
	elements []element
}

type element struct {
	names   []string
	verdict verdict
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

// count adds a counter and returns the statement that counts on it.
func (r *Ruleset) count(c counter) count {
	r.counters = append(r.counters, c)
	return count(c.name)
}

// format is part of the fingerprint. It goes up when the same text is encoded
// differently, so that an update replaces the table.
const format = "1"

// Fingerprint identifies the Ruleset. It is kept in the table, so that an
// unchanged ruleset is left alone with its counters.
func (r *Ruleset) Fingerprint() string {
	sum := sha256.Sum256([]byte(format + "\n" + r.String()))
	return hex.EncodeToString(sum[:16])
}
