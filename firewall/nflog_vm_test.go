//go:build vm

package firewall

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	mdlayher "github.com/mdlayher/netlink"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/kmod"
)

// logAll logs the packets of the protocol, or all for 0, that each hook sees,
// in a table that is not ours.
func logAll(t *testing.T, proto protocol, prefixes map[string]Decision) {
	t.Helper()
	hooks := map[string]*nftables.ChainHook{
		"input": nftables.ChainHookInput, "forward": nftables.ChainHookForward, "output": nftables.ChainHookOutput,
	}
	conn := must(nftables.New())(t)
	table := conn.AddTable(&nftables.Table{Name: "logging", Family: nftables.TableFamilyINet})
	for name, decision := range prefixes {
		chain := conn.AddChain(&nftables.Chain{
			Name: name, Table: table, Type: nftables.ChainTypeFilter, Hooknum: hooks[name], Priority: nftables.ChainPriorityFilter,
		})
		var exprs []expr.Any
		if proto != 0 {
			exprs = append(exprs,
				&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
				&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(proto)}})
		}
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: append(exprs, &expr.Log{
			Key:   1<<unix.NFTA_LOG_PREFIX | 1<<unix.NFTA_LOG_GROUP | 1<<unix.NFTA_LOG_SNAPLEN,
			Group: logGroup, Snaplen: logLength, Data: []byte(decision.Prefix()),
		})})
	}
	check(t, conn.Flush())
	t.Cleanup(func() {
		conn.DelTable(table)
		check(t, conn.Flush())
	})
}

// logs reads until the test ends, and lets the next one read.
func logs(t *testing.T) <-chan Logged {
	t.Helper()
	lines := must(Netfilter{}.Logs(t.Context()))(t)
	t.Cleanup(func() {
		for range lines {
		}
	})
	return lines
}

// await returns the first line that is wanted.
func await(t *testing.T, lines <-chan Logged, wanted func(Logged) bool) Logged {
	t.Helper()
	limit := time.After(patience)
	var seen []Logged
	for {
		select {
		case line, ok := <-lines:
			if !ok {
				t.Fatal("the lines have ended")
			}
			if wanted(line) {
				return line
			}
			seen = append(seen, line)
		case <-limit:
			t.Fatalf("the line did not come, but %+v", seen)
		}
	}
}

// alone locks the test to its thread in the VM's first network namespace.
func alone(t *testing.T) netns.NsHandle {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	return must(netns.Get())(t)
}

// loggingRouter makes a router with the links wan0 and lan0, of both families,
// and returns its namespace and that of the host at each link.
func loggingRouter(t *testing.T) (router netns.NsHandle, hosts map[string]netns.NsHandle) {
	t.Helper()
	l := &lab{spoke: alone(t)}
	h := handle(t, l.spoke)
	hosts = make(map[string]netns.NsHandle)
	for device, end := range map[string]struct{ router, host [2]string }{
		"wan0": {[2]string{"203.0.113.2/24", "2001:db8:1::2/64"}, [2]string{"203.0.113.1/24", "2001:db8:1::1/64"}},
		"lan0": {[2]string{"192.168.17.1/24", "2001:db8:17::1/64"}, [2]string{"192.168.17.10/24", "2001:db8:17::10/64"}},
	} {
		ns := newHost(t)
		hosts[device] = ns
		l.cable(t, device, ns, "eth0")
		there := handle(t, ns)
		for family := range end.router {
			gateway, host := must(netlink.ParseAddr(end.router[family]))(t), must(netlink.ParseAddr(end.host[family]))(t)
			gateway.Flags, host.Flags = unix.IFA_F_NODAD, unix.IFA_F_NODAD
			check(t, h.AddrAdd(link(t, h, device), gateway))
			check(t, there.AddrAdd(link(t, there, "eth0"), host))
			route(t, there, &netlink.Route{Gw: gateway.IP})
		}
	}
	for _, sysctl := range []string{"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"} {
		check(t, os.WriteFile(sysctl, []byte("1"), 0o644))
	}
	return l.spoke, hosts
}

// TestLogs sends packets of both families through every hook.
func TestLogs(t *testing.T) {
	router, host := loggingRouter(t)
	input := Decision{"drop", "outside", "self", "default"}
	// This one's prefix is of the greatest length.
	forward := Decision{"inspect", "inside", "outside", strings.Repeat("web, ", 21)[:maxPrefix-len("inspect inside outside ")]}
	output := Decision{"pass", "", "", "default"}
	logAll(t, 0, map[string]Decision{"input": input, "forward": forward, "output": output})
	lines := logs(t)

	for _, family := range []struct{ name, wan, farHost, nearHost string }{
		{"IPv4", "203.0.113.2", "203.0.113.1", "192.168.17.10"},
		{"IPv6", "2001:db8:1::2", "2001:db8:1::1", "2001:db8:17::10"},
	} {
		wan, far, near := netip.MustParseAddr(family.wan), netip.MustParseAddr(family.farHost), netip.MustParseAddr(family.nearHost)
		for _, test := range []struct {
			name string
			send func(t *testing.T)
			want Logged
		}{
			{
				name: "input",
				send: func(t *testing.T) { refused(t, host["wan0"], far, 40112, wan, 23) },
				want: Logged{Decision: input, In: "wan0", Headers: Headers{
					Protocol: "tcp", Source: far, SourcePort: 40112, Destination: wan, DestinationPort: 23, Flags: "SYN",
				}},
			},
			{
				name: "output",
				send: func(t *testing.T) { refused(t, host["wan0"], far, 40113, wan, 23) },
				want: Logged{Decision: output, Out: "wan0", Headers: Headers{
					Protocol: "tcp", Source: wan, SourcePort: 23, Destination: far, DestinationPort: 40113, Flags: "RST,ACK",
				}},
			},
			{
				name: "forward",
				send: func(t *testing.T) { refused(t, host["lan0"], near, 40114, far, 80) },
				want: Logged{Decision: forward, In: "lan0", Out: "wan0", Headers: Headers{
					Protocol: "tcp", Source: near, SourcePort: 40114, Destination: far, DestinationPort: 80, Flags: "SYN",
				}},
			},
			{
				name: "forward of an error",
				send: func(t *testing.T) { shout(t, host["lan0"], near, far, 7000) },
				want: Logged{Decision: forward, In: "wan0", Out: "lan0", Headers: Headers{
					Protocol: "icmp", Source: far, Destination: near, ICMP: "port-unreachable",
				}},
			},
			{
				name: "output of a datagram",
				send: func(t *testing.T) { shout(t, router, wan, far, 7001) },
				want: Logged{Decision: output, Out: "wan0", Headers: Headers{
					Protocol: "udp", Source: wan, SourcePort: 4000, Destination: far, DestinationPort: 7001,
				}},
			},
		} {
			t.Run(family.name+" "+test.name, func(t *testing.T) {
				began := time.Now()
				test.send(t)
				// Neighbour discovery and the answers of other tests come, too.
				got := await(t, lines, func(line Logged) bool {
					return line.Headers == test.want.Headers && line.Decision == test.want.Decision
				})
				test.want.Time = got.Time
				if diff := cmp.Diff(test.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
					t.Errorf("the line differs (-want +got):\n%s", diff)
				}
				if got.Time.Before(began) {
					t.Errorf("the line is of %s, before %s", got.Time, began)
				}
			})
		}
	}
}

// TestLogsOfPolicy has the compiler's own rules log, with a VRF in the way.
func TestLogsOfPolicy(t *testing.T) {
	l := newLab(t)
	track(t)
	l.apply(t, policies...)
	lines := logs(t)
	send(t, udp(t, l.spoke, "front", spokeWAN+":4000"), hubWAN+":7000", "no policy names this")
	got := await(t, lines, func(line Logged) bool { return line.DestinationPort == 7000 })
	want := Logged{
		Time: got.Time, Decision: Decision{"drop", Self, "outside", "default"}, Out: "wan0",
		Headers: Headers{
			Protocol: "udp", Source: netip.MustParseAddr(spokeWAN), SourcePort: 4000,
			Destination: netip.MustParseAddr(hubWAN), DestinationPort: 7000,
		},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("the line differs (-want +got):\n%s", diff)
	}
}

// refused tries to open a TCP connection to a port where nobody listens.
func refused(t *testing.T, ns netns.NsHandle, from netip.Addr, fromPort uint16, to netip.Addr, port uint16) {
	t.Helper()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, fromPort)), Timeout: patience}
	err := in(ns, func() error {
		conn, err := dialer.Dial("tcp", netip.AddrPortFrom(to, port).String())
		if err == nil {
			conn.Close()
		}
		return err
	})
	if !errors.Is(err, unix.ECONNREFUSED) {
		t.Fatalf("opening a connection: %v, want it to be refused", err)
	}
}

// shout sends a datagram from port 4000.
func shout(t *testing.T, ns netns.NsHandle, from, to netip.Addr, port uint16) {
	t.Helper()
	check(t, in(ns, func() error {
		conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 4000)), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, port)))
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = conn.Write(make([]byte, 1000))
		return err
	}))
}

// TestLogsLost logs more than the buffer holds while nobody reads. Each packet
// must be a line or be counted as lost.
func TestLogsLost(t *testing.T) {
	l := &lab{spoke: alone(t)}
	h := handle(t, l.spoke)
	check(t, h.LinkSetUp(link(t, h, "lo")))
	logAll(t, protoUDP, map[string]Decision{"output": {"drop", "a", "b", "c"}})
	lines := logs(t)

	const flood = 5000
	sink := udp(t, l.spoke, "", "127.0.0.1:9000")
	source := udp(t, l.spoke, "", "127.0.0.1:9001")
	for range flood {
		send(t, source, sink.LocalAddr().String(), "flood")
	}
	// Losses are told by the next line that comes through.
	var read, lost, after int
	for limit := time.Now().Add(patience); ; {
		if time.Now().After(limit) {
			t.Fatalf("after the flood no packet is logged; %d lines, %d lost", read, lost)
		}
		marker := udp(t, l.spoke, "", fmt.Sprintf("127.0.0.1:%d", 9100+after))
		send(t, marker, sink.LocalAddr().String(), "marker")
		after++
		found := false
		for quiet := time.After(500 * time.Millisecond); !found; {
			select {
			case line := <-lines:
				read++
				lost += int(line.Lost)
				found = line.SourcePort == uint16(9100+after-1)
				continue
			case <-quiet:
			}
			break
		}
		if found {
			break
		}
	}
	if read+lost != flood+after || lost == 0 {
		t.Errorf("of %d packets %d were logged and %d lost", flood+after, read, lost)
	}
	t.Logf("of %d packets %d were logged and %d lost", flood+after, read, lost)
}

// TestLogsTwice has two readers at once, which the kernel does not let be, and
// one after the other.
func TestLogsTwice(t *testing.T) {
	alone(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	lines := must(Netfilter{}.Logs(ctx))(t)
	if _, err := (Netfilter{}).Logs(t.Context()); !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.EEXIST) {
		t.Errorf("for a second reader: %v", err)
	}
	cancel()
	select {
	case line, ok := <-lines:
		if ok {
			t.Errorf("after the end: %+v", line)
		}
	case <-time.After(patience):
		t.Fatal("the lines do not end")
	}
	logs(t)
}

func TestDeviceNames(t *testing.T) {
	alone(t)
	conn := must(mdlayher.Dial(unix.NETLINK_NETFILTER, nil))(t)
	defer conn.Close()
	nameOf := deviceNames(conn)
	for index, want := range map[uint32]string{1: "lo", 99999: "99999"} {
		if got := nameOf(index); got != want {
			t.Errorf("device %d is %q, want %q", index, got, want)
		}
	}
}

// TestLogsWithoutModule takes the module away.
func TestLogsWithoutModule(t *testing.T) {
	alone(t)
	const module = "nfnetlink_log"
	// Rules that log hold it.
	conn := must(nftables.New())(t)
	conn.FlushRuleset()
	check(t, conn.Flush())
	unload(t, module)
	if _, err := (Netfilter{}).Logs(t.Context()); !errors.Is(err, ErrNoPacketLog) {
		t.Errorf("without %s: %v", module, err)
	}
}

// unload takes a module out of the kernel until the test ends.
func unload(t *testing.T, module string) {
	t.Helper()
	for limit := time.Now().Add(patience); ; {
		// The kernel frees rules a while after they are deleted.
		err := unix.DeleteModule(module, unix.O_NONBLOCK)
		if err == nil || errors.Is(err, unix.ENOENT) {
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("unload %s: %v", module, err)
		}
		runtime.Gosched()
	}
	t.Cleanup(func() { check(t, must(kmod.Open("/lib/modules"))(t).Load(module)) })
}
