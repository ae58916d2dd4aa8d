package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/farspoke/farspoke/dmvpn"
)

func showDMVPN(ctx context.Context, c *CLI, _ request) error {
	status, err := c.Box.Status(ctx)
	if err != nil {
		return err
	}
	if len(status.Tunnels) == 0 {
		_, err = io.WriteString(c.Stdout, "No tunnel is configured.\n")
		return err
	}
	_, err = io.WriteString(c.Stdout, dmvpnText(status.Tunnels))
	return err
}

// dmvpnLegend explains the columns where they differ from what IOS shows:
// the time that is left of a registration says more than the time since it.
const dmvpnLegend = `Attrb: S static (next hop server), D dynamic (another spoke), N behind NAT,
       R static routes lead there
State: DOWN no uplink or name, IKE being protected, NHRP registering, UP,
       WAIT not needed while better servers of its cluster are up
`

// dmvpnText shows tunnels in the layout of IOS's `show dmvpn detail`.
func dmvpnText(tunnels []dmvpn.Status) string {
	var b strings.Builder
	b.WriteString(dmvpnLegend + strings.Repeat("=", 74) + "\n")
	for _, t := range tunnels {
		fmt.Fprintf(&b, "\nInterface %s is %s, Addr. is %s, VRF %q\n", t.Name, upDown(t.Up), t.Address, cmp.Or(t.VRF, "main"))
		fmt.Fprintf(&b, "   Tunnel Src./Dest. addr: %s/MGRE, Tunnel VRF %q\n", source(t), cmp.Or(t.Underlay, "main"))
		fmt.Fprintf(&b, "   Protocol/Transport: \"multi-GRE/IP\", Key %s\n", key(t.Key))
		fmt.Fprintf(&b, "Type:Spoke, Total NBMA Peers (v4/v6): %d\n\n", len(t.Servers))
		b.WriteString("# Ent  Peer NBMA Addr Peer Tunnel Add State Expires  Attrb\n")
		b.WriteString("----- --------------- --------------- ----- -------- -----\n")
		for _, s := range t.Servers {
			fmt.Fprintf(&b, "%5d %15s %15s %5s %8s %5s\n", 1, nbma(s), protocolAddress(s), dmvpnState(s.State), clock(s.ExpiresIn), attributes(s))
			if s.State != dmvpn.Registered && s.LastError != "" {
				b.WriteString(wrap(s.LastError, "      "))
			}
		}
		b.WriteString(shortcutsText(t.Shortcuts))
		for _, s := range t.Servers {
			fmt.Fprintf(&b, "\nNHS %s (%s)\n", protocolAddress(s), s.Name)
			fmt.Fprintf(&b, "   registration requests %d, replies %d, refusals %d\n", s.Requests, s.Replies, s.Refusals)
			if s.BehindNAT {
				fmt.Fprintf(&b, "   behind NAT: we registered %s and are seen as %s\n", s.Claimed, s.Observed)
			}
		}
	}
	return b.String()
}

// shortcutsText shows the direct paths, and why there is none.
func shortcutsText(shortcuts []dmvpn.ShortcutStatus) string {
	if len(shortcuts) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("\nShortcut to         Peer NBMA Addr Peer Tunnel Add State      Expires  Attrb\n")
	b.WriteString("------------------ --------------- --------------- ---------- -------- -----\n")
	for _, s := range shortcuts {
		peer, nbma, attributes := "-", "-", "D"
		if s.Peer.IsValid() {
			peer, nbma = s.Peer.String(), s.NBMA.String()
		}
		if s.BehindNAT {
			attributes += "N"
		}
		fmt.Fprintf(&b, "%-18s %15s %15s %10s %8s %5s\n", s.Destination, nbma, peer, s.State, clock(s.ExpiresIn), attributes)
		if s.Cause != "" {
			b.WriteString(wrap(s.Cause, "      "))
		}
	}
	return b.String()
}

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

// source returns the address that we registered anywhere, which is the one the
// tunnel sends from.
func source(t dmvpn.Status) string {
	for _, s := range t.Servers {
		if s.Claimed.IsValid() {
			return s.Claimed.String()
		}
	}
	return "UNKNOWN"
}

func key(k *uint32) string {
	if k == nil {
		return "none"
	}
	return fmt.Sprint(*k)
}

// nbma returns the address of the server, or that its name is not resolved.
func nbma(s dmvpn.ServerStatus) string {
	if !s.NBMA.IsValid() {
		return "UNKNOWN"
	}
	return s.NBMA.String()
}

// protocolAddress returns the server's address in the tunnel, or that it is not
// yet learned.
func protocolAddress(s dmvpn.ServerStatus) string {
	if !s.Address.IsValid() {
		return "UNKNOWN"
	}
	return s.Address.String()
}

func dmvpnState(s dmvpn.State) string {
	switch s {
	case dmvpn.Protecting:
		return "IKE"
	case dmvpn.Registering:
		return "NHRP"
	case dmvpn.Registered:
		return "UP"
	case dmvpn.Waiting:
		return "WAIT"
	}
	return "DOWN"
}

func attributes(s dmvpn.ServerStatus) string {
	text := "S"
	if s.BehindNAT {
		text += "N"
	}
	if s.Routed {
		text += "R"
	}
	return text
}

// clock returns seconds as IOS does, 01:23:45.
func clock(seconds int) string {
	d := time.Duration(seconds) * time.Second
	return fmt.Sprintf("%02d:%02d:%02d", int(d.Hours()), int(d.Minutes())%60, seconds%60)
}
