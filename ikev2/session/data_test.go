package session

import (
	"net/netip"
	"slices"
	"time"
)

// data is the traffic that a world's SAs carry. Packets arrive at once or not at
// all.
type data struct {
	on   bool
	next Instant
	// every is between two packets of the spoke; answered says that the hub
	// answers them.
	every    time.Duration
	answered bool
	sentAt   Instant
	// silentHub has nobody behind the hub that answers probes.
	silentHub bool
	// noProbes says that nobody can send a packet that is sure to be answered.
	noProbes bool
	// stubbornHub does not follow the spoke to another port, as libreswan does not.
	stubbornHub bool
	// lost says what becomes of an ESP packet.
	lost func(from *node, sa SA) bool

	polled   Instant
	packets  map[*node]map[Count]uint64
	probes   int
	arrivals []Instant
}

// chat lets traffic flow from now on.
func (w *world) chat(every time.Duration, answered bool) {
	w.data = data{on: true, next: w.now, every: every, answered: answered, sentAt: w.now, polled: w.now}
	w.data.packets = map[*node]map[Count]uint64{w.spoke: {}, w.hub: {}}
	w.data.lost = func(*node, SA) bool { return false }
}

// gap returns the longest time without an answer since a moment.
func (w *world) gap(since Instant) (longest time.Duration) {
	last := since
	for _, at := range append(slices.Clone(w.data.arrivals), w.now) {
		if at > since {
			longest, last = max(longest, at-last), at
		}
	}
	return longest
}

// step sends what is due and polls the counters each second.
func (d *data) step(w *world) {
	if d.every > 0 && d.sentAt <= w.now {
		d.sentAt += d.every
		if w.carry(w.spoke) && d.answered && w.carry(w.hub) {
			d.arrivals = append(d.arrivals, w.now)
		}
	}
	if d.polled <= w.now {
		d.polled += time.Second
		for _, n := range []*node{w.spoke, w.hub} {
			var counts []Count
			for key, packets := range d.packets[n] {
				key.Packets = packets
				counts = append(counts, key)
			}
			slices.SortFunc(counts, func(a, b Count) int { return int(int64(a.SPI) - int64(b.SPI)) })
			w.apply(n, n.session.Traffic(w.now, counts, !d.noProbes))
		}
	}
	d.next = d.polled
	if d.every > 0 {
		d.next = min(d.next, d.sentAt)
	}
}

// probe sends a packet that the other end answers.
func (d *data) probe(w *world, n *node) {
	if !d.on {
		return
	}
	if n == w.spoke {
		d.probes++
	}
	if w.carry(n) && !d.silentHub {
		w.carry(w.other(n))
	}
}

// carry sends one packet through the newest SA of a node, and reports whether
// the other one's kernel took it.
func (w *world) carry(n *node) bool {
	i := -1
	for j, sa := range n.kernel {
		if !sa.Inbound {
			i = j
		}
	}
	if i < 0 {
		return false
	}
	out := n.kernel[i]
	w.data.packets[n][Count{SPI: out.SPI}]++
	if w.data.lost(n, out) {
		return false
	}
	to, from := w.other(n), out.Local
	switch {
	case w.nat && n == w.spoke:
		from = w.translate(from)
	case w.nat && out.Encap:
		if inside, ok := w.inside(out.Remote); !ok || inside.Port() != w.end(to, out.SPI).Port() {
			return false
		}
	}
	for _, in := range to.kernel {
		if in.Inbound && in.SPI == out.SPI && in.Encap == out.Encap {
			w.data.packets[to][Count{SPI: in.SPI, Inbound: true}]++
			if in.Encap && in.Remote != from && !(to == w.hub && w.data.stubbornHub) {
				w.apply(to, to.session.SAMoved(w.now, in.SPI, from))
			}
			return true
		}
	}
	return false
}

// end returns the local end of an inbound SA.
func (w *world) end(n *node, spi uint32) netip.AddrPort {
	for _, sa := range n.kernel {
		if sa.Inbound && sa.SPI == spi {
			return sa.Local
		}
	}
	return netip.AddrPort{}
}
