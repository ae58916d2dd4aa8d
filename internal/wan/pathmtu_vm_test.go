//go:build vm

package wan

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/link"
	"github.com/farspoke/farspoke/internal/nl"
)

// TestPathMTURule: what the path MTU of ESP is learnt by follows the address and
// the VRF of the port, and goes with them.
func TestPathMTURule(t *testing.T) {
	boxLAN(t)
	vethPair(t, "wan", "isp")
	front, _, err := nl.VRFTable("front")
	must(t, err)
	p, _, err := linux{}.Port("wan")
	must(t, err)
	other := netlink.NewRule()
	other.Family, other.Priority, other.Table, other.IPProto = unix.AF_INET, 3000, front, unix.IPPROTO_ESP
	must(t, netlink.RuleAdd(other))
	t.Cleanup(func() { must(t, netlink.RuleDel(other)) })

	one, two := netip.MustParsePrefix("192.0.2.9/24"), netip.MustParsePrefix("192.0.2.10/24")
	rule := func(a netip.Prefix) string { return fmt.Sprintf("from %s/32 table %d", a.Addr(), front) }
	foreign := fmt.Sprintf("from <nil> table %d", front)
	for _, step := range []struct {
		name    string
		vrf     string
		address netip.Prefix
		want    []string
	}{
		{"first", "front", one, []string{rule(one), foreign}},
		{"again", "front", one, []string{rule(one), foreign}},
		{"another address", "front", two, []string{rule(two), foreign}},
		{"no address", "front", netip.Prefix{}, []string{foreign}},
		{"back", "front", two, []string{rule(two), foreign}},
		{"main table", "", two, []string{foreign}},
	} {
		p, err := linux{}.Attach(p, step.vrf)
		must(t, err)
		_, err = linux{}.Apply(p, link.Addressing{Address: step.address}, 0)
		must(t, err)
		rules, err := netlink.RuleList(unix.AF_INET)
		must(t, err)
		var got []string
		for _, r := range rules {
			if r.IPProto == unix.IPPROTO_ESP {
				got = append(got, fmt.Sprintf("from %v table %d", r.Src, r.Table))
			}
		}
		if !slices.Equal(got, step.want) {
			t.Errorf("%s: rules %v, want %v", step.name, got, step.want)
		}
	}
}
