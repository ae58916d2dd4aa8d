// Package firewall turns zones and policies into one nftables table.
//
// The parties are zones: named groups of interfaces and tunnels, and the zone
// self, the router's own sockets. Traffic within a zone passes, traffic
// between two zones passes only where a policy names it, and all else is
// dropped. The words are those of Cisco's Zone-Based Firewall: inspect keeps
// state and lets the answers back, pass is stateless and one way.
//
// Data flows one way: Config and Topology are compiled by a pure function to a
// Ruleset, which prints as nft text and is what tests compare; encode, pure as
// well, makes of it the transaction that changes what is in the kernel; and
// Netfilter sends that, touching no table but inet farspoke.
//
// Invariants of every Ruleset that Compile returns:
//
//   - GRE reaches and leaves the router only inside IPsec, whatever the state
//     of IKE. This is decided before connection tracking is asked, because our
//     own GRE could make the connection entry that a forged clear packet from
//     the hub's address would belong to. No GRE goes through to or from an
//     underlay.
//   - No GRE leaves for a multicast group, which is where the kernel sends what
//     is multicast into a tunnel. Policies decide that as they do anything else,
//     and who replicates it to the hubs, by a packet socket on the tunnel, sees
//     only what they let pass.
//   - Nothing passes from an underlay to an underlay, so answers that find no
//     way to the LAN do not go back to the provider. But IPv6 passes between an
//     underlay and the device that translates IPv4 for it, on which there is
//     nothing but what the router itself has made.
//   - A connection passes only between the zones of the policy that inspects it,
//     and only while that policy does: it bears a stamp which follows from the
//     rules, and is asked again when they have changed. See stamp.go.
//   - With a VRF the kernel names the two ends of a path differently: a packet
//     comes in from the VRF device and goes out of the link. Zones are matched
//     by those names. A packet of our own passes the output hook twice, first
//     with the VRF device as its way out and outside connection tracking, then
//     with the link; it is decided the second time.
//
// Invariants of every transaction: a packet finds the old ruleset or the new
// one, whole; counters and sets that are filled at run time outlive it; on an
// error the old ruleset stays.
package firewall
