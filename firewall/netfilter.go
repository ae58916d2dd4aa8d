package firewall

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// Modules are the kernel modules that the rulesets need.
var Modules = []string{
	"nf_tables", "nf_conntrack", "nft_ct",
	"nf_nat", "nft_chain_nat", "nft_masq",
	"nft_objref", "nft_limit", "nft_log", "nf_log_syslog",
	"nft_reject_inet",
}

// Netfilter is the kernel of this network namespace. Its zero value is ready
// for use and safe for concurrent use.
type Netfilter struct{}

var ourTable = &nftables.Table{Name: tableName, Family: nftables.TableFamilyINet}

// bufferSize holds the largest transaction and its acknowledgements: the
// kernel's default fails at about a thousand rules with EMSGSIZE.
const bufferSize = 32 << 20

func dial() (*nftables.Conn, error) {
	conn, err := nftables.New(nftables.WithSockOptions(func(c *netlink.Conn) error {
		return errors.Join(c.SetWriteBuffer(bufferSize), c.SetReadBuffer(bufferSize))
	}))
	if err != nil {
		return nil, fmt.Errorf("open netfilter: %w", err)
	}
	return conn, nil
}

// Replace puts r in the place of our table in one transaction. On an error the
// old table is still there, and no other table is touched in any case.
func (Netfilter) Replace(r *Ruleset) error {
	conn, err := dial()
	if err != nil {
		return err
	}
	if err := encode(conn, r); err != nil {
		return err
	}
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("replace table %s: %w", tableName, err)
	}
	return nil
}

// Exists reports whether there is a table of ours.
func (Netfilter) Exists() (bool, error) {
	conn, err := dial()
	if err != nil {
		return false, err
	}
	_, err = conn.ListTableOfFamily(tableName, nftables.TableFamilyINet)
	switch {
	case errors.Is(err, unix.ENOENT):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for table %s: %w", tableName, err)
	}
	return true, nil
}

// Holds reports whether our table is r, and whole. Rules and elements are only
// counted: the library does not read back all that it writes, so what they are
// is told by the fingerprint.
func (n Netfilter) Holds(r *Ruleset) (bool, error) {
	if exists, err := n.Exists(); err != nil || !exists {
		return false, err
	}
	conn, err := dial()
	if err != nil {
		return false, err
	}
	sets, err := conn.GetSets(ourTable)
	if err != nil {
		return false, fmt.Errorf("list sets of table %s: %w", tableName, err)
	}
	held := make(map[string][]nftables.SetElement)
	for _, s := range sets {
		if held[s.Name], err = conn.GetSetElements(s); err != nil {
			return false, fmt.Errorf("read set %s: %w", s.Name, err)
		}
	}
	if identity := held[identitySet]; len(identity) != 1 || identity[0].Comment != r.Fingerprint() {
		return false, nil
	}
	for _, s := range r.sets {
		if len(held[s.name]) != len(s.elements) {
			return false, nil
		}
	}
	for _, c := range r.chains {
		rules, err := conn.GetRules(ourTable, &nftables.Chain{Name: c.name})
		if err != nil {
			return false, fmt.Errorf("read chain %s: %w", c.name, err)
		}
		if len(rules) != len(c.rules) {
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
	objects, err := conn.GetNamedObjects(ourTable)
	if err != nil {
		return nil, fmt.Errorf("read counters: %w", err)
	}
	tallies := make(map[string]Tally)
	for _, o := range objects {
		named, ok := o.(*nftables.NamedObj)
		if !ok {
			continue
		}
		if c, ok := named.Obj.(*expr.Counter); ok {
			tallies[named.Name] = Tally{Packets: c.Packets, Bytes: c.Bytes}
		}
	}
	return tallies, nil
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
