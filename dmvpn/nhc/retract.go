package nhc

import (
	"net/netip"
	"slices"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

const (
	// maxPurges is how often an answer is purged, after 0, 1, 3 and 7 s. There are
	// makes that purge and never say so.
	maxPurges = 4
	// maxRetractions bounds the purges that are repeated.
	maxRetractions = 1024
)

// retraction is an answer that is true no more, and whoever has it has not confirmed
// to have forgotten it.
type retraction struct {
	told
	// id is of the purge request, tries how often it was sent, and next when the
	// present attempt ends.
	id    uint32
	tries int
	next  Instant
}

// retract begins to purge an answer (RFC 2332, 5.2.5).
func (c *Client) retract(t told) {
	if len(c.retractions) >= maxRetractions {
		c.counters.Limited++
		return
	}
	c.retractions = append(c.retractions, &retraction{told: t, id: c.nextID(), next: c.now})
}

// sendRetractions sends the purges that are due. They end with their answers, after
// some attempts, or with what they purge.
func (c *Client) sendRetractions() {
	if !c.uplink.Address.IsValid() {
		return
	}
	c.retractions = slices.DeleteFunc(c.retractions, func(r *retraction) bool {
		switch {
		case c.now >= r.until, c.now >= r.next && r.tries == maxPurges:
			return true
		case c.now < r.next:
			return false
		}
		if c.isUp(r.nbma) {
			c.send(r.nbma, c.purgeRequest(r.told, r.id))
		}
		r.next = c.now + time.Second<<r.tries
		r.tries++
		return false
	})
}

// purgeRequest purges an answer. It goes the way of the question.
func (c *Client) purgeRequest(t told, id uint32) *nhrp.Packet {
	p := c.packet(nhrp.PurgeRequest, id, t.who)
	p.CIEs = []nhrp.CIE{{PrefixLen: uint8(t.prefix.Bits()), Protocol: t.prefix.Addr()}}
	return p
}

// retracted notes that the purge request with an id was answered, and reports whether
// there was one that from may answer: a hub, who was asked, or who it was for.
func (c *Client) retracted(id uint32, from netip.Addr) bool {
	i := slices.IndexFunc(c.retractions, func(r *retraction) bool {
		return r.id == id && (c.isServer(from) || r.nbma == from ||
			slices.ContainsFunc(c.peers, func(p *peer) bool { return p.address == r.who && p.nbma == from }))
	})
	if i < 0 {
		return false
	}
	c.retractions = slices.Delete(c.retractions, i, i+1)
	return true
}
