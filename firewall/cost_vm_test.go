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
	// A figure is the least of the means of a batch in each turn, since in some
	// turns every packet takes three hundred instructions more, with a ruleset or
	// without. All rulesets of a benchmark have their turn before the next.
	costTurns  = 4
	costBatch  = 5000
	costWarmUp = 500
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
	p := &path{lab: newLab(b)}
	p.open(b, hubWAN+":500")
	return p
}

// tunnelPath leads from the LAN through the tunnel, protected by ESP.
func tunnelPath(b *testing.B) *path {
	l := newLab(b)
	protectGRE(b, l.spoke, spokeWAN, hubWAN, 0)
	protectGRE(b, l.hub, hubWAN, spokeWAN, 0)
	check(b, handle(b, l.hub).RouteReplace(&netlink.Route{Dst: subnet(hostLAN), Gw: net.ParseIP(spokeHQ)}))
	p := &path{lab: l, encrypted: true}
	p.open(b, hubHQ+":9999")
	return p
}

// open lets both ends listen. The provider's link address is known for good,
// since a packet whose neighbour has to be asked for takes some hundred
// instructions more.
func (p *path) open(b *testing.B, far string) {
	b.Helper()
	p.host, p.far = udp(b, p.lab.lan, "", hostLAN+":4000"), udp(b, p.lab.hub, "", far)
	spoke := handle(b, p.lab.spoke)
	check(b, spoke.NeighSet(&netlink.Neigh{
		LinkIndex: link(b, spoke, "wan0").Attrs().Index, State: netlink.NUD_PERMANENT, IP: net.ParseIP(hubWAN).To4(),
		HardwareAddr: link(b, handle(b, p.lab.hub), "hub0").Attrs().HardwareAddr,
	}))
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

// generator sends what the host would, as if it came in by lan0.
func (p *path) generator(b *testing.B) *generator {
	return &generator{
		ns: p.lab.spoke, device: "lan0",
		from: p.host.LocalAddr().(*net.UDPAddr).AddrPort(), to: p.far.LocalAddr().(*net.UDPAddr).AddrPort(),
		gateway: link(b, handle(b, p.lab.spoke), "lan0").Attrs().HardwareAddr,
	}
}

// costCase is a ruleset with which a path is measured.
type costCase struct {
	name string
	// load puts it into a kernel that has none.
	load func(b *testing.B)
	// address is by which the far end sees the host.
	address string
}

// measure reports for each case, and under the name overhead for what no ruleset
// can change, how many instructions a packet of an established connection takes,
// from when it has come in to when it is handed to wan0.
func (p *path) measure(b *testing.B, cases ...costCase) {
	least := make(map[string]float64)
	record := func(name string, mean float64) {
		if have, ok := least[name]; !ok || mean < have {
			least[name] = mean
		}
	}
	for range costTurns {
		clearTables(b)
		record("overhead", p.overhead(b))
		for _, c := range cases {
			c.load(b)
			p.converse(b, c.address)
			record(c.name, p.batch(b))
			p.converse(b, c.address) // it was the same connection all the time
			clearTables(b)
		}
	}
	for name, mean := range least {
		b.ReportMetric(mean, name)
	}
	b.ReportMetric(0, "ns/op")
}

// batch returns the mean of a batch.
func (p *path) batch(b *testing.B) float64 {
	b.Helper()
	sink := newSink(b, handle(b, p.lab.spoke), "wan0")
	defer sink.close(b)
	generator := p.generator(b)
	generator.send(b, costWarmUp)
	left, encrypted := sink.packets(b), p.encryptions(b)
	took := generator.send(b, costBatch)
	wantPackets(b, "left the spoke", sink.packets(b)-left)
	if p.encrypted {
		wantPackets(b, "were encrypted", p.encryptions(b)-encrypted)
	}
	return float64(took.Nanoseconds()) / costBatch
}

// wantPackets fails if not all packets were measured.
func wantPackets(b *testing.B, what string, n int) {
	b.Helper()
	if n < costBatch || n > costBatch+strayPackets {
		b.Fatalf("of %d packets %d %s", costBatch, n, what)
	}
}

// encryptions returns how many packets the spoke's SAs have encrypted.
func (p *path) encryptions(b *testing.B) (packets int) {
	b.Helper()
	for _, state := range must(handle(b, p.lab.spoke).XfrmStateList(unix.AF_INET))(b) {
		if state.Src.Equal(net.ParseIP(spokeWAN)) {
			packets += int(state.Statistics.Packets)
		}
	}
	return packets
}

// nobody is the link address of no device.
var nobody = net.HardwareAddr{2, 0, 0, 0, 0, 1}

// overhead returns how many of the instructions are the generator's: those that a
// packet takes which has come in and is for nobody.
func (p *path) overhead(b *testing.B) float64 {
	b.Helper()
	generator := p.generator(b)
	generator.gateway = nobody
	generator.send(b, costWarmUp)
	return float64(generator.send(b, costBatch).Nanoseconds()) / costBatch
}

// compare measures the path without a ruleset, with ours, and with those of
// others, where the far end sees the host by the address.
func (p *path) compare(b *testing.B, policies []Policy, address string) {
	layout := func(name string) costCase {
		text := must(os.ReadFile(filepath.Join("testdata/layouts", name+".nft")))(b)
		return costCase{name, func(b *testing.B) { runNFT(b, string(text)) }, address}
	}
	p.measure(b,
		costCase{"bare", func(*testing.B) {}, hostLAN},
		costCase{"ours", func(b *testing.B) { p.lab.apply(b, policies...) }, address},
		layout("openwrt"),
		layout("vyos"),
	)
}

// BenchmarkDirect measures direct internet access: a packet goes from the LAN to
// the provider, in the VRF, with another source address.
func BenchmarkDirect(b *testing.B) {
	directPath(b).compare(b, withNAT(), spokeWAN)
}

// BenchmarkTunnel measures the way to headquarters: a packet goes from the LAN
// into the tunnel, and inside ESP to the provider.
func BenchmarkTunnel(b *testing.B) {
	tunnelPath(b).compare(b, costPolicies, hostLAN)
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
