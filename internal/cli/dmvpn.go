package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/farspoke/farspoke/dmvpn"
	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/internal/api"
)

func showDMVPN(ctx context.Context, c *CLI, r request) error { return c.showTunnels(ctx, r, false) }

func showDMVPNDetail(ctx context.Context, c *CLI, r request) error {
	return c.showTunnels(ctx, r, true)
}

func (c *CLI) showTunnels(ctx context.Context, r request, detail bool) error {
	status, err := c.Box.Status(ctx)
	switch {
	case err != nil:
		return err
	case r.option:
		return c.printJSON(status.Tunnels)
	case len(status.Tunnels) == 0:
		_, err = io.WriteString(c.Stdout, "No tunnel is configured.\n")
		return err
	}
	_, err = io.WriteString(c.Stdout, dmvpnText(status, detail))
	return err
}

// showDMVPNPath says which way traffic to an address takes.
func showDMVPNPath(ctx context.Context, c *CLI, r request) error {
	to, err := netip.ParseAddr(r.args[0])
	if err != nil {
		return fmt.Errorf("%q is no address: write it like 192.168.18.5", r.args[0])
	}
	paths, err := c.Box.Paths(ctx, to)
	switch {
	case err != nil:
		return err
	case r.option:
		return c.printJSON(paths)
	case len(paths) == 0:
		_, err = io.WriteString(c.Stdout, "No tunnel is configured.\n")
		return err
	}
	for _, p := range paths {
		if _, err := io.WriteString(c.Stdout, p.Tunnel+":\n"+wrap(p.Text, "  ")); err != nil {
			return err
		}
	}
	return nil
}

func (c *CLI) printJSON(v any) error {
	e := json.NewEncoder(c.Stdout)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

const dmvpnLegend = `Legend: Attrb --> S - Static (a hub), D - Dynamic (another spoke), N - NATed,
        I - Incomplete (nobody has answered), R - static Routes lead there
        # Ent --> Number of NHRP entries with same NBMA peer
        UpDn Time --> Up or Down Time for a Tunnel
        State --> DOWN no uplink or name, IKE being protected, NHRP being
        registered or asked for, PROBE not proven yet, UP, WAIT not needed or
        to be called by the peer, HELD left alone: traffic stays on the hub
==========================================================================
`

// dmvpnText shows tunnels in the layout of IOS's `show dmvpn`.
func dmvpnText(status api.Status, detail bool) string {
	var b strings.Builder
	b.WriteString(dmvpnLegend)
	for _, t := range status.Tunnels {
		entries := entriesOf(t)
		peers := make(map[netip.Addr]int)
		for _, e := range entries {
			peers[e.nbma]++
		}
		delete(peers, netip.Addr{})
		fmt.Fprintf(&b, "\nInterface %s is %s, Addr. is %s, VRF %q\n", t.Name, upDown(t.Up), t.Address, t.VRF)
		fmt.Fprintf(&b, "   Tunnel Src./Dest. addr: %s/MGRE, Tunnel VRF %q\n", source(t), t.Underlay)
		fmt.Fprintf(&b, "   Protocol/Transport: \"multi-GRE/IP\", Protect %q\n", t.IPsec)
		if t.Key != nil {
			fmt.Fprintf(&b, "   Key %d\n", *t.Key)
		}
		fmt.Fprintf(&b, "Type:Spoke, Total NBMA Peers (v4/v6): %d\n\n", len(peers))
		b.WriteString("# Ent  Peer NBMA Addr Peer Tunnel Add State  UpDn Tm Attrb    Target Network\n")
		b.WriteString("----- --------------- --------------- ----- -------- ----- -----------------\n")
		for _, e := range entries {
			fmt.Fprintf(&b, "%5d %15s %15s %5s %8s %5s %17s\n",
				peers[e.nbma], address(e.nbma), address(e.peer), e.state, clock(e.upDown), e.attributes, e.target)
			if e.cause != "" {
				b.WriteString(wrap(e.cause, "      "))
			}
		}
		if detail {
			b.WriteString(detailText(t, status.IPsec))
		}
	}
	return b.String()
}

// entry is a line of the table.
type entry struct {
	nbma, peer                       netip.Addr
	state, attributes, target, cause string
	upDown                           int
}

func entriesOf(t dmvpn.Status) []entry {
	var all []entry
	for _, s := range t.Servers {
		e := entry{nbma: s.NBMA, peer: s.Address, state: serverState(s.State), attributes: attributes(s), target: "UNKNOWN", upDown: s.UpDown}
		if s.Address.IsValid() {
			e.target = netip.PrefixFrom(s.Address, s.Address.BitLen()).String()
		}
		if s.State != dmvpn.Registered {
			e.cause = s.LastError
		}
		all = append(all, e)
	}
	for _, s := range t.Shortcuts {
		e := entry{nbma: s.NBMA, peer: s.Peer, state: pathState(s.State), attributes: "D", target: s.Destination.String(), upDown: s.UpDown, cause: s.Cause}
		if s.BehindNAT {
			e.attributes += "N"
		}
		if !s.Peer.IsValid() {
			e.attributes += "I"
		}
		all = append(all, e)
	}
	return all
}

func upDown(up bool) string {
	if up {
		return "up/up"
	}
	return "down/down"
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

// address returns an address, or that it is not known.
func address(a netip.Addr) string {
	if !a.IsValid() {
		return "UNKNOWN"
	}
	return a.String()
}

func serverState(s dmvpn.State) string {
	words := map[dmvpn.State]string{dmvpn.Protecting: "IKE", dmvpn.Registering: "NHRP", dmvpn.Registered: "UP", dmvpn.Waiting: "WAIT"}
	return cmp.Or(words[s], "DOWN")
}

func pathState(s dmvpn.PathState) string {
	words := map[dmvpn.PathState]string{
		nhc.PathResolving: "NHRP", nhc.PathWaiting: "WAIT", nhc.PathProtecting: "IKE", nhc.PathProbing: "PROBE", nhc.PathUp: "UP",
	}
	return cmp.Or(words[s], "HELD")
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
