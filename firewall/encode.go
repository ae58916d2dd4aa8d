package firewall

import (
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"
)

// Expressions the library has no name for (linux/netfilter/nf_tables.h). The
// kernel's own IPsec match, the xfrm expression, cannot be added from outside
// the library; these two say as much: they only cannot name the SA.
const (
	metaSecpath  expr.MetaKey = 25
	metaSDIFName expr.MetaKey = 34
	rtIPsec      expr.RtKey   = 4
)

// identitySet holds one element, whose comment is the fingerprint of the
// ruleset. Of tables and sets the library does not read the comment back.
const identitySet = "identity"

// encode queues the messages that replace our table by r. Adding the table
// first makes its removal succeed when there is none.
func encode(conn *nftables.Conn, r *Ruleset) error {
	table := &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}
	conn.AddTable(table)
	conn.DelTable(table)
	conn.AddTable(table)

	identity := &nftables.Set{Table: table, ID: 1, Name: identitySet, KeyType: nftables.TypeMark, KeyByteOrder: binaryutil.NativeEndian}
	fingerprint := nftables.SetElement{Key: native(0), Comment: r.Fingerprint()}
	if err := conn.AddSet(identity, []nftables.SetElement{fingerprint}); err != nil {
		return fmt.Errorf("encode set %s: %w", identitySet, err)
	}
	for _, c := range r.counters {
		conn.AddObj(&nftables.NamedObj{Table: table, Name: c.name, Type: nftables.ObjTypeCounter, Obj: &expr.Counter{}})
	}
	chains := make([]*nftables.Chain, len(r.chains))
	for i, c := range r.chains {
		encoded, err := encodeChain(table, c)
		if err != nil {
			return fmt.Errorf("encode chain %s: %w", c.name, err)
		}
		chains[i] = conn.AddChain(encoded)
	}
	sets := make(map[string]*nftables.Set)
	for i := range r.sets {
		s := &r.sets[i]
		// The identifier holds within the transaction, the identity's is 1.
		encoded, err := encodeSet(conn, table, s, uint32(i+2))
		if err != nil {
			return fmt.Errorf("encode set %s: %w", s.name, err)
		}
		sets[s.name] = encoded
	}
	for i, c := range r.chains {
		for _, rule := range c.rules {
			var exprs []expr.Any
			for _, s := range rule {
				e, err := encodeStatement(s, sets)
				if err != nil {
					return fmt.Errorf("encode rule %q of chain %s: %w", rule, c.name, err)
				}
				exprs = append(exprs, e...)
			}
			conn.AddRule(&nftables.Rule{Table: table, Chain: chains[i], Exprs: exprs})
		}
	}
	return nil
}

// points and priorities translate nft's words.
var (
	points = map[string]*nftables.ChainHook{
		"prerouting":  nftables.ChainHookPrerouting,
		"input":       nftables.ChainHookInput,
		"forward":     nftables.ChainHookForward,
		"output":      nftables.ChainHookOutput,
		"postrouting": nftables.ChainHookPostrouting,
	}
	priorities = map[string]*nftables.ChainPriority{
		"raw":    nftables.ChainPriorityRaw,
		"mangle": nftables.ChainPriorityMangle,
		"filter": nftables.ChainPriorityFilter,
		"srcnat": nftables.ChainPriorityNATSource,
	}
)

func encodeChain(table *nftables.Table, c *chain) (*nftables.Chain, error) {
	encoded := &nftables.Chain{Table: table, Name: c.name}
	if c.hook == (hook{}) {
		return encoded, nil
	}
	encoded.Type = nftables.ChainType(c.hook.kind)
	encoded.Hooknum = points[c.hook.point]
	encoded.Priority = priorities[c.hook.priority]
	if encoded.Hooknum == nil || encoded.Priority == nil {
		return nil, fmt.Errorf("no such hook: %s, priority %s", c.hook.point, c.hook.priority)
	}
	policy := nftables.ChainPolicyAccept
	if c.hook.drop {
		policy = nftables.ChainPolicyDrop
	}
	encoded.Policy = &policy
	return encoded, nil
}

// maxElements is how many elements go into one message: an attribute's length
// is 16 bits, and an element takes up to about 150 octets.
const maxElements = 256

func encodeSet(conn *nftables.Conn, table *nftables.Table, s *set, id uint32) (*nftables.Set, error) {
	encoded := &nftables.Set{Table: table, ID: id, Name: s.name, KeyType: nftables.TypeIFName, KeyByteOrder: binaryutil.NativeEndian}
	if s.pair {
		encoded.KeyType = nftables.MustConcatSetType(nftables.TypeIFName, nftables.TypeIFName)
		encoded.Concatenation = true
	}
	if s.verdicts {
		encoded.IsMap = true
		encoded.DataType = nftables.TypeVerdict
	}
	if err := conn.AddSet(encoded, nil); err != nil {
		return nil, err
	}
	var elements []nftables.SetElement
	for _, e := range s.elements {
		var key []byte
		for _, name := range e.names {
			key = append(key, deviceName(name)...)
		}
		elem := nftables.SetElement{Key: key}
		if e.verdict != nil {
			v, err := encodeVerdict(e.verdict)
			if err != nil {
				return nil, fmt.Errorf("element %s: %w", e, err)
			}
			elem.VerdictData = v
		}
		elements = append(elements, elem)
	}
	for first := 0; first < len(elements); first += maxElements {
		chunk := elements[first:min(first+maxElements, len(elements))]
		if err := conn.SetAddElements(encoded, chunk); err != nil {
			return nil, err
		}
	}
	return encoded, nil
}

// deviceName is a device's name as the kernel compares it, IFNAMSIZ octets.
func deviceName(name string) []byte {
	padded := make([]byte, unix.IFNAMSIZ)
	copy(padded, name)
	return padded
}

func encodeVerdict(v verdict) (*expr.Verdict, error) {
	switch v := v.(type) {
	case jumpTo:
		return &expr.Verdict{Kind: expr.VerdictGoto, Chain: string(v)}, nil
	case word:
		switch v {
		case accept:
			return &expr.Verdict{Kind: expr.VerdictAccept}, nil
		case drop:
			return &expr.Verdict{Kind: expr.VerdictDrop}, nil
		}
	}
	return nil, fmt.Errorf("%q is not a verdict", v.nft())
}
