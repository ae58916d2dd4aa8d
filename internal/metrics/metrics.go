// Package metrics shows the state of a box to a Prometheus server: a snapshot as
// text in its exposition format, version 0.0.4, and a listener that serves it.
// Names and units follow Prometheus's conventions: base units, counters end in
// _total, and a counter begins anew with the process.
package metrics

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/api"
)

// Text returns the metrics of a box.
func Text(s api.Status) []byte {
	var p page
	p.family("farspoke_info", gauge, "The box and the version of its software; always 1.")
	p.sample(1, "hostname", s.Hostname, "version", s.Version)
	p.family("farspoke_uptime_seconds", gauge, "Time since the start of the kernel.")
	p.sample(s.Uptime)
	p.family("farspoke_goroutines", gauge, "Goroutines of the router process.")
	p.sample(float64(s.Goroutines))
	p.family("farspoke_config_broken", gauge, "Whether the configuration cannot be used, so that the box forwards nothing.")
	p.sample(truth(s.Config.Problem != ""))
	p.family("farspoke_uplink_up", gauge, "Whether the uplink has an address and its routes.")
	for _, u := range s.Uplinks {
		p.sample(truth(u.Up), "uplink", u.Name)
	}
	p.tunnels(s.Tunnels)
	p.servers(s.Tunnels)
	p.packets(s.Tunnels)
	p.ipsec(s)
	p.firewall(s)
	return p.text.Bytes()
}

func (p *page) tunnels(tunnels []dmvpn.Status) {
	p.family("farspoke_tunnel_up", gauge, "Whether the tunnel's device is there.")
	for _, t := range tunnels {
		p.sample(truth(t.Up), "tunnel", t.Name)
	}
	p.family("farspoke_nhrp_shortcuts", gauge, "Direct paths to other spokes, and destinations that one is looked for, by state.")
	for _, t := range tunnels {
		count := make(map[nhc.PathPhase]int)
		for _, state := range nhc.PathPhases {
			count[state] = 0
		}
		for _, s := range t.Shortcuts {
			count[s.State]++
		}
		for _, state := range slices.Sorted(maps.Keys(count)) {
			p.sample(float64(count[state]), "tunnel", t.Name, "state", string(state))
		}
	}
	p.family("farspoke_multicast_copies_total", counter, "Copies of multicast packets for hubs, by what became of them.")
	for _, t := range tunnels {
		p.sample(float64(t.Multicast.Replicated), "tunnel", t.Name, "outcome", "sent")
		p.sample(float64(t.Multicast.Failed), "tunnel", t.Name, "outcome", "failed")
	}
}

// servers shows the hubs.
func (p *page) servers(tunnels []dmvpn.Status) {
	each := func(name, kind, help string, value func(dmvpn.ServerStatus) float64) {
		p.family(name, kind, help)
		for _, t := range tunnels {
			for _, s := range t.Servers {
				p.sample(value(s), "tunnel", t.Name, "server", known(s.Address), "nbma", known(s.NBMA), "name", s.Name)
			}
		}
	}
	each("farspoke_nhrp_server_up", gauge, "Whether the hub has granted our registration.",
		func(s dmvpn.ServerStatus) float64 { return truth(s.State == dmvpn.Registered) })
	each("farspoke_nhrp_server_routed", gauge, "Whether the static routes over the tunnel lead to the hub.",
		func(s dmvpn.ServerStatus) float64 { return truth(s.Routed) })
	each("farspoke_nhrp_server_behind_nat", gauge, "Whether the hub sees us under another address than we have.",
		func(s dmvpn.ServerStatus) float64 { return truth(s.BehindNAT) })
	each("farspoke_nhrp_registration_expiry_seconds", gauge, "For how long the hub keeps our registration.",
		func(s dmvpn.ServerStatus) float64 { return float64(s.ExpiresIn) })
	each("farspoke_nhrp_registration_requests_total", counter, "Registration requests to the hub.",
		func(s dmvpn.ServerStatus) float64 { return float64(s.Requests) })
	each("farspoke_nhrp_registration_replies_total", counter, "Registrations that the hub granted.",
		func(s dmvpn.ServerStatus) float64 { return float64(s.Replies) })
	each("farspoke_nhrp_registration_refusals_total", counter, "Answers of the hub that granted nothing.",
		func(s dmvpn.ServerStatus) float64 { return float64(s.Refusals) })
}

// packets shows the counters of NHRP packets.
func (p *page) packets(tunnels []dmvpn.Status) {
	both := func(name, label, help string, sent, received func(dmvpn.Counters) map[string]uint64) {
		p.family(name, counter, help)
		for _, t := range tunnels {
			for _, way := range []struct {
				name   string
				counts map[string]uint64
			}{{"received", received(t.Counters)}, {"sent", sent(t.Counters)}} {
				for _, what := range slices.Sorted(maps.Keys(way.counts)) {
					p.sample(float64(way.counts[what]), "tunnel", t.Name, "direction", way.name, label, what)
				}
			}
		}
	}
	both("farspoke_nhrp_packets_total", "type", "NHRP packets by type.",
		func(c dmvpn.Counters) map[string]uint64 { return c.Sent }, func(c dmvpn.Counters) map[string]uint64 { return c.Received })
	both("farspoke_nhrp_errors_total", "error", "NHRP error indications by what they say.",
		func(c dmvpn.Counters) map[string]uint64 { return c.ErrorsSent }, func(c dmvpn.Counters) map[string]uint64 { return c.ErrorsReceived })
	p.family("farspoke_nhrp_unsent_total", counter, "NHRP packets counted as sent that did not leave.")
	for _, t := range tunnels {
		p.sample(float64(t.Counters.Unsent), "tunnel", t.Name)
	}
	p.family("farspoke_nhrp_dropped_total", counter, "NHRP packets that had no effect, by the reason.")
	for _, t := range tunnels {
		p.sample(float64(t.Counters.Limited), "tunnel", t.Name, "reason", "limited")
		p.sample(float64(t.Counters.Malformed), "tunnel", t.Name, "reason", "malformed")
		p.sample(float64(t.Counters.Unauthenticated), "tunnel", t.Name, "reason", "unauthenticated")
		p.sample(float64(t.Counters.Unexpected), "tunnel", t.Name, "reason", "unexpected")
	}
}

func (p *page) ipsec(s api.Status) {
	p.family("farspoke_ipsec_peer_protected", gauge, "Whether traffic with the peer is protected.")
	for _, e := range s.IPsec {
		for _, peer := range e.Peers {
			p.sample(truth(peer.Protected), "vrf", e.VRF, "peer", peer.Peer.String(), "profile", peer.Profile)
		}
	}
	p.family("farspoke_ike_half_open", gauge, "IKE SAs that others have begun and not authenticated.")
	for _, e := range s.IPsec {
		p.sample(float64(e.HalfOpen), "vrf", e.VRF)
	}
}

// outcome is what the firewall counts packets by. Several policies may lead to the
// same.
type outcome struct{ from, to, class string }

func (p *page) firewall(s api.Status) {
	p.family("farspoke_firewall_active", gauge, "Whether the policy is in the kernel.")
	p.sample(truth(s.Firewall.Active))
	var order []outcome
	sum := make(map[outcome]firewall.Tally)
	for _, c := range s.Firewall.Classes {
		o := outcome{c.From, c.To, c.Class}
		tally, again := sum[o]
		if !again {
			order = append(order, o)
		}
		sum[o] = firewall.Tally{Packets: tally.Packets + c.Packets, Bytes: tally.Bytes + c.Bytes}
	}
	p.family("farspoke_firewall_packets_total", counter, "Packets by zones and what was decided.")
	for _, o := range order {
		p.sample(float64(sum[o].Packets), "from", o.from, "to", o.to, "class", o.class)
	}
	p.family("farspoke_firewall_bytes_total", counter, "Octets by zones and what was decided.")
	for _, o := range order {
		p.sample(float64(sum[o].Bytes), "from", o.from, "to", o.to, "class", o.class)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// known returns an address as text, empty while it is not known.
func known(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
