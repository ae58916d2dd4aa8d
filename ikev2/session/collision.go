package session

import (
	"bytes"
	"cmp"

	"github.com/farspoke/farspoke/ikev2/suite"
)

// rival is what the peer made while we asked for the same: both rekey one SA at
// once, or both make the first child SA. Both exchanges are carried through; of
// the two SAs the one stays in whose exchange is not the lowest of the four
// nonces, and who made the other deletes it (RFC 7296 section 2.8.1).
type rival struct {
	// SPI is ours, of the IKE SA or the inbound child SA.
	SPI uint64
	// Lowest is the lower of its two nonces, Other the other one.
	Lowest, Other []byte
}

// crossed notes that the peer made an SA while r is outstanding.
func (r *request) crossed(spi uint64, theirs suite.Contribution) {
	r.Rival = &rival{SPI: spi}
	r.Rival.Lowest, r.Rival.Other = ordered(theirs)
}

// beats reports whether the rival stays, and not what our exchange made. That a
// nonce is in both is a fault of the peer, and the other two decide.
func (r *rival) beats(ours suite.Contribution) bool {
	lowest, other := ordered(ours)
	return cmp.Or(bytes.Compare(lowest, r.Lowest), bytes.Compare(other, r.Other)) < 0
}

func ordered(c suite.Contribution) (lowest, other []byte) {
	if bytes.Compare(c.InitiatorNonce, c.ResponderNonce) <= 0 {
		return c.InitiatorNonce, c.ResponderNonce
	}
	return c.ResponderNonce, c.InitiatorNonce
}

// rivalSA returns the IKE SA that the peer made at the same time, if it still
// does.
func (s *Session) rivalSA(r *request) *ikeSA {
	if r.Rival == nil {
		return nil
	}
	return s.bySPI(r.Rival.SPI)
}

// rivalChild returns the child SA that the peer made at the same time, if it
// still wants it.
func (s *Session) rivalChild(r *request) *childSA {
	if r.Rival == nil {
		return nil
	}
	if c := s.childIn(uint32(r.Rival.SPI)); c != nil && !c.Retired {
		return c
	}
	return nil
}
