package nhc

import (
	"encoding/json"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// crowd is a Client with many direct paths that carry traffic, to spokes and a hub
// that answer at once.
type crowd struct {
	b      testing.TB
	client *Client
	now    Instant
	octets map[netip.Addr]uint64
	saved  int // octets of State
	// renewals counts the answers to questions about networks.
	renewals int
}

// holding is for how long answers are believed.
const holding = 300 * time.Second

func newCrowd(b testing.TB) *crowd {
	c := &crowd{b: b, now: time.Minute, octets: make(map[netip.Addr]uint64)}
	c.client = New(Config{
		Address: netip.MustParsePrefix("172.16.0.17/16"), HoldingTime: holding, Shortcut: true,
		Servers: []Server{{Address: netip.MustParseAddr("172.16.0.1"), NBMA: nbma1.String()}},
		Routes:  []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
	}, State{}, 1000, c.now)
	c.do(c.client.Uplink(c.now, Uplink{Address: private}))
	return c
}

// member is where the i-th spoke is, and what it has.
func member(i int) (address, nbma netip.Addr, lan netip.Prefix) {
	hi, lo := byte(i>>8), byte(i)
	return netip.AddrFrom4([4]byte{172, 16, 128 + hi, lo}), netip.AddrFrom4([4]byte{203, 1, hi, lo}), netip.PrefixFrom(netip.AddrFrom4([4]byte{10, hi, lo, 0}), 24)
}

// do does what the client asks for.
func (c *crowd) do(e Effects) {
	if e.Save {
		data, err := json.Marshal(c.client.State())
		if err != nil {
			c.b.Fatal(err)
		}
		c.saved = len(data)
	}
	for _, peer := range e.Protect {
		c.do(c.client.Protected(c.now, peer.NBMA, nil))
	}
	for _, m := range e.Send {
		p, err := nhrp.Parse(m.Octets)
		if err != nil {
			c.b.Fatal(err)
		}
		if reply := c.answer(m.NBMA, p); reply != nil {
			b, err := reply.Marshal()
			if err != nil {
				c.b.Fatal(err)
			}
			c.do(c.client.Receive(c.now, m.NBMA, b))
		}
	}
}

func (c *crowd) answer(_ netip.Addr, p *nhrp.Packet) *nhrp.Packet {
	reply := p.Reply()
	reply.Extensions = nil
	switch dst := p.DstProtocol.As4(); {
	case p.Type == nhrp.RegistrationRequest:
	case p.Type == nhrp.ResolutionRequest && dst[0] == 10:
		c.renewals++
		address, nbma, lan := member(int(dst[1])<<8 | int(dst[2]))
		reply.CIEs = []nhrp.CIE{{PrefixLen: uint8(lan.Bits()), HoldingTime: uint16(holding.Seconds()), NBMA: nbma, Protocol: address}}
	case p.Type == nhrp.ResolutionRequest: // a probe
		reply.CIEs = []nhrp.CIE{{PrefixLen: 32, HoldingTime: uint16(holding.Seconds()), NBMA: nbma1, Protocol: p.DstProtocol}}
	default:
		return nil
	}
	return reply
}

// meet makes n paths.
func (c *crowd) meet(n int) {
	for i := range n {
		_, nbma, lan := member(i)
		payload := make([]byte, 28)
		payload[0] = 0x45
		copy(payload[16:], lan.Addr().Next().AsSlice())
		b, err := (&nhrp.Packet{
			Family: nhrp.FamilyIPv4, Protocol: nhrp.ProtocolIPv4, Hops: 255, Type: nhrp.TrafficIndication,
			SrcNBMA: nbma1, SrcProtocol: netip.MustParseAddr("172.16.0.1"), DstProtocol: c.client.cfg.Address.Addr(), Payload: payload,
		}).Marshal()
		if err != nil {
			c.b.Fatal(err)
		}
		c.do(c.client.Receive(c.now, nbma1, b))
		c.octets[nbma] = 1
		c.pass(50 * time.Millisecond)
	}
	up := 0
	for _, p := range c.client.peers {
		if p.phase == PathUp {
			up++
		}
	}
	if up != n {
		c.b.Fatalf("%d of %d paths are up", up, n)
	}
}

// pass lets time go by, in which all paths are used, as the tunnel tells every 5 s.
func (c *crowd) pass(d time.Duration) {
	const look = 5 * time.Second
	for end := c.now + d; ; {
		at, ok := c.client.Deadline()
		next := (c.now/look + 1) * look
		if !ok || at > end && next > end {
			c.now = end
			return
		}
		if next <= at {
			c.now = next
			for nbma := range c.octets {
				c.octets[nbma] += 1000
			}
			c.do(c.client.Used(c.now, c.octets))
			continue
		}
		c.now = max(c.now, at)
		c.do(c.client.Tick(c.now))
	}
}

const benchedPaths = 1000

// BenchmarkShortcutMemory is what a direct path costs of memory, with a thousand.
func BenchmarkShortcutMemory(b *testing.B) {
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		c := newCrowd(b)
		before := heap()
		c.meet(benchedPaths)
		octets := c.octets
		c.octets = nil // the bench's own
		b.ReportMetric(float64(heap()-before)/benchedPaths, "B/shortcut")
		runtime.KeepAlive(c)
		runtime.KeepAlive(octets)
	}
}

// BenchmarkShortcutRenewal is what a thousand used paths cost of processor time, the
// State that is kept included: for each renewal, and of one core over time.
func BenchmarkShortcutRenewal(b *testing.B) {
	c := newCrowd(b)
	c.meet(benchedPaths)
	c.renewals = 0
	var passed time.Duration
	for b.Loop() {
		c.pass(holding)
		passed += holding
	}
	if c.renewals < benchedPaths*b.N {
		b.Fatalf("%d renewals in %v", c.renewals, passed)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(c.renewals), "ns/renewal")
	b.ReportMetric(100*b.Elapsed().Seconds()/passed.Seconds(), "%core")
}
