//go:build vm

package firewall

import (
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// sink counts and drops what is handed to the device for sending.
type sink struct {
	kernel *netlink.Handle
	device netlink.Link
	qdisc  netlink.Qdisc
}

// newSink opens one at a device of the spoke's.
func newSink(b *testing.B, spoke *netlink.Handle, name string) *sink {
	b.Helper()
	device := link(b, spoke, name)
	qdisc := &netlink.Clsact{QdiscAttrs: netlink.QdiscAttrs{
		LinkIndex: device.Attrs().Index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT,
	}}
	check(b, spoke.QdiscAdd(qdisc))
	check(b, spoke.FilterAdd(&netlink.MatchAll{
		FilterAttrs: netlink.FilterAttrs{LinkIndex: device.Attrs().Index, Parent: netlink.HANDLE_MIN_EGRESS, Priority: 1, Protocol: unix.ETH_P_ALL},
		Actions:     []netlink.Action{&netlink.GenericAction{ActionAttrs: netlink.ActionAttrs{Action: netlink.TC_ACT_SHOT}}},
	}))
	return &sink{spoke, device, qdisc}
}

// packets returns how many it has dropped.
func (s *sink) packets(b *testing.B) int {
	b.Helper()
	filters := must(s.kernel.FilterList(s.device, netlink.HANDLE_MIN_EGRESS))(b)
	if len(filters) != 1 {
		b.Fatalf("the sink has %d filters, want one", len(filters))
	}
	return int(filters[0].(*netlink.MatchAll).Actions[0].Attrs().Statistics.Basic.Packets)
}

func (s *sink) close(b *testing.B) {
	b.Helper()
	check(b, s.kernel.QdiscDel(s.qdisc))
}
