package firewall

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Modules are the kernel modules that the rulesets need.
var Modules = []string{
	"nf_tables", "nf_conntrack", "nft_ct",
	"nf_nat", "nft_chain_nat", "nft_masq", "nft_nat",
	"nft_objref", "nft_limit", "nft_log", "nfnetlink_log", "nft_connlimit", "nft_fib_inet",
	"nft_reject_inet",
	"nf_conntrack_ftp", "nf_nat_ftp", "nf_conntrack_tftp", "nf_nat_tftp", "nf_conntrack_sip", "nf_nat_sip",
}

// Netfilter is the kernel of this network namespace. Its zero value is ready
// for use and safe for concurrent use.
type Netfilter struct{}

// attempts bounds how often a transaction is made anew because somebody else's
// came in between.
const attempts = 5

// Replace puts r in the place of our table in one transaction. On an error the
// old table is still there, and no other table is touched in any case.
func (n Netfilter) Replace(r *Ruleset) error { return n.transact(r, true) }

// Check asks the kernel whether it would take r, and changes nothing.
func (n Netfilter) Check(r *Ruleset) error { return n.transact(r, false) }

func (n Netfilter) transact(r *Ruleset, commit bool) error {
	var err error
	for range attempts {
		generation, have, readErr := n.read()
		if readErr != nil {
			return readErr
		}
		b, encodeErr := encode(r, have)
		if encodeErr != nil {
			return encodeErr
		}
		if err = b.send(generation, commit); !errors.Is(err, unix.ERESTART) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("replace table %s: %w", tableName, err)
	}
	return nil
}

// read returns the names of what our table holds, and which generation of the
// ruleset that was.
func (Netfilter) read() (generation uint32, have contents, err error) {
	conn, err := dial()
	if err != nil {
		return 0, have, err
	}
	defer conn.Close()
	if generation, err = conn.generation(); err != nil {
		return 0, have, err
	}
	have = contents{chains: make(map[string]chainSpec), sets: make(map[string]setSpec), objects: make(map[string]uint32)}
	if have.exists, err = conn.exists(); err != nil || !have.exists {
		return generation, have, err
	}
	err = errors.Join(
		conn.each(unix.NFT_MSG_GETCHAIN, unix.NFTA_CHAIN_TABLE, func(d *netlink.AttributeDecoder) {
			name, spec := decodeChain(d)
			have.chains[name] = spec
		}),
		conn.each(unix.NFT_MSG_GETSET, unix.NFTA_SET_TABLE, func(d *netlink.AttributeDecoder) {
			name, spec := decodeSet(d)
			have.sets[name] = spec
		}),
		conn.each(unix.NFT_MSG_GETOBJ, unix.NFTA_OBJ_TABLE, func(d *netlink.AttributeDecoder) {
			o := decodeObject(d)
			have.objects[o.name] = o.kind
		}),
	)
	return generation, have, err
}

// Exists reports whether there is a table of ours.
func (Netfilter) Exists() (bool, error) {
	conn, err := dial()
	if err != nil {
		return false, err
	}
	defer conn.Close()
	return conn.exists()
}

// Holds reports whether our table is r, and whole. Rules and elements are only
// counted: what they are is told by the name of the identity chain.
func (n Netfilter) Holds(r *Ruleset) (bool, error) {
	_, have, err := n.read()
	if err != nil {
		return false, err
	}
	if _, ok := have.chains[r.identity()]; !ok || !have.exists {
		return false, nil
	}
	conn, err := dial()
	if err != nil {
		return false, err
	}
	defer conn.Close()
	rules := make(map[string]int)
	if err := conn.each(unix.NFT_MSG_GETRULE, unix.NFTA_RULE_TABLE, func(d *netlink.AttributeDecoder) {
		for d.Next() {
			if d.Type() == unix.NFTA_RULE_CHAIN {
				rules[d.String()]++
			}
		}
	}); err != nil {
		return false, err
	}
	for _, c := range r.chains {
		if spec, ok := have.chains[c.name]; !ok || spec != c.hook.spec() || rules[c.name] != len(c.rules) {
			return false, nil
		}
	}
	for i := range r.sets {
		s := &r.sets[i]
		if spec, ok := have.sets[s.name]; !ok || spec != s.spec() {
			return false, nil
		}
		if s.filled != byCompiler {
			continue
		}
		elements, err := conn.elements(s.name)
		if err != nil {
			return false, err
		}
		want := len(s.elements)
		for i := range s.elements {
			if s.elements[i].end != nil {
				want++
			}
		}
		if len(elements) != want {
			return false, nil
		}
	}
	return true, nil
}

// Tally is what a counter counted.
type Tally struct {
	Packets uint64 `json:"packets"`
	Bytes   uint64 `json:"bytes"`
}

// Counters returns the counters of our table by name.
func (Netfilter) Counters() (map[string]Tally, error) {
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	tallies := make(map[string]Tally)
	return tallies, conn.each(unix.NFT_MSG_GETOBJ, unix.NFTA_OBJ_TABLE, func(d *netlink.AttributeDecoder) {
		if o := decodeObject(d); o.kind == unix.NFT_OBJECT_COUNTER {
			tallies[o.name] = o.tally
		}
	})
}

// Fill puts an address into a set of our table that is filled at run time, or
// leaves it there.
func (Netfilter) Fill(set string, address netip.Addr) error {
	b := &batch{}
	b.member(unix.NFT_MSG_NEWSETELEM, netlink.Create, set, address)
	if err := b.send(0, true); err != nil {
		return fmt.Errorf("put %s into %s: %w", address, set, err)
	}
	return nil
}

// Clear takes an address out of such a set. It is no error if it is not there.
func (Netfilter) Clear(set string, address netip.Addr) error {
	b := &batch{}
	b.member(unix.NFT_MSG_DELSETELEM, 0, set, address)
	if err := b.send(0, true); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("take %s out of %s: %w", address, set, err)
	}
	return nil
}

// Filled returns the addresses in such a set.
func (Netfilter) Filled(set string) ([]netip.Addr, error) {
	conn, err := dial()
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	keys, err := conn.elements(set)
	if err != nil {
		return nil, err
	}
	var addresses []netip.Addr
	for _, key := range keys {
		if a, ok := netip.AddrFromSlice(key); ok {
			addresses = append(addresses, a)
		}
	}
	return addresses, nil
}

// Watch returns a channel that receives after each change of any nftables
// table, once for changes in quick succession. It is closed when ctx ends or
// the kernel no longer reports.
func (Netfilter) Watch(ctx context.Context) (<-chan struct{}, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return nil, fmt.Errorf("watch nftables: %w", err)
	}
	if err := conn.JoinGroup(unix.NFNLGRP_NFTABLES); err != nil {
		conn.Close()
		return nil, fmt.Errorf("watch nftables: %w", err)
	}
	// A deadline in the past ends a Receive that waits.
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	changes := make(chan struct{}, 1)
	go func() {
		defer close(changes)
		defer conn.Close()
		defer stop()
		for {
			// Too many changes for the buffer are changes, too.
			if _, err := conn.Receive(); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			select {
			case changes <- struct{}{}:
			default:
			}
		}
	}()
	return changes, nil
}

// reader reads nftables.
type reader struct{ *netlink.Conn }

func dial() (reader, error) {
	conn, err := netlink.Dial(unix.NETLINK_NETFILTER, nil)
	if err != nil {
		return reader{}, fmt.Errorf("open netfilter: %w", err)
	}
	return reader{conn}, nil
}

// ask sends a request and returns the answers.
func (r reader) ask(kind uint16, flags netlink.HeaderFlags, fill func(*netlink.AttributeEncoder)) ([]netlink.Message, error) {
	attrs, err := attributes(fill)
	if err != nil {
		return nil, err
	}
	request := netlink.Message{
		Header: netlink.Header{Type: netlink.HeaderType(unix.NFNL_SUBSYS_NFTABLES<<8 | kind), Flags: netlink.Request | flags},
		Data:   append([]byte{unix.NFPROTO_INET, unix.NFNETLINK_V0, 0, 0}, attrs...),
	}
	return r.Execute(request)
}

func (r reader) generation() (uint32, error) {
	answers, err := r.ask(unix.NFT_MSG_GETGEN, 0, func(*netlink.AttributeEncoder) {})
	if err != nil {
		return 0, fmt.Errorf("read the generation of nftables: %w", err)
	}
	for _, m := range answers {
		d, err := decoder(m)
		if err != nil {
			return 0, err
		}
		for d.Next() {
			if d.Type() == unix.NFTA_GEN_ID {
				return d.Uint32(), nil
			}
		}
	}
	return 0, errors.New("read the generation of nftables: the kernel tells none")
}

func (r reader) exists() (bool, error) {
	_, err := r.ask(unix.NFT_MSG_GETTABLE, 0, func(e *netlink.AttributeEncoder) { e.String(unix.NFTA_TABLE_NAME, tableName) })
	switch {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for table %s: %w", tableName, err)
	}
	return true, nil
}

// each calls f with each object of our table, whose kind is that of the request
// and whose attribute names the table.
func (r reader) each(kind uint16, table uint16, f func(*netlink.AttributeDecoder)) error {
	answers, err := r.ask(kind, netlink.Dump, func(e *netlink.AttributeEncoder) { e.String(table, tableName) })
	if err != nil {
		return fmt.Errorf("read table %s: %w", tableName, err)
	}
	for _, m := range answers {
		// Not every kernel selects by table.
		d, err := decoder(m)
		if err != nil {
			return err
		}
		ours := false
		for d.Next() {
			ours = ours || d.Type() == table && d.String() == tableName
		}
		if !ours {
			continue
		}
		if d, err = decoder(m); err != nil {
			return err
		}
		f(d)
	}
	return nil
}

// elements returns the keys of a set's elements.
func (r reader) elements(set string) ([][]byte, error) {
	answers, err := r.ask(unix.NFT_MSG_GETSETELEM, netlink.Dump, func(e *netlink.AttributeEncoder) {
		e.String(unix.NFTA_SET_ELEM_LIST_TABLE, tableName)
		e.String(unix.NFTA_SET_ELEM_LIST_SET, set)
	})
	if err != nil {
		return nil, fmt.Errorf("read set %s: %w", set, err)
	}
	var keys [][]byte
	for _, m := range answers {
		d, err := decoder(m)
		if err != nil {
			return nil, err
		}
		for d.Next() {
			if d.Type() == unix.NFTA_SET_ELEM_LIST_ELEMENTS {
				d.Nested(func(list *netlink.AttributeDecoder) error {
					for list.Next() {
						list.Nested(func(element *netlink.AttributeDecoder) error {
							for element.Next() {
								if element.Type() == unix.NFTA_SET_ELEM_KEY {
									element.Nested(func(key *netlink.AttributeDecoder) error {
										for key.Next() {
											keys = append(keys, key.Bytes())
										}
										return nil
									})
								}
							}
							return nil
						})
					}
					return nil
				})
			}
		}
	}
	return keys, nil
}

func decoder(m netlink.Message) (*netlink.AttributeDecoder, error) {
	if len(m.Data) < 4 {
		return nil, errors.New("read nftables: a message without a header")
	}
	d, err := netlink.NewAttributeDecoder(m.Data[4:])
	if err != nil {
		return nil, fmt.Errorf("read nftables: %w", err)
	}
	d.ByteOrder = binary.BigEndian
	return d, nil
}

func decodeChain(d *netlink.AttributeDecoder) (name string, spec chainSpec) {
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_CHAIN_NAME:
			name = d.String()
		case unix.NFTA_CHAIN_HOOK:
			spec.base = true
			d.Nested(func(h *netlink.AttributeDecoder) error {
				for h.Next() {
					switch h.Type() {
					case unix.NFTA_HOOK_HOOKNUM:
						spec.point = h.Uint32()
					case unix.NFTA_HOOK_PRIORITY:
						spec.priority = int32(h.Uint32())
					}
				}
				return nil
			})
		}
	}
	return name, spec
}

func decodeSet(d *netlink.AttributeDecoder) (name string, spec setSpec) {
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_SET_NAME:
			name = d.String()
		case unix.NFTA_SET_FLAGS:
			spec.flags = d.Uint32()
		case unix.NFTA_SET_KEY_TYPE:
			spec.keyType = d.Uint32()
		case unix.NFTA_SET_KEY_LEN:
			spec.keyLen = d.Uint32()
		case unix.NFTA_SET_TIMEOUT:
			spec.timeout = time.Duration(d.Uint64()) * time.Millisecond
		}
	}
	return name, spec
}

// object is a counter or a helper.
type object struct {
	name  string
	kind  uint32
	tally Tally
}

func decodeObject(d *netlink.AttributeDecoder) object {
	var o object
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_OBJ_NAME:
			o.name = strings.Clone(d.String())
		case unix.NFTA_OBJ_TYPE:
			o.kind = d.Uint32()
		case unix.NFTA_OBJ_DATA:
			// A helper's attributes have the same numbers and other meanings;
			// nobody looks at its tally.
			d.Nested(func(c *netlink.AttributeDecoder) error {
				for c.Next() {
					switch {
					case c.Type() == unix.NFTA_COUNTER_BYTES && len(c.Bytes()) == 8:
						o.tally.Bytes = c.Uint64()
					case c.Type() == unix.NFTA_COUNTER_PACKETS && len(c.Bytes()) == 8:
						o.tally.Packets = c.Uint64()
					}
				}
				return nil
			})
		}
	}
	return o
}
