package nhc

import (
	"net/netip"
	"time"
)

// probePause is the least time between two probes of one server.
const probePause = time.Second

// probe is a packet that a server is sure to answer: a registration request.
type probe struct {
	// id is the last one's, 0 before the first.
	id uint32
	// pending says that one is asked for, and next when it may be sent.
	pending bool
	next    Instant
}

// Probe tells that it is in doubt whether traffic with a peer gets through. The
// answer to what is sent will show it. It may well be sent while the protection
// that the answer is to prove is awaited.
func (c *Client) Probe(now Instant, nbma netip.Addr) Effects {
	c.now = now
	for _, s := range c.order {
		if s.wanted && (s.nbma == nbma || s.at == nbma) {
			s.probe.pending = true
			c.doubt(s)
		}
	}
	c.probePath(nbma)
	return c.settle()
}

// sendProbe sends the probe of s if it is time.
func (c *Client) sendProbe(s *server) {
	if !s.probe.pending || c.now < s.probe.next || !s.at.IsValid() {
		return
	}
	s.probe = probe{id: c.nextID(), next: c.now + probePause}
	c.send(s.at, c.registrationRequest(s.probe.id, s))
}
