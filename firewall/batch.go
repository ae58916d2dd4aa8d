package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// batch is a transaction as the kernel takes it, message by message
// (linux/netfilter/nf_tables.h).
type batch struct {
	messages []message
	// sets numbers the new sets, which the kernel wants for all of them.
	sets uint32
	err  error
}

// message is one of a batch, without its header.
type message struct {
	kind  uint16
	flags netlink.HeaderFlags
	attrs []byte
	// about says in a person's words what it adds or removes, of a rule where:
	// the rule itself speaks only when it is asked, as there are many.
	about string
	rule  rule
}

func (m *message) String() string {
	if m.rule != nil {
		return fmt.Sprintf("rule %q of %s", m.rule, m.about)
	}
	return m.about
}

// add appends a message whose attributes are written by fill. Numbers are in
// network order.
func (b *batch) add(kind uint16, flags netlink.HeaderFlags, about string, fill func(*netlink.AttributeEncoder)) {
	attrs, err := attributes(fill)
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("encode %s: %w", about, err)
	}
	b.messages = append(b.messages, message{kind: kind, flags: flags, attrs: attrs, about: about})
}

func attributes(fill func(*netlink.AttributeEncoder)) ([]byte, error) {
	e := netlink.NewAttributeEncoder()
	e.ByteOrder = binary.BigEndian
	fill(e)
	return e.Encode()
}

// nested writes attributes within one.
func nested(e *netlink.AttributeEncoder, attr uint16, fill func(*netlink.AttributeEncoder)) {
	e.Nested(attr, func(inner *netlink.AttributeEncoder) error {
		inner.ByteOrder = binary.BigEndian
		fill(inner)
		return nil
	})
}

func (b *batch) table() {
	b.add(unix.NFT_MSG_NEWTABLE, netlink.Create, "the table", func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_TABLE_NAME, tableName)
	})
}

// remove removes what is named by the two attributes; an empty name is all.
func (b *batch) remove(kind uint16, table, attr uint16, name, about string) {
	b.add(kind, 0, about, func(e *netlink.AttributeEncoder) {
		e.String(table, tableName)
		if name != "" {
			e.String(attr, name)
		}
	})
}

func (b *batch) removeObject(name string, kind uint32) {
	b.add(unix.NFT_MSG_DELOBJ, 0, "the end of counter or helper "+name, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_OBJ_TABLE, tableName)
		e.String(unix.NFTA_OBJ_NAME, name)
		e.Uint32(unix.NFTA_OBJ_TYPE, kind)
	})
}

func (b *batch) counter(name string) {
	b.object(name, unix.NFT_OBJECT_COUNTER, "counter "+name, func(e *netlink.AttributeEncoder) {
		e.Uint64(unix.NFTA_COUNTER_BYTES, 0)
		e.Uint64(unix.NFTA_COUNTER_PACKETS, 0)
	})
}

// Attributes of helper objects (NFTA_CT_HELPER_NAME and NFTA_CT_HELPER_L4PROTO).
const (
	attrHelperName  = 1
	attrHelperProto = 3
)

func (b *batch) helper(h helper) {
	b.object(h.object(), unix.NFT_OBJECT_CT_HELPER, "connection tracking helper "+h.name, func(e *netlink.AttributeEncoder) {
		e.String(attrHelperName, h.name)
		e.Uint8(attrHelperProto, uint8(h.proto))
	})
}

func (b *batch) object(name string, kind uint32, about string, fill func(*netlink.AttributeEncoder)) {
	b.add(unix.NFT_MSG_NEWOBJ, netlink.Create, about, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_OBJ_TABLE, tableName)
		e.String(unix.NFTA_OBJ_NAME, name)
		e.Uint32(unix.NFTA_OBJ_TYPE, kind)
		nested(e, unix.NFTA_OBJ_DATA, fill)
	})
}

// chain adds a chain; of one that has no hook the zero hook.
func (b *batch) chain(name string, h hook) {
	b.add(unix.NFT_MSG_NEWCHAIN, netlink.Create, "chain "+name, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_CHAIN_TABLE, tableName)
		e.String(unix.NFTA_CHAIN_NAME, name)
		if h == (hook{}) {
			return
		}
		if _, ok := priorities[h.priority]; !ok && b.err == nil {
			b.err = fmt.Errorf("encode chain %s: there is no priority %q", name, h.priority)
		}
		nested(e, unix.NFTA_CHAIN_HOOK, func(e *netlink.AttributeEncoder) {
			e.Uint32(unix.NFTA_HOOK_HOOKNUM, points[h.point])
			e.Uint32(unix.NFTA_HOOK_PRIORITY, uint32(priorities[h.priority]))
		})
		policy := uint32(nfAccept)
		if h.drop {
			policy = nfDrop
		}
		e.Uint32(unix.NFTA_CHAIN_POLICY, policy)
		e.String(unix.NFTA_CHAIN_TYPE, h.kind)
	})
}

// Verdicts of base chains (linux/netfilter.h).
const (
	nfDrop   = 0
	nfAccept = 1
)

// points and priorities translate nft's words (linux/netfilter_ipv4.h).
var (
	points = map[string]uint32{
		"prerouting":  unix.NF_INET_PRE_ROUTING,
		"input":       unix.NF_INET_LOCAL_IN,
		"forward":     unix.NF_INET_FORWARD,
		"output":      unix.NF_INET_LOCAL_OUT,
		"postrouting": unix.NF_INET_POST_ROUTING,
	}
	priorities = map[string]int32{"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "srcnat": 100}
)

// attrSetDescription holds the sizes of the parts of a joined key, and the
// number of elements (NFTA_SET_DESC and within it).
const (
	attrDescSize   = 1
	attrDescConcat = 2
	attrFieldLen   = 1
	attrListElem   = 1
)

func (b *batch) set(s *set) {
	b.sets++
	id := b.sets
	b.add(unix.NFT_MSG_NEWSET, netlink.Create, "set "+s.name, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_SET_TABLE, tableName)
		e.String(unix.NFTA_SET_NAME, s.name)
		e.Uint32(unix.NFTA_SET_ID, id)
		spec := s.spec()
		e.Uint32(unix.NFTA_SET_FLAGS, spec.flags)
		e.Uint32(unix.NFTA_SET_KEY_TYPE, spec.keyType)
		e.Uint32(unix.NFTA_SET_KEY_LEN, spec.keyLen)
		if s.verdicts {
			e.Uint32(unix.NFTA_SET_DATA_TYPE, unix.NFT_DATA_VERDICT)
			e.Uint32(unix.NFTA_SET_DATA_LEN, 0)
		}
		nested(e, unix.NFTA_SET_DESC, func(e *netlink.AttributeEncoder) {
			if spec.size > 0 {
				e.Uint32(attrDescSize, spec.size)
			}
			if len(s.keys) > 1 {
				nested(e, attrDescConcat, func(e *netlink.AttributeEncoder) {
					for _, k := range s.keys {
						nested(e, attrListElem, func(e *netlink.AttributeEncoder) { e.Uint32(attrFieldLen, uint32(k.length)) })
					}
				})
			}
		})
		if len(s.keys) == 1 && (s.keys[0] == keyDevice || s.keys[0] == keyMark) {
			e.Bytes(unix.NFTA_SET_USERDATA, hostOrder)
		}
		if s.timeout > 0 {
			e.Uint64(unix.NFTA_SET_TIMEOUT, uint64(s.timeout.Milliseconds()))
		}
	})
	b.elements(s)
}

// hostOrder tells nft, for showing it, that a set's keys are in the byte order of
// the machine: a type, a length and a value, as libnftnl has them.
var hostOrder = []byte{0, 4, 1, 0, 0, 0}

// setSpec is what cannot be changed of a set.
type setSpec struct {
	flags, keyType, keyLen uint32
	// size bounds the elements; 0 is no bound.
	size    uint32
	timeout time.Duration
}

// setConcat is NFT_SET_CONCAT.
const setConcat = 1 << 7

func (s *set) spec() setSpec {
	spec := setSpec{timeout: s.timeout, size: s.size()}
	for _, k := range s.keys {
		// nft's number of a joined type has six bits for each part.
		spec.keyType = spec.keyType<<6 | k.number
		spec.keyLen += uint32(k.length)
	}
	for _, f := range []struct {
		on   bool
		flag uint32
	}{
		{s.interval, unix.NFT_SET_INTERVAL},
		{s.verdicts, unix.NFT_SET_MAP},
		{s.filled == byOthers || s.timeout > 0, unix.NFT_SET_TIMEOUT},
		{s.filled == byPackets, unix.NFT_SET_EVAL},
		{len(s.keys) > 1, setConcat},
	} {
		if f.on {
			spec.flags |= f.flag
		}
	}
	return spec
}

// maxElements is how many elements go into one message: an attribute's length
// is 16 bits, and an element takes up to about 200 octets.
const maxElements = 256

func (b *batch) elements(s *set) {
	for first := 0; first < len(s.elements); first += maxElements {
		chunk := s.elements[first:min(first+maxElements, len(s.elements))]
		b.add(unix.NFT_MSG_NEWSETELEM, netlink.Create, "elements of set "+s.name, func(e *netlink.AttributeEncoder) {
			e.String(unix.NFTA_SET_ELEM_LIST_TABLE, tableName)
			e.String(unix.NFTA_SET_ELEM_LIST_SET, s.name)
			nested(e, unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(e *netlink.AttributeEncoder) {
				for i := range chunk {
					if _, ok := chunk[i].verdict.(jumpTo); s.verdicts && !ok && b.err == nil {
						b.err = fmt.Errorf("encode set %s: element %s leads to no chain", s.name, chunk[i])
					}
					encodeElement(e, &chunk[i])
				}
			})
		})
	}
}

// member adds or removes one address of a set.
func (b *batch) member(kind uint16, flags netlink.HeaderFlags, set string, address netip.Addr) {
	b.add(kind, flags, fmt.Sprintf("%s in set %s", address, set), func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_SET_ELEM_LIST_TABLE, tableName)
		e.String(unix.NFTA_SET_ELEM_LIST_SET, set)
		nested(e, unix.NFTA_SET_ELEM_LIST_ELEMENTS, func(e *netlink.AttributeEncoder) {
			encodeElement(e, &element{key: address.AsSlice()})
		})
	})
}

// encodeElement writes an element, of an interval with the key that ends it.
func encodeElement(e *netlink.AttributeEncoder, el *element) {
	nested(e, attrListElem, func(e *netlink.AttributeEncoder) {
		nested(e, unix.NFTA_SET_ELEM_KEY, func(e *netlink.AttributeEncoder) { e.Bytes(unix.NFTA_DATA_VALUE, el.key) })
		if jump, ok := el.verdict.(jumpTo); ok {
			nested(e, unix.NFTA_SET_ELEM_DATA, func(e *netlink.AttributeEncoder) {
				nested(e, unix.NFTA_DATA_VERDICT, func(e *netlink.AttributeEncoder) {
					e.Int32(unix.NFTA_VERDICT_CODE, unix.NFT_GOTO)
					e.String(unix.NFTA_VERDICT_CHAIN, string(jump))
				})
			})
		}
	})
	if el.end == nil {
		return
	}
	nested(e, attrListElem, func(e *netlink.AttributeEncoder) {
		nested(e, unix.NFTA_SET_ELEM_KEY, func(e *netlink.AttributeEncoder) { e.Bytes(unix.NFTA_DATA_VALUE, el.end) })
		e.Uint32(unix.NFTA_SET_ELEM_FLAGS, unix.NFT_SET_ELEM_INTERVAL_END)
	})
}

func (b *batch) rule(chain string, r rule) {
	var failed error
	b.add(unix.NFT_MSG_NEWRULE, netlink.Create|netlink.Append, "chain "+chain, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_RULE_TABLE, tableName)
		e.String(unix.NFTA_RULE_CHAIN, chain)
		nested(e, unix.NFTA_RULE_EXPRESSIONS, func(e *netlink.AttributeEncoder) {
			for _, s := range r {
				failed = errors.Join(failed, encodeExpressions(e, s))
			}
		})
	})
	m := &b.messages[len(b.messages)-1]
	m.rule = r
	if failed != nil && b.err == nil {
		b.err = fmt.Errorf("encode %s: %w", m, failed)
	}
}

func encodeExpressions(e *netlink.AttributeEncoder, s statement) error {
	exprs, err := encodeStatement(s)
	if err != nil {
		return err
	}
	for _, one := range exprs {
		data, err := expr.Marshal(unix.NFPROTO_INET, one)
		if err != nil {
			return err
		}
		e.Bytes(attrListElem|unix.NLA_F_NESTED, data)
	}
	return nil
}
