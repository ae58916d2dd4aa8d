//go:build vm

package firewall

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// losses tells where packets may have been lost on their way through the spoke, the
// hub and the LAN: counters of the kernel, but for those that are 0.
func (l *lab) losses(t *testing.T) string {
	t.Helper()
	var all []string
	for name, ns := range map[string]netns.NsHandle{"spoke": l.spoke, "hub": l.hub, "lan": l.lan} {
		all = append(all, "\n"+name+":")
		check(t, in(ns, func() error {
			ipsec, err := ipsecCounters()
			if err != nil {
				return err
			}
			links, err := linkCounters()
			if err != nil {
				return err
			}
			tables, err := os.ReadFile("/proc/thread-self/net/snmp")
			if err != nil {
				return err
			}
			connections, err := os.ReadFile("/proc/thread-self/net/stat/nf_conntrack")
			if err != nil && !os.IsNotExist(err) {
				return err
			}
			ip, _, _ := strings.Cut(string(tables), "\nIcmp")
			all = append(append(append(all, ipsec...), links...), ip, string(connections))
			return nil
		}))
	}
	return strings.Join(all, "\n")
}

// ipsecCounters lists why IPsec has dropped packets, and how many each SA has had.
func ipsecCounters() (all []string, err error) {
	text, err := os.ReadFile("/proc/thread-self/net/xfrm_stat")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) == 2 && words[1] != "0" {
			all = append(all, words[0]+" "+words[1])
		}
	}
	states, err := netlink.XfrmStateList(netlink.FAMILY_V4)
	for _, s := range states {
		all = append(all, fmt.Sprintf("SA from %s to %s: %d packets", s.Src, s.Dst, s.Statistics.Packets))
	}
	return all, err
}

// linkCounters lists what has passed each link, and what has not.
func linkCounters() (all []string, err error) {
	links, err := netlink.LinkList()
	for _, l := range links {
		if s := l.Attrs().Statistics; s != nil {
			all = append(all, fmt.Sprintf("%s: received %d, %d dropped, %d wrong; sent %d, %d dropped, %d wrong, %d without a carrier", l.Attrs().Name,
				s.RxPackets, s.RxDropped, s.RxErrors, s.TxPackets, s.TxDropped, s.TxErrors, s.TxCarrierErrors))
		}
	}
	return all, err
}
