//go:build vm

package firewall

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
)

// The benchmarks of this file are about a VM whose clock counts instructions
// (internal/vm -icount); a nanosecond is one.

const (
	// costPackets is how many packets a figure is the mean of. It repeats within
	// a thousandth.
	costPackets = 10000
	costWarmUp  = 500
	costPort    = 4000
)

// costPolicies are a branch's, and what the other layouts say in their way.
var costPolicies = []Policy{
	{From: "inside", To: "outside", Inspect: []string{"tcp", "udp", "icmp"}},
	{From: "outside", To: Self, Inspect: []string{"ike"}},
	{From: Self, To: "outside", Inspect: []string{"ike", "dns", "ntp"}},
}

func withNAT() []Policy {
	policies := append([]Policy(nil), costPolicies...)
	policies[0].NAT = NATMasquerade
	return policies
}

// path is a way through the spoke: to a host behind the provider, or to
// headquarters.
type path struct {
	lab  *lab
	host *net.UDPConn
	far  *net.UDPConn
	to   netip.AddrPort
}

// directPath leads from the LAN to the provider.
func directPath(b *testing.B) *path {
	l := newLab(b)
	p := &path{lab: l, to: netip.MustParseAddrPort(hubWAN + ":500")}
	p.open(b)
	return p
}

// tunnelPath leads from the LAN through the tunnel, protected by ESP.
func tunnelPath(b *testing.B) *path {
	l := newLab(b)
	protectGRE(b, l.spoke, spokeWAN, hubWAN, 0)
	protectGRE(b, l.hub, hubWAN, spokeWAN, 0)
	check(b, handle(b, l.hub).RouteReplace(&netlink.Route{Dst: subnet(hostLAN), Gw: net.ParseIP(spokeHQ)}))
	p := &path{lab: l, to: netip.MustParseAddrPort(hubHQ + ":9999")}
	p.open(b)
	return p
}

func (p *path) open(b *testing.B) {
	p.host = udp(b, p.lab.lan, "", fmt.Sprintf("%s:%d", hostLAN, costPort))
	p.far = udp(b, p.lab.hub, "", p.to.String())
}

// converse makes the connection that the measured packets belong to an
// established one. Without a ruleset there is none.
func (p *path) converse(b *testing.B) {
	b.Helper()
	send(b, p.host, p.to.String(), "question")
	from := expect(b, p.far, "question")
	send(b, p.far, from.String(), "answer")
	expect(b, p.host, "answer")
}

// cost returns how many instructions a packet of the connection takes from its
// sender until it has left the spoke. The far end has another link address
// meanwhile, so that its kernel drops what comes before it looks at it.
func (p *path) cost(b *testing.B) float64 {
	b.Helper()
	p.converse(b)
	spoke := handle(b, p.lab.spoke)
	wan := link(b, spoke, "wan0")
	far := &netlink.Neigh{
		LinkIndex: wan.Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.ParseIP(hubWAN).To4(),
		HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 1},
	}
	check(b, spoke.NeighSet(far))
	defer func() {
		far.HardwareAddr = link(b, handle(b, p.lab.hub), "hub0").Attrs().HardwareAddr
		check(b, spoke.NeighSet(far))
	}()
	p.generate(b, costWarmUp)
	before := link(b, spoke, "wan0").Attrs().Statistics.TxPackets
	took := p.generate(b, costPackets)
	// The kernel's own packets, such as those of neighbour discovery, are few.
	if left := link(b, spoke, "wan0").Attrs().Statistics.TxPackets - before; left < costPackets || left > costPackets+10 {
		b.Fatalf("of %d packets %d left the spoke", costPackets, left)
	}
	return float64(took.Nanoseconds()) / costPackets
}

// generate sends packets from the LAN by the kernel's packet generator.
func (p *path) generate(b *testing.B, packets int) (took time.Duration) {
	b.Helper()
	gateway := link(b, handle(b, p.lab.spoke), "lan0").Attrs().HardwareAddr
	check(b, in(p.lab.lan, func() error {
		const dir = "/proc/thread-self/net/pktgen/"
		write := func(file string, lines ...string) error {
			for _, line := range lines {
				if err := os.WriteFile(dir+file, []byte(line+"\n"), 0); err != nil {
					return fmt.Errorf("tell the packet generator %s: %w", line, err)
				}
			}
			return nil
		}
		if err := write("kpktgend_0", "rem_device_all", "add_device eth0"); err != nil {
			return err
		}
		if err := write("eth0",
			fmt.Sprintf("count %d", packets), "clone_skb 0", "pkt_size 142", "delay 0",
			"src_min "+hostLAN, "src_max "+hostLAN, "dst "+p.to.Addr().String(), "dst_mac "+gateway.String(),
			fmt.Sprintf("udp_src_min %d", costPort), fmt.Sprintf("udp_src_max %d", costPort),
			fmt.Sprintf("udp_dst_min %d", p.to.Port()), fmt.Sprintf("udp_dst_max %d", p.to.Port()),
		); err != nil {
			return err
		}
		if err := write("pgctrl", "start"); err != nil {
			return err
		}
		report, err := os.ReadFile(dir + "eth0")
		if err != nil {
			return err
		}
		_, result, _ := strings.Cut(string(report), "Result: OK: ")
		var microseconds int64
		if _, err := fmt.Sscanf(result, "%d(", &microseconds); err != nil {
			return fmt.Errorf("read the packet generator's result: %w\n%s", err, report)
		}
		took = time.Duration(microseconds) * time.Microsecond
		return nil
	}))
	return took
}

// clear removes every table, ours and others'.
func clearTables(tb testing.TB) {
	tb.Helper()
	conn := must(nftables.New())(tb)
	conn.FlushRuleset()
	check(tb, conn.Flush())
}

// runNFT runs Debian's nft.
func runNFT(tb testing.TB, input []byte, args ...string) {
	tb.Helper()
	cmd := exec.Command("/usr/sbin/nft", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: "/debian/nft"}
	cmd.Stdin = bytes.NewReader(input)
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("nft %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// layout loads the benchmark's policy as another system lays it out.
func layout(tb testing.TB, name string) {
	tb.Helper()
	clearTables(tb)
	text := must(os.ReadFile(filepath.Join("testdata/layouts", name+".nft")))(tb)
	runNFT(tb, text, "-f", "-")
}

// costs measures the path without a ruleset, with ours, and with those of
// others.
func (p *path) costs(b *testing.B, policies []Policy) {
	clearTables(b)
	b.ReportMetric(p.cost(b), "bare")
	p.lab.apply(b, policies...)
	b.ReportMetric(p.cost(b), "ours")
	for _, name := range []string{"openwrt", "vyos"} {
		layout(b, name)
		b.ReportMetric(p.cost(b), name)
	}
	clearTables(b)
	b.ReportMetric(0, "ns/op")
}

func BenchmarkDirect(b *testing.B) {
	directPath(b).costs(b, withNAT())
}

func BenchmarkTunnel(b *testing.B) {
	tunnelPath(b).costs(b, costPolicies)
}

// BenchmarkDispatch measures the same path with one pair of zones and with five
// hundred, in our form and as a list of rules.
func BenchmarkDispatch(b *testing.B) {
	p := directPath(b)
	const zones = 23 // 506 pairs
	one, many := labTopology(), labTopology()
	one.Members = one.Members[:2]
	many.Members = many.Members[:2]
	policies := []Policy{{From: "inside", To: "outside", Inspect: []string{"udp"}}}
	var linear strings.Builder
	linear.WriteString("table inet linear {\nchain pair {\nct state established,related accept\ndrop\n}\nchain forward {\ntype filter hook forward priority filter; policy drop;\n")
	for i := range zones - 2 {
		many.Members = append(many.Members, Member{Zone: fmt.Sprintf("zone%d", i), Link: fmt.Sprintf("port%d", i)})
	}
	var all []Policy
	for _, from := range many.Members {
		for _, to := range many.Members {
			if from.Zone != to.Zone && !(from.Zone == "inside" && to.Zone == "outside") {
				all = append(all, Policy{From: from.Zone, To: to.Zone, Inspect: []string{"tcp/22"}})
				fmt.Fprintf(&linear, "iifname %q oifname %q jump pair\n", from.ingress(), to.Link)
			}
		}
	}
	linear.WriteString("iifname \"lan0\" oifname \"wan0\" accept\niifname \"front\" oifname \"lan0\" accept\n}\n}\n")
	measure := func(topology Topology, policies []Policy, unit string) {
		clearTables(b)
		r := must(Compile(Config{Policies: policies}, topology))(b)
		check(b, Netfilter{}.Replace(r))
		b.ReportMetric(p.cost(b), unit)
	}
	measure(one, policies, "one")
	measure(many, append(all, policies...), "many")
	clearTables(b)
	runNFT(b, []byte(linear.String()), "-f", "-")
	b.ReportMetric(p.cost(b), "linear")
	clearTables(b)
	b.ReportMetric(0, "ns/op")
}

// BenchmarkCommit puts rulesets into the kernel, by ourselves and by nft.
func BenchmarkCommit(b *testing.B) {
	for _, rules := range []int{100, 1000, 9000} {
		b.Run(fmt.Sprint(rules), func(b *testing.B) {
			policy := Policy{From: "outside", To: "inside"}
			for i := range rules {
				policy.Pass = append(policy.Pass, fmt.Sprintf("tcp/%d", i+1))
			}
			config := Config{Policies: []Policy{policy}}
			clearTables(b)
			begin := time.Now()
			r := must(Compile(config, labTopology()))(b)
			check(b, Netfilter{}.Replace(r))
			b.ReportMetric(float64(time.Since(begin).Nanoseconds()), "ours")
			text := []byte(r.String())
			clearTables(b)
			begin = time.Now()
			runNFT(b, text, "-f", "-")
			b.ReportMetric(float64(time.Since(begin).Nanoseconds()), "nft")
			clearTables(b)
			b.ReportMetric(0, "ns/op")
		})
	}
}
