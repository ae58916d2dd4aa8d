//go:build vm

package firewall

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The benchmarks of this package are about a VM whose clock counts instructions
// (internal/vm -icount); a nanosecond is one.

const (
	// costPackets is how many packets a figure is the mean of. It repeats within
	// a thousandth.
	costPackets = 20000
	costWarmUp  = 500
	// strayPackets is how many the kernel may send of its own meanwhile, such as
	// those of neighbour discovery.
	strayPackets = 10
)

// costPolicies are a branch's, and what the other layouts say in their way.
var costPolicies = []Policy{
	{From: "inside", To: "outside", Inspect: []string{"tcp", "udp", "icmp"}},
	{From: "outside", To: Self, Inspect: []string{"ike"}},
	{From: Self, To: "outside", Inspect: []string{"ike", "dns", "ntp"}},
}

func withNAT() []Policy {
	policies := slices.Clone(costPolicies)
	policies[0].NAT = NATMasquerade
	return policies
}

// path is a way through the spoke from a host in the LAN: to one behind the
// provider, or to headquarters.
type path struct {
	lab       *lab
	host, far *net.UDPConn
	// encrypted says that packets leave inside ESP.
	encrypted bool
}

// directPath leads from the LAN to the provider.
func directPath(b *testing.B) *path {
	l := newLab(b)
	return &path{lab: l, host: udp(b, l.lan, "", hostLAN+":4000"), far: udp(b, l.hub, "", hubWAN+":500")}
}

// tunnelPath leads from the LAN through the tunnel, protected by ESP.
func tunnelPath(b *testing.B) *path {
	l := newLab(b)
	protectGRE(b, l.spoke, spokeWAN, hubWAN, 0)
	protectGRE(b, l.hub, hubWAN, spokeWAN, 0)
	check(b, handle(b, l.hub).RouteReplace(&netlink.Route{Dst: subnet(hostLAN), Gw: net.ParseIP(spokeHQ)}))
	return &path{lab: l, host: udp(b, l.lan, "", hostLAN+":4000"), far: udp(b, l.hub, "", hubHQ+":9999"), encrypted: true}
}

// converse sends a question and an answer, which make the connection that the
// measured packets belong to an established one, where there is a ruleset. The
// far end must see the host by the address.
func (p *path) converse(b *testing.B, address string) {
	b.Helper()
	send(b, p.host, p.far.LocalAddr().String(), "question")
	from := expect(b, p.far, "question")
	if from.Addr() != netip.MustParseAddr(address) {
		b.Fatalf("the far end sees %s, want %s", from, address)
	}
	send(b, p.far, from.String(), "answer")
	expect(b, p.host, "answer")
}

// generator sends what the host would.
func (p *path) generator(b *testing.B) *generator {
	return &generator{
		ns: p.lab.lan, device: "eth0",
		from: p.host.LocalAddr().(*net.UDPAddr).AddrPort(), to: p.far.LocalAddr().(*net.UDPAddr).AddrPort(),
		gateway: link(b, handle(b, p.lab.spoke), "lan0").Attrs().HardwareAddr,
	}
}

// nobody is the link address of no device.
var nobody = net.HardwareAddr{2, 0, 0, 0, 0, 1}

// cost returns how many instructions a packet of an established connection takes
// from its sender until it has left the spoke. The far end, which sees the host
// by the address, has another link address meanwhile, so that its kernel drops
// what comes before it looks at it.
func (p *path) cost(b *testing.B, address string) float64 {
	b.Helper()
	p.converse(b, address)
	spoke := handle(b, p.lab.spoke)
	far := &netlink.Neigh{LinkIndex: link(b, spoke, "wan0").Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.ParseIP(hubWAN).To4(), HardwareAddr: nobody}
	check(b, spoke.NeighSet(far))
	generator := p.generator(b)
	generator.send(b, costWarmUp)
	left, encrypted := p.sent(b)
	took := generator.send(b, costPackets)
	leftAfter, encryptedAfter := p.sent(b)
	if n := leftAfter - left; n < costPackets || n > costPackets+strayPackets {
		b.Fatalf("of %d packets %d left the spoke", costPackets, n)
	}
	if n := encryptedAfter - encrypted; p.encrypted && (n < costPackets || n > costPackets+strayPackets) {
		b.Fatalf("of %d packets %d were encrypted", costPackets, n)
	}
	far.HardwareAddr = link(b, handle(b, p.lab.hub), "hub0").Attrs().HardwareAddr
	check(b, spoke.NeighSet(far))
	p.converse(b, address) // it was the same connection all the time
	return float64(took.Nanoseconds()) / costPackets
}

// sent returns how many packets have left the spoke for the provider, and how
// many its SAs have encrypted.
func (p *path) sent(b *testing.B) (left, encrypted uint64) {
	b.Helper()
	spoke := handle(b, p.lab.spoke)
	for _, state := range must(spoke.XfrmStateList(unix.AF_INET))(b) {
		if state.Src.Equal(net.ParseIP(spokeWAN)) {
			encrypted += state.Statistics.Packets
		}
	}
	return link(b, spoke, "wan0").Attrs().Statistics.TxPackets, encrypted
}

// overhead returns how many of the instructions are the generator's and the
// LAN's: those that a packet takes which is not for the spoke.
func (p *path) overhead(b *testing.B) float64 {
	b.Helper()
	generator := p.generator(b)
	generator.gateway = nobody
	generator.send(b, costWarmUp)
	return float64(generator.send(b, costPackets).Nanoseconds()) / costPackets
}

// costs measures the path without a ruleset, with ours, and with those of
// others, where the far end sees the host by the address.
func (p *path) costs(b *testing.B, policies []Policy, address string) {
	clearTables(b)
	b.ReportMetric(p.overhead(b), "overhead")
	b.ReportMetric(p.cost(b, hostLAN), "bare")
	p.lab.apply(b, policies...)
	b.ReportMetric(p.cost(b, address), "ours")
	for _, name := range []string{"openwrt", "vyos"} {
		clearTables(b)
		runNFT(b, string(must(os.ReadFile(filepath.Join("testdata/layouts", name+".nft")))(b)))
		b.ReportMetric(p.cost(b, address), name)
	}
	clearTables(b)
	b.ReportMetric(0, "ns/op")
}

// BenchmarkDirect measures direct internet access: a packet goes from the LAN to
// the provider, in the VRF, with another source address.
func BenchmarkDirect(b *testing.B) {
	directPath(b).costs(b, withNAT(), spokeWAN)
}

// BenchmarkTunnel measures the way to headquarters: a packet goes from the LAN
// into the tunnel, and inside ESP to the provider.
func BenchmarkTunnel(b *testing.B) {
	tunnelPath(b).costs(b, costPolicies, hostLAN)
}

// clearTables removes every table, ours and others'.
func clearTables(b *testing.B) {
	b.Helper()
	conn := must(nftables.New())(b)
	conn.FlushRuleset()
	check(b, conn.Flush())
}

// runNFT puts nft's text into the kernel by Debian's nft.
func runNFT(b *testing.B, text string) {
	b.Helper()
	nft := exec.Command("/usr/sbin/nft", "-f", "-")
	nft.SysProcAttr = &syscall.SysProcAttr{Chroot: "/debian/nft"}
	nft.Stdin = strings.NewReader(text)
	if out, err := nft.CombinedOutput(); err != nil {
		b.Fatalf("nft: %v\n%s", err, out)
	}
}
