//go:build vm

package firewall

import (
	"net"
	"os"
	"testing"

	"github.com/vishvananda/netlink"
)

// TestZonesOfOneVRF has two zones and a link of no zone in one VRF, where the
// VRF's name does not tell packets apart.
func TestZonesOfOneVRF(t *testing.T) {
	l := &lab{spoke: alone(t)}
	oneCPU(t)
	h := handle(t, l.spoke)
	tenant := &netlink.Vrf{LinkAttrs: netlink.LinkAttrs{Name: "tenant"}, Table: 200}
	check(t, h.LinkAdd(tenant))
	check(t, h.LinkSetUp(tenant))
	t.Cleanup(func() { check(t, h.LinkDel(tenant)) })
	check(t, os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644))

	hosts := make(map[string]*net.UDPConn)
	addresses := map[string]string{"staff": "192.168.1.", "guest": "192.168.2.", "spare": "192.168.3."}
	for name, prefix := range addresses {
		ns := newHost(t)
		l.cable(t, name, ns, "eth0")
		check(t, h.LinkSetMaster(link(t, h, name), tenant))
		assign(t, h, name, prefix+"1")
		there := handle(t, ns)
		assign(t, there, "eth0", prefix+"10")
		route(t, there, &netlink.Route{Gw: net.ParseIP(prefix + "1")})
		hosts[name] = udp(t, ns, "", prefix+"10:7000")
	}
	track(t)
	self := udp(t, l.spoke, "tenant", "0.0.0.0:7000")

	r, err := Compile(Config{Policies: []Policy{
		{From: "staff", To: "guest", Inspect: []string{"udp/7000"}},
		{From: "staff", To: Self, Inspect: []string{"udp/7000"}},
	}}, Topology{Members: []Member{
		{Zone: "staff", Link: "staff", VRF: "tenant"},
		{Zone: "guest", Link: "guest", VRF: "tenant"},
		{Link: "spare", VRF: "tenant"},
	}})
	check(t, err)
	check(t, Netfilter{}.Replace(r))

	for _, from := range []string{"guest", "spare"} {
		send(t, hosts[from], "192.168.1.10:7000", from+" to staff")
		send(t, hosts[from], addresses[from]+"1:7000", from+" to self")
	}
	send(t, hosts["staff"], "192.168.3.10:7000", "staff to spare")
	send(t, hosts["staff"], "192.168.2.10:7000", "staff to guest")
	expect(t, hosts["guest"], "staff to guest")
	send(t, hosts["guest"], "192.168.1.10:7000", "answer of guest")
	expect(t, hosts["staff"], "answer of guest")
	send(t, hosts["staff"], "192.168.1.1:7000", "staff to self")
	expect(t, self, "staff to self")
	send(t, self, "192.168.1.10:7000", "answer of self")
	expect(t, hosts["staff"], "answer of self")
	wantSilence(t, hosts["spare"])
	for name, want := range map[string]uint64{
		"staff/guest.inspect": 1, "guest/staff.default": 1, "guest/staff.established": 1,
		"staff/self.inspect": 1, "self/staff.established": 1,
		// To self: guest's and the spare's; through: the spare's, and staff's to it.
		"input.default": 2, "forward.default": 2,
	} {
		if n := counted(t, name); n != want {
			t.Errorf("counter %s is %d, want %d", name, n, want)
		}
	}
}
