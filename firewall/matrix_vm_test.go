//go:build vm

package firewall

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// policies are those of the lab. UDP 500 and 53 carry the packets that prove
// that an earlier one did not come.
var policies = []Policy{
	{From: "inside", To: "outside", Reject: []string{"tcp/23", "udp/23"}, Pass: []string{"udp/6000"}, Inspect: []string{"tcp", "udp", "icmp"}, NAT: NATMasquerade},
	{From: "outside", To: Self, Inspect: []string{"ike"}, Pass: []string{"dhcp-client"}},
	{From: Self, To: "outside", Inspect: []string{"ike", "dns"}, Pass: []string{"dhcp-client"}, Log: LogDrop},
	{From: "inside", To: Self, Inspect: []string{"udp/9999"}},
	{From: Self, To: "inside", Inspect: []string{"udp/9999", "udp/520"}},
}

// track makes the kernel track connections before there is a policy of ours.
func track(t *testing.T) {
	t.Helper()
	conn := must(nftables.New())(t)
	table := conn.AddTable(&nftables.Table{Name: "tracker", Family: nftables.TableFamilyINet})
	for name, hook := range map[string]*nftables.ChainHook{"in": nftables.ChainHookPrerouting, "out": nftables.ChainHookOutput} {
		chain := conn.AddChain(&nftables.Chain{Name: name, Table: table, Type: nftables.ChainTypeFilter, Hooknum: hook, Priority: nftables.ChainPriorityFilter})
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{&expr.Ct{Key: expr.CtKeySTATE, Register: 1}}})
	}
	check(t, conn.Flush())
	t.Cleanup(func() {
		// A table that is added before is there to be deleted.
		conn.AddTable(&nftables.Table{Name: tableName, Family: nftables.TableFamilyINet})
		conn.DelTable(&nftables.Table{Name: tableName, Family: nftables.TableFamilyINet})
		conn.DelTable(table)
		check(t, conn.Flush())
	})
}

// TestPackets sends packets of every kind through a spoke and sees which come.
func TestPackets(t *testing.T) {
	oneCPU(t)
	l := newLab(t)
	track(t)
	inner := udp(t, l.spoke, "", spokeHQ+":9999")
	ike := udp(t, l.spoke, "front", spokeWAN+":500")
	hub := udp(t, l.hub, "", hubWAN+":500")
	host := udp(t, l.lan, "", hostLAN+":4000")
	multicast := udp(t, l.spoke, "hq", spokeHQ+":520")

	forged := func(text string) {
		t.Helper()
		clearGRE(t, l.hub, spokeWAN, datagram(netip.MustParseAddrPort(hubHQ+":9999"), netip.MustParseAddrPort(spokeHQ+":9999"), text))
	}
	// hello proves that what the spoke sent before has come, or never will.
	hello := func(text string) []packet {
		t.Helper()
		send(t, ike, hubWAN+":500", text)
		expect(t, hub, text)
		return l.wire.until(t, text)
	}

	t.Run("without a firewall GRE is in clear", func(t *testing.T) {
		hello("begin") // Nobody asks for the address of a group, so it would overtake.
		send(t, inner, hubHQ+":9999", "out")
		send(t, multicast, "224.0.0.10:520", "hello")
		sent := of(protoGRE, hello("end"))
		if len(sent) != 2 || sent[0].dest() != netip.MustParseAddr(hubWAN) || sent[1].dest() != netip.MustParseAddr("224.0.0.10") {
			t.Errorf("on the wire was %v, want GRE to the hub and to the group", sent)
		}
		forged("in")
		expect(t, inner, "in")

		flows := must(netlink.ConntrackTableList(netlink.ConntrackTable, unix.AF_INET))(t)
		var gre bool
		for _, f := range flows {
			gre = gre || f.Forward.Protocol == uint8(protoGRE)
		}
		if !gre {
			t.Errorf("our GRE made no connection entry: %v", flows)
		}
	})

	l.apply(t, policies...)

	t.Run("clear GRE does not leave", func(t *testing.T) {
		send(t, inner, hubHQ+":9999", "out")
		if sent := of(protoGRE, hello("clear GRE out")); len(sent) > 0 {
			t.Errorf("on the wire was %v", sent)
		}
		if n := counted(t, "gre-out.clear"); n != 1 {
			t.Errorf("%d packets are counted as clear GRE, want 1", n)
		}
	})
	t.Run("clear GRE does not come in, though ours made a connection", func(t *testing.T) {
		forged("forged")
		send(t, hub, spokeWAN+":500", "clear GRE in")
		expect(t, ike, "clear GRE in")
		wantSilence(t, inner)
		if n := counted(t, "gre-in.clear"); n != 1 {
			t.Errorf("%d packets are counted as clear GRE, want 1", n)
		}
	})
	t.Run("clear GRE from the LAN does not come in", func(t *testing.T) {
		clearGRE(t, l.lan, spokeLAN, datagram(netip.MustParseAddrPort(hubHQ+":9999"), netip.MustParseAddrPort(spokeHQ+":9999"), "forged"))
		send(t, host, spokeHQ+":9999", "after it")
		expect(t, inner, "after it")
		if n := counted(t, "gre-in.clear"); n != 2 {
			t.Errorf("%d packets are counted as clear GRE, want 2", n)
		}
	})
	t.Run("clear GRE does not go through", func(t *testing.T) {
		clearGRE(t, l.lan, hubWAN, datagram(netip.MustParseAddrPort(hostLAN+":1"), netip.MustParseAddrPort(hubHQ+":1"), "x"))
		send(t, host, hubWAN+":500", "GRE of a host")
		if sent := of(protoGRE, l.wire.until(t, "GRE of a host")); len(sent) > 0 {
			t.Errorf("on the wire was %v", sent)
		}
		expect(t, hub, "GRE of a host")
	})
	t.Run("multicast that a policy names reaches the tunnel and nothing else", func(t *testing.T) {
		leaving := newTap(t, l.spoke, "hq")
		send(t, multicast, "224.0.0.10:521", "not named")
		send(t, multicast, "224.0.0.10:520", "hello")
		if into := leaving.until(t, "hello"); len(into) > 0 {
			t.Errorf("into the tunnel went %v", into)
		}
		if sent := of(protoGRE, hello("multicast")); len(sent) > 0 {
			t.Errorf("on the wire was %v", sent)
		}
		if n := counted(t, "gre-out.multicast"); n != 1 {
			t.Errorf("%d packets are counted as multicast, want 1", n)
		}
	})
	t.Run("self is protected", func(t *testing.T) {
		snmp := udp(t, l.spoke, "front", spokeWAN+":161")
		lanSNMP := udp(t, l.spoke, "", spokeLAN+":161")
		send(t, hub, spokeWAN+":161", "read")
		send(t, hub, spokeWAN+":500", "after SNMP")
		expect(t, ike, "after SNMP")
		wantSilence(t, snmp)

		send(t, host, spokeLAN+":161", "read")
		send(t, host, spokeHQ+":9999", "after SNMP of the LAN")
		expect(t, inner, "after SNMP of the LAN")
		wantSilence(t, lanSNMP)

		// Self may not send what no policy names either.
		send(t, snmp, hubWAN+":162", "trap")
		if sent := hello("after the trap"); len(sent) > 0 {
			t.Errorf("on the wire was %v", sent)
		}
	})
	t.Run("inspect lets answers back through the masquerade", func(t *testing.T) {
		send(t, host, hubWAN+":500", "question")
		from := expect(t, hub, "question")
		if from.Addr() != netip.MustParseAddr(spokeWAN) {
			t.Errorf("the question came from %s, want the spoke's WAN address", from)
		}
		l.wire.until(t, "question")
		send(t, hub, from.String(), "answer")
		expect(t, host, "answer")
	})
	t.Run("nothing comes in unasked", func(t *testing.T) {
		send(t, hub, hostLAN+":4000", "unasked")
		send(t, host, hubWAN+":500", "question")
		from := expect(t, hub, "question")
		l.wire.until(t, "question")
		send(t, hub, from.String(), "answer after it")
		expect(t, host, "answer after it")
	})
	t.Run("pass is one way", func(t *testing.T) {
		server := udp(t, l.hub, "", hubWAN+":6000")
		send(t, host, hubWAN+":6000", "passed")
		from := expect(t, server, "passed")
		l.wire.until(t, "passed")
		send(t, server, from.String(), "refused")
		send(t, host, hubWAN+":500", "question")
		from = expect(t, hub, "question")
		l.wire.until(t, "question")
		send(t, hub, from.String(), "answer after it")
		expect(t, host, "answer after it")
	})
	t.Run("reject answers", func(t *testing.T) {
		check(t, in(l.lan, func() error {
			_, err := net.DialTimeout("tcp4", hubWAN+":23", patience)
			if !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("connecting to a rejected port: %v, want refused", err)
			}
			conn, err := net.Dial("udp4", hubWAN+":23")
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := conn.Write([]byte("x")); err != nil {
				return err
			}
			conn.SetReadDeadline(time.Now().Add(patience))
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, unix.EHOSTUNREACH) {
				t.Errorf("sending to a rejected port: %v, want administratively prohibited", err)
			}
			return nil
		}))
	})
	t.Run("answers that find no way to the LAN do not go back to the provider", func(t *testing.T) {
		send(t, host, hubWAN+":500", "question")
		from := expect(t, hub, "question")
		l.wire.until(t, "question")
		spoke := handle(t, l.spoke)
		check(t, spoke.RouteDel(l.wayBack(t)))
		check(t, spoke.RouteAdd(&netlink.Route{Gw: net.ParseIP(hubWAN), LinkIndex: link(t, spoke, "wan0").Attrs().Index, Table: frontTable}))
		before := counted(t, "forward.transit")
		send(t, hub, from.String(), "answer")
		send(t, hub, spokeWAN+":500", "after it")
		expect(t, ike, "after it")
		if sent := hello("leak"); len(sent) > 0 {
			t.Errorf("on the wire was %v", sent)
		}
		if n := counted(t, "forward.transit") - before; n != 1 {
			t.Errorf("%d packets are counted as transit, want 1", n)
		}
		check(t, spoke.RouteAdd(l.wayBack(t)))
	})
	t.Run("a policy that ends inspection ends its connections", func(t *testing.T) {
		send(t, host, hubWAN+":500", "question")
		from := expect(t, hub, "question")
		l.wire.until(t, "question")
		l.apply(t, policies[1:]...)
		send(t, hub, from.String(), "late answer")
		send(t, hub, spokeWAN+":500", "after it")
		expect(t, ike, "after it")
		l.apply(t, policies...)
		send(t, hub, from.String(), "answer")
		expect(t, host, "answer")
	})
	t.Run("sealing leaves a policy alone and closes an empty box", func(t *testing.T) {
		check(t, Seal(Netfilter{}))
		hello("still open")
		conn := must(nftables.New())(t)
		conn.DelTable(&nftables.Table{Name: tableName, Family: nftables.TableFamilyINet})
		check(t, conn.Flush())
		check(t, Seal(Netfilter{}))
		send(t, ike, hubWAN+":500", "sealed")
		l.apply(t, policies...)
		if sent := hello("open again"); len(sent) > 0 {
			t.Errorf("on the wire was %v", sent)
		}
	})
}

// wantSilence fails if a datagram has come. Callers have made sure before that
// it would be here by now.
func wantSilence(t *testing.T, at *net.UDPConn) {
	t.Helper()
	check(t, at.SetReadDeadline(time.Now().Add(time.Millisecond)))
	buf := make([]byte, 2048)
	n, from, err := at.ReadFromUDPAddrPort(buf)
	if err == nil {
		t.Errorf("received %q from %s, want nothing", buf[:n], from)
	}
}

// TestLargePolicy is beyond what the kernel's default socket buffers hold.
func TestLargePolicy(t *testing.T) {
	r := DenyAll()
	for i := range 1500 {
		number := uint16(i + 1)
		r.chains[0].add(transport{proto: protoTCP, dest: ports{number, number}}, accept)
	}
	check(t, Netfilter{}.Replace(r))
	if held := must(Netfilter{}.Holds(r))(t); !held {
		t.Error("the large policy is not held")
	}
	conn := must(nftables.New())(t)
	conn.DelTable(&nftables.Table{Name: tableName, Family: nftables.TableFamilyINet})
	check(t, conn.Flush())
}
