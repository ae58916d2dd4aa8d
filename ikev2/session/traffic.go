package session

import "time"

// Count is how many packets the kernel has carried by an SA since it was
// installed.
type Count struct {
	SPI     uint32
	Inbound bool
	Packets uint64
}

// Traffic tells what the SAs have carried, and whether the peer would answer a
// packet of ours if Effects.Probe asked for one. Call it every second while there
// are child SAs.
func (s *Session) Traffic(now Instant, counts []Count, probes bool) Effects {
	return s.step(now, func() {
		in, out := s.carried(counts)
		l := &s.state.Ladder
		l.Probes = probes
		switch {
		case in > 0:
			s.flows(in)
		case out > 0 && l.Unanswered == 0:
			l.Unanswered, l.Packets = now, out
		default:
			l.Packets += out
		}
		if l.Rung != rungCalm {
			s.probe()
		}
	})
}

// carried returns what has gone in and out since the last call. What leaves in
// UDP keeps the mapping of a NAT as well as a keepalive does.
func (s *Session) carried(counts []Count) (in, out uint64) {
	for _, count := range counts {
		for _, c := range s.state.Children {
			switch {
			case count.Inbound && c.SPIIn == count.SPI:
				in += since(&c.PacketsIn, count.Packets)
			case !count.Inbound && c.SPIOut == count.SPI:
				sent := since(&c.PacketsOut, count.Packets)
				out += sent
				if sa := s.bySPI(c.Owner); sa != nil && sent > 0 && c.Encap {
					sa.Said = s.now
				}
			}
		}
	}
	return in, out
}

// since returns by how much a counter has grown, and keeps its value. One that
// went back began anew.
func since(last *uint64, now uint64) uint64 {
	before := *last
	*last = now
	if now < before {
		return now
	}
	return now - before
}

const (
	// answerTime is how long traffic may go unanswered before we ask. What TCP
	// and routing protocols send is answered within it even on a radio link that
	// is full, so that asking is the exception.
	answerTime = 2 * time.Second
	// A probe that was answered shows that the traffic itself expects no answer.
	// The next one comes after twice the time, up to DPD, unless as many packets
	// went unanswered that the probe is a small part of them.
	probeWorth = 100
)

// patience returns how long the present traffic may go unanswered.
func (l *ladder) patience() time.Duration {
	if l.Packets >= probeWorth {
		return answerTime
	}
	return max(l.Patience, answerTime)
}
