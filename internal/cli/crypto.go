package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/farspoke/farspoke/ikev2"
	"github.com/farspoke/farspoke/ikev2/keepalive"
	"github.com/farspoke/farspoke/ikev2/session"
)

func showCrypto(ctx context.Context, c *CLI, _ request) error {
	status, err := c.Box.Status(ctx)
	if err != nil {
		return err
	}
	text := cryptoText(status.IPsec)
	if text == "" {
		text = "No peer is to be protected.\n"
	}
	_, err = io.WriteString(c.Stdout, text)
	return err
}

// cryptoText shows sessions in the layout of IOS's `show crypto session detail`.
func cryptoText(engines []ikev2.Status) string {
	var sessions []string
	for _, engine := range engines {
		vrf := cmp.Or(engine.VRF, "main")
		if text := driftText(engine.Drift, vrf); text != "" {
			sessions = append(sessions, text)
		}
		for _, peer := range engine.Peers {
			sessions = append(sessions, sessionText(peer, vrf))
		}
		for _, nat := range engine.NAT {
			sessions = append(sessions, natText(nat))
		}
	}
	return strings.Join(sessions, "\n")
}

// driftText says how the kernel's databases differ from what they should hold,
// nothing if they do not.
func driftText(d ikev2.Drift, vrf string) string {
	var b strings.Builder
	for _, policy := range d.Foreign {
		b.WriteString(wrap("A policy that is not ours lets GRE pass by our SAs, remove it: "+policy, "  "))
	}
	if d.Blind != "" {
		b.WriteString(wrap("The kernel's IPsec databases cannot be checked: "+d.Blind, "  "))
	}
	if d.Mended > 0 {
		b.WriteString(wrap(fmt.Sprintf("Somebody changed IPsec in the kernel, %d times; the last: %s", d.Mended, d.Last), "  "))
	}
	if b.Len() == 0 {
		return ""
	}
	return "Self-check of fvrf " + vrf + ":\n" + b.String()
}

func sessionText(p ikev2.PeerStatus, vrf string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Profile: %s\n", p.Profile)
	if p.Protected {
		fmt.Fprintf(&b, "Uptime: %s\nSession status: UP-ACTIVE\n", hours(p.Uptime))
	} else {
		fmt.Fprintf(&b, "Session status: DOWN (%s)\n", p.State)
	}
	fmt.Fprintf(&b, "Peer: %s fvrf: %s", p.Peer, vrf)
	if p.Guest {
		b.WriteString(" (not configured: it called, or traffic to it did)")
	}
	b.WriteString("\n")
	if p.Identity != "" {
		fmt.Fprintf(&b, "      Phase1_id: %s\n", p.Identity)
	}
	if p.Local.IsValid() {
		fmt.Fprintf(&b, "  IKEv2 SA: local %s/%d remote %s/%d %s\n",
			p.Local.Addr(), p.Local.Port(), p.Remote.Addr(), p.Remote.Port(), p.State)
		fmt.Fprintf(&b, "          we are %s, SPIs %s_i %s_r\n", p.Role, p.SPIi, p.SPIr)
	}
	if p.Algorithms != "" {
		fmt.Fprintf(&b, "          NAT: %s, rekey in %s\n", p.NAT, hours(p.RekeyIn))
		b.WriteString(wrap(p.Algorithms, "          "))
	}
	b.WriteString(pathText(p.Status))
	for _, c := range p.Children {
		encapsulation := "ESP"
		if c.UDP {
			encapsulation = "ESP in UDP"
		}
		fmt.Fprintf(&b, "  IPSEC FLOW: permit 47 host %s host %s\n", p.Local.Addr(), p.Remote.Addr())
		fmt.Fprintf(&b, "        %s, transport, %s, %s\n", encapsulation, c.Algorithms, c.State)
		fmt.Fprintf(&b, "        Inbound SPI : 0x%s, outbound SPI : 0x%s\n", c.SPIIn, c.SPIOut)
		fmt.Fprintf(&b, "        age %s, rekey in %s\n", hours(c.Age), hours(c.RekeyIn))
	}
	if !p.Protected && p.LastError != "" {
		b.WriteString(wrap("Last error: "+p.LastError, "  "))
	}
	if !p.Protected && p.RetryIn > 0 {
		fmt.Fprintf(&b, "  Next attempt in %s\n", hours(p.RetryIn))
	}
	return b.String()
}

// natText shows what is known of the NATs before an uplink.
func natText(s ikev2.TranslatorStatus) string {
	var b strings.Builder
	fmt.Fprintf(&b, "NAT before uplink %s, seen as %s\n", s.Uplink, s.Public)
	fmt.Fprintf(&b, "  Keepalive every %s, %.1f MB a month for a silent peer, %d sent\n",
		s.Interval, float64(s.MonthlyOctets)/1e6, s.Keepalives)
	fmt.Fprintf(&b, "  A silent flow is remembered for: %s\n", keepalive.Bounds{Lived: s.Lived, Died: s.Died})
	fmt.Fprintf(&b, "  Search: %s, %d questions so far\n", s.Search, s.Questions)
	if s.Problem != "" {
		b.WriteString(wrap("Last error: "+s.Problem, "  "))
	}
	return b.String()
}

// pathText shows how traffic to the peer fares, and what was found out on the way.
func pathText(s session.Status) string {
	var b strings.Builder
	var path []string
	if s.RoundTrip > 0 {
		path = append(path, "round trip "+s.RoundTrip.String())
	}
	if s.Public.IsValid() {
		path = append(path, "our public address "+s.Public.String())
	}
	if s.Unanswered > 0 {
		path = append(path, fmt.Sprintf("no answer for %s: %s", hours(s.Unanswered), s.Path))
	}
	if len(path) > 0 {
		b.WriteString(wrap("Path: "+strings.Join(path, ", "), "  "))
	}
	var learned []string
	if s.Compat.StartPort != 0 {
		learned = append(learned, fmt.Sprintf("answers at UDP port %d", s.Compat.StartPort))
	}
	if s.Compat.Group != "" {
		learned = append(learned, "wants "+s.Compat.Group+" for IKE")
	}
	if s.Compat.ChildGroup != "" {
		learned = append(learned, "wants "+s.Compat.ChildGroup+" for ESP")
	}
	if s.Compat.Selectors != "" {
		learned = append(learned, "takes traffic selectors for "+s.Compat.Selectors+" host only")
	}
	if len(learned) > 0 {
		b.WriteString(wrap("Learned: "+strings.Join(learned, ", "), "  "))
	}
	return b.String()
}

// hours returns a duration as IOS does, 01:23:45.
func hours(d time.Duration) string { return clock(int(d / time.Second)) }
