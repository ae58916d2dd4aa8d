//go:build vm

package dmvpn

import (
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/nl"
	"github.com/farspoke/farspoke/internal/secret"
)

// TestClouds: two clouds with the same addresses inside are told apart by their
// keys over one underlay, to hubs at one address even, and by their underlays if
// they have one key.
func TestClouds(t *testing.T) {
	otherWAN, otherHub := netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("198.51.100.2")
	one, two := uint32(1), uint32(2)
	for _, test := range []struct {
		name      string
		underlays [2]string
		hubs      [2]cloudHub
	}{
		{"two keys over one underlay to one address", [2]string{"front", "front"}, [2]cloudHub{
			{device: "gre1", key: &one, nbma: hubWAN, spoke: spokeWAN, secret: "red"},
			{device: "gre2", key: &two, nbma: hubWAN, spoke: spokeWAN, secret: "blue"},
		}},
		{"one key over two underlays", [2]string{"front", "back"}, [2]cloudHub{
			{device: "gre1", key: &one, nbma: hubWAN, spoke: spokeWAN, secret: "red"},
			{device: "gre1", key: &one, nbma: otherHub, spoke: otherWAN, secret: "blue"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			first := newWire(t)
			must(t, nl.EnsureVRFs([]string{"front", "tenant", "back", "tenant-a", "tenant-b"}))
			second := first
			pairs := []pair{{first, spokeWAN, hubWAN}}
			if test.underlays[1] != test.underlays[0] {
				second = wire(t, "wan2", "back", otherWAN, otherHub)
				pairs = append(pairs, pair{second, otherWAN, otherHub})
			}
			protectGRE(t, false, pairs...)
			var clouds []*cloud
			for i, c := range test.hubs {
				clouds = append(clouds, &cloud{
					cloudHub: c, name: []string{"a", "b"}[i], underlay: test.underlays[i], far: []*farEnd{first, second}[i],
				})
			}
			for _, c := range clouds {
				c.start(t)
			}
			for _, c := range clouds {
				waitFor(t, "registration in cloud "+c.name, func() bool { return c.tunnel.Status().Servers[0].State == Registered })
			}
			for _, c := range clouds {
				if n := len(c.hub.asked()); n != 1 {
					t.Errorf("hub %s received %d requests", c.name, n)
				}
			}
			for _, c := range clouds {
				must(t, datagram(t, c.name, groups[unix.IPPROTO_UDP], "hello of "+c.name))
				c.expect("17 from 172.16.100.17 to 224.0.0.9 hello of " + c.name)
				must(t, datagram(t, "tenant-"+c.name, hub1, "from "+c.name))
				c.expect("17 from 172.16.100.17 to 172.16.100.1 from " + c.name)
				c.tell(t, "to "+c.name)
			}
			// Nothing has come from the other cloud.
			for _, c := range clouds {
				must(t, datagram(t, "tenant-"+c.name, hub1, "the end"))
				c.expect("17 from 172.16.100.17 to 172.16.100.1 the end")
				c.tell(t, "the end")
			}
		})
	}
}

// cloud is a tunnel of ours and its hub.
type cloud struct {
	cloudHub
	name, underlay string
	far            *farEnd
	hub            *hub
	tunnel         *Tunnel
	// expect waits for what comes at the hub, and inside hears what comes for us.
	expect func(want string)
	inside net.PacketConn
}

// start registers with the hub, in a VRF of the cloud's own.
func (c *cloud) start(t *testing.T) {
	t.Helper()
	c.hub = startHubOf(t, c.far, c.cloudHub)
	c.expect = sniffTunnel(t, c.far, c.device)
	cfg := testConfig()
	cfg.Underlay, cfg.VRF, cfg.Key = c.underlay, "tenant-"+c.name, c.key
	cfg.NHRP.Authentication = secret.New("nhrp-"+c.name, c.secret)
	cfg.NHRP.Servers[0].NBMA, cfg.NHRP.Servers[0].Multicast = c.nbma.String(), true
	d := tunnelDevice()
	d.Name, d.Underlay, d.VRF, d.Key = c.name, cfg.Underlay, cfg.VRF, cfg.Key
	ensure(t, d)
	c.tunnel = New(c.name, cfg, depsOf(t, c.hub, c.underlay, c.spoke))
	run(t, c.tunnel)
	config := net.ListenConfig{Control: controlled(func(fd int) error { return unix.BindToDevice(fd, cfg.VRF) })}
	var err error
	c.inside, err = config.ListenPacket(t.Context(), "udp4", netip.AddrPortFrom(spokeAddress, ripPort).String())
	must(t, err)
	t.Cleanup(func() { c.inside.Close() })
}

// tell has the hub send a datagram to us, which must be the next one that comes.
func (c *cloud) tell(t *testing.T, text string) {
	t.Helper()
	b := make([]byte, 8, 8+len(text))
	binary.BigEndian.PutUint16(b[2:], ripPort)
	binary.BigEndian.PutUint16(b[4:], uint16(cap(b)))
	c.send(c.far, unix.IPPROTO_UDP, spokeAddress, append(b, text...))
	must(t, c.inside.SetReadDeadline(time.Now().Add(patience)))
	heard := make([]byte, 100)
	if n, _, err := c.inside.ReadFrom(heard); err != nil || string(heard[:n]) != text {
		t.Fatalf("to the VRF of cloud %s came %q, %v; want %q", c.name, heard[:n], err, text)
	}
}
