package cli

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/ikev2"
)

// detailText is what `show dmvpn detail` has of a tunnel besides the table.
func detailText(t dmvpn.Status, engines []ikev2.Status) string {
	var b strings.Builder
	b.WriteString("\nNHS Status: E - Expecting replies, R - Responding, W - Waiting\n")
	for _, s := range t.Servers {
		fmt.Fprintf(&b, "%s  %s priority = %d cluster = %d\n", address(s.Address), nhsStatus(s.State), s.Priority, s.Cluster)
		fmt.Fprintf(&b, "   %s, registration requests %d, replies %d, refusals %d\n", s.Name, s.Requests, s.Replies, s.Refusals)
		if s.ExpiresIn > 0 {
			fmt.Fprintf(&b, "   the registration expires in %s\n", clock(s.ExpiresIn))
		}
		if s.BehindNAT {
			fmt.Fprintf(&b, "   behind NAT: we registered %s and are seen as %s\n", s.Claimed, s.Observed)
		}
		if s.SharedWith.IsValid() {
			b.WriteString(wrap(fmt.Sprintf("the spoke %s is behind %s as well: a hub that tells spokes by that address serves only one of the two", s.SharedWith, s.Observed), "   "))
		}
	}
	b.WriteString("\nNHRP packets since the start of the process\n")
	b.WriteString(exchangedText(t.Counters.Exchanged, "   "))
	if t.Counters.Unsent > 0 {
		fmt.Fprintf(&b, "   of those sent did not leave: %d\n", t.Counters.Unsent)
	}
	fmt.Fprintf(&b, "   dropped: malformed %d, unauthenticated %d, unexpected %d, limited %d\n",
		t.Counters.Malformed, t.Counters.Unauthenticated, t.Counters.Unexpected, t.Counters.Limited)
	for _, p := range t.Counters.Peers {
		fmt.Fprintf(&b, "   peer %s\n", p.NBMA)
		b.WriteString(exchangedText(p.Exchanged, "      "))
	}
	if t.Multicast.Replicated+t.Multicast.Failed > 0 {
		fmt.Fprintf(&b, "\nMulticast: %d copies sent to hubs, %d not sent\n", t.Multicast.Replicated, t.Multicast.Failed)
	}
	b.WriteString("\nCrypto Session Details:\n" + strings.Repeat("-", 80) + "\n")
	for _, engine := range engines {
		if engine.VRF != t.Underlay {
			continue
		}
		for _, peer := range engine.Peers {
			if hasPeer(t, peer.Peer) {
				b.WriteString("\nInterface: " + t.Name + "\n" + sessionText(peer, engine.VRF))
			}
		}
	}
	return b.String()
}

func hasPeer(t dmvpn.Status, nbma netip.Addr) bool {
	return slices.ContainsFunc(t.Servers, func(s dmvpn.ServerStatus) bool { return s.NBMA == nbma }) ||
		slices.ContainsFunc(t.Shortcuts, func(s dmvpn.ShortcutStatus) bool { return s.NBMA == nbma })
}

func nhsStatus(s dmvpn.State) string {
	switch s {
	case dmvpn.Registered:
		return "RE"
	case dmvpn.Waiting:
		return "W"
	}
	return "E"
}

// exchangedText lists the counters that are not 0.
func exchangedText(e nhc.Exchanged, indent string) string {
	var b strings.Builder
	for _, line := range []struct {
		name   string
		counts map[string]uint64
	}{{"sent", e.Sent}, {"received", e.Received}, {"errors sent", e.ErrorsSent}, {"errors received", e.ErrorsReceived}} {
		var words []string
		for _, what := range slices.Sorted(maps.Keys(line.counts)) {
			if n := line.counts[what]; n > 0 {
				words = append(words, fmt.Sprintf("%s %d", what, n))
			}
		}
		if len(words) > 0 {
			b.WriteString(wrap(line.name+": "+strings.Join(words, ", "), indent))
		}
	}
	return b.String()
}
