//go:build vm

package dmvpn

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/mdlayher/packet"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
	"github.com/farspoke/farspoke/internal/checkpoint"
	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// TestTunnel registers with a hub over the real device, carries traffic, and
// then restarts under it: no packet is lost and the hub notices nothing.
func TestTunnel(t *testing.T) {
	far := newWire(t)
	h := startHub(t, far)
	cfg := testConfig()
	cfg.VRF, cfg.Key = "tenant", keyZero
	cfg.NHRP.Servers[0].NBMA = hubWAN.String()
	ensure(t, tunnelDevice()) // for its removal at the end

	deps := depsOf(t, h, "front", spokeWAN)
	tunnel, stop := runTunnel(t, cfg, deps)
	waitFor(t, "registration", func() bool { return tunnel.Status().Servers[0].State == Registered })
	if s := tunnel.Status().Servers[0]; s.Observed != spokeWAN {
		t.Errorf("status = %+v", s)
	}
	before := kernelState(t)

	// The hub counts what arrives of a stream.
	var arrived atomic.Uint32
	inbound := h.listenUDP(t, far)
	go func() {
		b := make([]byte, 100)
		for {
			if _, _, err := inbound.ReadFrom(b); err != nil {
				return
			}
			arrived.Add(1)
		}
	}()
	dialer := net.Dialer{Control: func(network, address string, c syscall.RawConn) error {
		var bound error
		err := c.Control(func(fd uintptr) { bound = unix.BindToDevice(int(fd), "tenant") })
		return errors.Join(err, bound)
	}}
	stream, err := dialer.Dial("udp", "172.16.100.1:9999")
	must(t, err)
	defer stream.Close()
	sent := uint32(0)
	send := func(n int) {
		for range n {
			_, err := stream.Write([]byte("x"))
			must(t, err)
			sent++
		}
	}
	send(20)
	stop()
	send(20)
	tunnel, stop = runTunnel(t, cfg, deps)
	send(20)
	waitFor(t, "taking over", func() bool { return tunnel.Status().Servers[0].State == Registered })
	send(20)
	waitFor(t, "the whole stream", func() bool { return arrived.Load() == sent })
	if after := kernelState(t); !slices.Equal(before, after) {
		t.Errorf("the restart changed the kernel's state:\n%v\n%v", before, after)
	}

	stop()
	must(t, tunnel.Shutdown(t.Context()))
	waitFor(t, "the purge", func() bool { return len(h.asked()) > 1 })
	if asked := h.asked(); len(asked) != 2 || asked[1].Type != nhrp.PurgeRequest {
		t.Errorf("the hub received %+v", asked)
	}
}

// TestMulticast: what a routing protocol says on the tunnel stays off the WAN
// once the policy for GRE is there. Without a policy an underlay in the main
// table sends it to the group in clear; a VRF has no way to a group.
func TestMulticast(t *testing.T) {
	group := netip.MustParseAddr("224.0.0.5")
	for underlay, leak := range map[string]netip.Addr{"": group, "front": {}} {
		t.Run("underlay "+underlay, func(t *testing.T) {
			far := newWire(t)
			if underlay == "" {
				leaveVRF(t)
			}
			d := tunnelDevice()
			d.Underlay = underlay
			index := ensure(t, d)
			must(t, Netlink{}.SetNeighbours(index, []Neighbour{{hub1, hubWAN}}))
			link, err := Netlink{}.Listen(index)
			must(t, err)
			defer link.Close()
			cleartext := sniffGRE(t, far)

			must(t, link.Send(hubWAN, []byte("shows that the sniffer works")))
			if to := cleartext(patience); to != hubWAN {
				t.Fatalf("GRE goes to %v instead of the hub", to)
			}
			must(t, hello(t, group))
			wait := time.Second
			if leak.IsValid() {
				wait = patience
			}
			if to := cleartext(wait); to != leak {
				t.Errorf("without a policy multicast goes to %v, want %v", to, leak)
			}

			everything := &net.IPNet{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}
			policy := &netlink.XfrmPolicy{
				Src: everything, Dst: everything, Proto: unix.IPPROTO_GRE, Dir: netlink.XFRM_DIR_OUT,
				Tmpls: []netlink.XfrmPolicyTmpl{{Proto: netlink.XFRM_PROTO_ESP, Mode: netlink.XFRM_MODE_TRANSPORT, Reqid: 7}},
			}
			must(t, netlink.XfrmPolicyAdd(policy))
			defer func() { must(t, netlink.XfrmPolicyDel(policy)) }()
			// Whether the sender hears of it does not matter here.
			_ = hello(t, group)
			_ = link.Send(hubWAN, []byte("a registration before its time"))
			if to := cleartext(time.Second); to.IsValid() {
				t.Errorf("GRE left in clear to %s", to)
			}
		})
	}
}

// hello sends an OSPF hello, as far as addressing goes, on the tunnel.
func hello(t *testing.T, group netip.Addr) error {
	t.Helper()
	return announce(t, "hq", ospf, group)
}

// leaveVRF moves the WAN to the main table, with a default route there.
func leaveVRF(t *testing.T) {
	t.Helper()
	wan, err := netlink.LinkByName("wan")
	must(t, err)
	must(t, netlink.LinkSetNoMaster(wan))
	everything := nl.IPNet(netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	must(t, netlink.RouteReplace(&netlink.Route{LinkIndex: wan.Attrs().Index, Dst: everything, Gw: hubWAN.AsSlice()}))
}

// startHub runs a scripted hub over a device of its own at the far end.
func startHub(t *testing.T, far *farEnd) *hub {
	t.Helper()
	return startHubOf(t, far, theHub)
}

// theHub is that of tests with one cloud.
var theHub = cloudHub{device: "gre1", key: keyZero, nbma: hubWAN, spoke: spokeWAN, secret: "cloud"}

// cloudHub is where a hub is and by what its cloud differs from others.
type cloudHub struct {
	device string
	key    *uint32
	// nbma is the hub's, spoke ours.
	nbma, spoke netip.Addr
	secret      string
	// inner is the hub's address in the tunnel, and member ours; those of testConfig
	// if absent.
	inner  netip.Prefix
	member netip.Addr
}

func startHubOf(t *testing.T, far *farEnd, c cloudHub) *hub {
	t.Helper()
	if !c.member.IsValid() {
		c.inner, c.member = netip.PrefixFrom(hub1, 24), spokeAddress
	}
	h := &hub{lab: &lab{t: t, started: time.Now()}, address: c.inner.Addr(), nbma: c.nbma, secret: c.secret}
	var link Link
	far.do(func() error {
		index, err := Netlink{}.EnsureDevice(Device{Name: c.device, Address: c.inner, Key: c.key, MTU: 1400})
		if err != nil {
			return err
		}
		if link, err = (Netlink{}).Listen(index); err != nil {
			return err
		}
		return Netlink{}.SetNeighbours(index, []Neighbour{{c.member, c.spoke}})
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, maxPacket)
		for {
			n, from, err := link.Receive(b)
			if err != nil {
				return
			}
			h.sees = from
			if reply := h.answer(b[:n]); reply != nil {
				out, err := reply.Marshal()
				if err == nil {
					err = link.Send(from, out)
				}
				if err != nil {
					t.Error(err)
				}
			}
		}
	}()
	t.Cleanup(func() {
		link.Close()
		<-done
	})
	return h
}

// asked returns what the hub was sent, without the repetitions of what it was slow to
// answer.
func (h *hub) asked() (all []*nhrp.Packet) {
	h.lab.mu.Lock()
	defer h.lab.mu.Unlock()
	known := make(map[string]bool)
	for _, a := range h.received {
		b, err := a.packet.Marshal()
		must(h.lab.t, err)
		if !known[string(b)] {
			known[string(b)] = true
			all = append(all, a.packet)
		}
	}
	return all
}

func (h *hub) listenUDP(t *testing.T, far *farEnd) net.PacketConn {
	t.Helper()
	var conn net.PacketConn
	far.do(func() (err error) {
		conn, err = net.ListenPacket("udp", "172.16.100.1:9999")
		return err
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

// depsOf is what a tunnel works with that registers with the hub, from an address of
// the VRF.
func depsOf(t *testing.T, h *hub, vrf string, address netip.Addr) Deps {
	t.Helper()
	directory, err := checkpoint.Open(t.TempDir())
	must(t, err)
	state := new(value.Value[uplink.State])
	state.Set(uplink.State{Name: "wan", Up: true, VRF: vrf, Address: netip.PrefixFrom(address, 24)})
	return Deps{
		Kernel: Netlink{}, Protector: &protector{lab: h.lab}, Resolver: net.DefaultResolver, Uplink: state, Checkpoint: directory,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// runTunnel starts a process and returns how to stop it.
func runTunnel(t *testing.T, cfg Config, deps Deps) (*Tunnel, func()) {
	t.Helper()
	tunnel := New("hq", cfg, deps)
	return tunnel, run(t, tunnel)
}

// run runs a tunnel, until the test ends at the latest, and returns how to stop it.
func run(t *testing.T, tunnel *Tunnel) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := tunnel.Run(ctx); err != nil {
			t.Errorf("Run = %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// kernelState is what must outlive the process, in words.
func kernelState(t *testing.T) []string {
	t.Helper()
	link, err := netlink.LinkByName("hq")
	must(t, err)
	neighbours, err := nl.List(func() ([]netlink.Neigh, error) { return netlink.NeighList(link.Attrs().Index, netlink.FAMILY_V4) })
	must(t, err)
	state := []string{link.Attrs().Name}
	for _, n := range neighbours {
		state = append(state, n.IP.String()+" "+n.LLIPAddr.String())
	}
	routes, err := nl.List(func() ([]netlink.Route, error) {
		return netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{LinkIndex: link.Attrs().Index, Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_OIF|netlink.RT_FILTER_TABLE)
	})
	must(t, err)
	for _, r := range routes {
		state = append(state, r.String())
	}
	if len(state) < 4 {
		t.Fatalf("the kernel's state is incomplete: %v", state)
	}
	return state
}

// sniffGRE returns a function that waits for GRE in clear at the far end of the
// WAN and returns its outer destination, or nothing after the given time.
func sniffGRE(t *testing.T, far *farEnd) func(time.Duration) netip.Addr {
	t.Helper()
	var conn *packet.Conn
	far.do(func() error {
		wan, err := net.InterfaceByName("wan")
		if err != nil {
			return err
		}
		conn, err = packet.Listen(wan, packet.Datagram, unix.ETH_P_IP, nil)
		return err
	})
	t.Cleanup(func() { conn.Close() })
	return func(wait time.Duration) netip.Addr {
		t.Helper()
		must(t, conn.SetReadDeadline(time.Now().Add(wait)))
		b := make([]byte, 2000)
		for {
			n, _, err := conn.ReadFrom(b)
			if err != nil {
				return netip.Addr{}
			}
			if n >= 24 && b[9] == unix.IPPROTO_GRE && binary.BigEndian.Uint16(b[22:]) != 0 {
				return netip.AddrFrom4([4]byte(b[16:20]))
			}
		}
	}
}

func waitFor(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("%s does not come", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}
