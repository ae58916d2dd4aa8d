package firewall

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
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
// old table is still there, and no other table is touched in any case. A second
// transaction removes what only the old table needed.
func (n Netfilter) Replace(r *Ruleset) error {
	later, err := n.transact(r, true)
	if err != nil {
		return err
	}
	// The kernel removes nothing that is in use, so this is about no certain
	// generation. What it leaves does no harm and goes with the next replacement.
	_ = later.send(0, true)
	return nil
}

// Check asks the kernel whether it would take r, and changes nothing.
func (n Netfilter) Check(r *Ruleset) error {
	_, err := n.transact(r, false)
	return err
}

func (n Netfilter) transact(r *Ruleset, commit bool) (later *batch, err error) {
	for range attempts {
		generation, have, readErr := n.read()
		if readErr != nil {
			return nil, readErr
		}
		if have.altered, readErr = n.altered(r, have); readErr != nil {
			return nil, readErr
		}
		var now *batch
		if now, later, err = encode(r, have); err != nil {
			return nil, err
		}
		if err = now.send(generation, commit); !errors.Is(err, unix.ERESTART) {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("replace table %s: %w", tableName, err)
	}
	return later, nil
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
	if err != nil || !have.named(r) {
		return false, err
	}
	return n.whole(r, have)
}

// altered reports whether the names in the table are no proof of what they stand
// for.
func (n Netfilter) altered(r *Ruleset, have contents) (bool, error) {
	if !have.named(r) {
		return have.otherMake(r), nil
	}
	whole, err := n.whole(r, have)
	return !whole, err
}

// whole reports whether a table that has r's name lacks nothing.
func (n Netfilter) whole(r *Ruleset, have contents) (bool, error) {
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
		switch {
		case errors.Is(err, unix.ENOENT): // somebody has removed it meanwhile
			return false, nil
		case err != nil:
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
