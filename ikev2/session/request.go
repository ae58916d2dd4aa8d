package session

import (
	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// ask is the purpose of a request.
type ask int

const (
	askInit ask = iota
	askAuth
	askCreateChild
	askRekeyChild
	askDeleteChild
	askRekeyIKE
	askDeleteIKE
	askLiveness
)

// request is the one that is outstanding on an IKE SA.
type request struct {
	Kind     ask
	Exchange wire.ExchangeType
	ID       uint32
	Packet   []byte
	// Tries counts how often it was sent since Since, which goes on with the clock
	// while we stand still, and Unsent how often the uplink did not take it. Sent is
	// when it was sent last, Due when to send it again.
	Tries, Unsent    int
	Since, Sent, Due Instant

	// What an answer needs: our halves of the key exchange, and the SPI of what
	// is being made.
	Share    suite.KeyShare
	Nonce    []byte
	SPI      uint64
	ChildSPI uint32
	// Old is the SPIIn of the child SA to be rekeyed or deleted.
	Old uint32
	// Rival is what the peer made at the same time for the same purpose.
	Rival *rival
	// Deleted are child SAs, by the peer's SPI, that the peer deleted before it
	// is known to have made them: its answer is late.
	Deleted []uint32
	// Rounds counts INVALID_KE_PAYLOAD.
	Rounds int
}

// lastFew drops the oldest of a list that the peer fills.
func lastFew(spis []uint32) []uint32 { return spis[max(len(spis)-15, 0):] }

// makesChild reports whether the answer may bring a child SA.
func (r *request) makesChild() bool {
	return r != nil && (r.Kind == askCreateChild || r.Kind == askRekeyChild)
}

// ask sends a request under the next message id.
func (s *Session) ask(sa *ikeSA, r *request, exchange wire.ExchangeType, payloads ...wire.Payload) {
	h := wire.Header{SPIi: sa.SPIi, SPIr: sa.SPIr, Exchange: exchange, MessageID: sa.NextID}
	if sa.Initiator {
		h.Flags = wire.FlagInitiator
	}
	r.ID, r.Exchange, r.Packet = h.MessageID, exchange, s.seal(sa, h, payloads)
	sa.NextID++
	sa.Request = r
	s.send(sa, r)
}

func (s *Session) seal(sa *ikeSA, h wire.Header, payloads []wire.Payload) []byte {
	b, err := sa.Suite.Seal(h, payloads, sa.sendKeys(), s.random)
	if err != nil {
		panic("session: " + err.Error()) // as in draw
	}
	return b
}
