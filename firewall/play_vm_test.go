//go:build vm

package firewall

import (
	"net/netip"
	"slices"
	"testing"
)

// How many rows there are of the ways outside the tunnel and of NAT; and of the
// tunnel's while IKE is up, forged meanwhile, and while it is down.
const (
	rowsOutside = 1068
	rowsNAT     = 56
	rowsUp      = 844
	rowsForged  = 458
	rowsDown    = 804
)

// TestMatrix sends a packet for every row, in a lab without a VRF and in one with
// it.
func TestMatrix(t *testing.T) {
	t.Run("plain", func(t *testing.T) { newCrossing(t, "").matrix(t) })
	t.Run("VRF", func(t *testing.T) { newCrossing(t, "front").matrix(t) })
}

// matrix judges all media. Those that come in clear follow one that was
// protected, whose connections are still known.
func (x *crossing) matrix(t *testing.T) {
	t.Helper()
	x.judge(t, &medium{name: "no tunnel", ways: waysOutside, zones: closed}, rowsOutside)
	x.judge(t, &medium{name: "other defaults", ways: waysOutside, zones: opened}, rowsOutside)
	x.judge(t, &medium{name: "NAT", ways: waysOutside, zones: closed, nat: true}, rowsNAT)
	t.Run("ESP", func(t *testing.T) {
		x.protect(t, 0)
		x.judge(t, &medium{name: "IKE up", ways: waysTunnel, zones: closed}, rowsUp)
		x.judge(t, &medium{name: "IKE up, GRE in clear", ways: waysTunnel, zones: closed, forged: true}, rowsForged)
	})
	x.judge(t, &medium{name: "IKE down, not even a policy in the kernel", ways: waysTunnel, zones: closed, down: true}, rowsDown)
	t.Run("ESP in UDP", func(t *testing.T) {
		x.protect(t, 4500)
		x.judge(t, &medium{name: "IKE up", ways: waysTunnel, zones: opened}, rowsUp)
		x.judge(t, &medium{name: "IKE up, GRE in clear", ways: waysTunnel, zones: opened, forged: true}, rowsForged)
	})
	demandIPsec(t, x.spoke)
	x.judge(t, &medium{name: "IKE down", ways: waysTunnel, zones: opened, down: true}, rowsDown)
}

// judge sends the packets of all rows of a medium, of which there must be so
// many.
func (x *crossing) judge(t *testing.T, m *medium, want int) {
	t.Helper()
	t.Run(m.name, func(t *testing.T) {
		if !m.down && !m.forged {
			forget(t)
		}
		x.commit(t, m.config())
		rows := 0
		for _, group := range m.groups() {
			x.play(t, group)
			rows += len(group)
		}
		t.Logf("%d rows", rows)
		if rows != want {
			t.Errorf("there are %d rows, want %d", rows, want)
		}
		if len(x.clearGRE) > 0 {
			t.Errorf("GRE in clear came out of the spoke: %v", x.clearGRE)
		}
	})
}

// play sends the packets of rows of one way: those that open conversations, what
// follows in them, and then those that are judged.
func (x *crossing) play(t *testing.T, rows []row) {
	t.Helper()
	if len(rows) == 0 {
		return
	}
	down := rows[0].down
	conversations := make([]conversation, len(rows))
	var shots []shot
	for i, r := range rows {
		conversations[i] = x.conversation(r)
		if r.known {
			shots = append(shots, shot{r.from, r.to, down, conversations[i].first})
		}
	}
	opened := x.fire(t, shots, down)
	shots = nil
	for i, r := range rows {
		c := &conversations[i]
		if s, ok := opened[c.first.text]; ok {
			c.peer = s.from
		}
		switch {
		case r.afterError:
			shots = append(shots, shot{r.to, r.from, down, c.failure(x, c.first.to.Addr())})
		case r.known && !r.back:
			shots = append(shots, shot{r.to, r.from, down, c.answer(x)})
		}
	}
	x.fire(t, shots, down)
	shots = nil
	for i, r := range rows {
		from, to := r.judged()
		shots = append(shots, shot{from, to, down || r.forged, conversations[i].judged(x)})
	}
	arrived := x.fire(t, shots, down)
	for i, r := range rows {
		s, came := arrived[shots[i].text]
		if want := r.lets(); came != want {
			t.Errorf("%s: let through is %t, want %t", r, came, want)
		}
		if came && r.nat && shots[i].from == atInside && !r.invalid && s.from.Addr() != x.ends[atOutside].router[0] {
			t.Errorf("%s: it came from %s, want the spoke's own address", r, s.from)
		}
	}
}

// conversation is what a row's packets belong to.
type conversation struct {
	row
	// first is the packet that opens it, peer who does as the other end sees it.
	first probe
	peer  netip.AddrPort
}

func (x *crossing) conversation(r row) conversation {
	// The port is the same in every medium, and no other row's.
	port := uint16(20000 + slices.Index(states, r.state))
	p := probe{
		proto: protoUDP, text: x.text(),
		from: netip.AddrPortFrom(x.address(r.from, r.to, r.family), port),
		to:   netip.AddrPortFrom(x.destination(r), servicePorts[r.service]),
	}
	return conversation{r, p, p.from}
}

func (c conversation) answer(x *crossing) probe {
	return probe{proto: protoUDP, from: c.first.to, to: c.peer, text: x.text()}
}

// failure is an error about the first packet.
func (c conversation) failure(x *crossing, sender netip.Addr) probe {
	about := probe{proto: protoUDP, from: c.peer, to: c.first.to}
	return probe{proto: protoICMP, from: netip.AddrPortFrom(sender, 0), to: c.peer, about: &about, text: x.text()}
}

// judged is the packet that the row is about.
func (c conversation) judged(x *crossing) probe {
	p := c.first
	switch {
	case c.proto == protoICMP && c.known:
		sender := c.first.to.Addr()
		if from, to := c.row.judged(); c.elsewhere {
			sender = x.address(from, to, c.family)
		}
		p = c.failure(x, sender)
	case c.proto == protoICMP:
		p.proto, p.about = protoICMP, &probe{proto: protoUDP, from: c.first.to, to: c.first.from}
	case c.back:
		p = c.answer(x)
	default:
		p.proto, p.flags = c.proto, c.flags
	}
	p.text = x.text()
	return p
}

// destination is the address that a row's conversation is opened to.
func (x *crossing) destination(r row) netip.Addr {
	switch {
	case r.group:
		return allHosts[r.family]
	case r.from == r.to && r.to == atTunnel:
		return tunnel2[r.family]
	case r.from == r.to && r.to == atOutside:
		return internet[r.family]
	}
	return x.address(r.to, r.from, r.family)
}
