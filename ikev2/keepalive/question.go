package keepalive

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// nonceLength is that of sessions, so that a question looks like one of theirs.
const nonceLength = 32

// question is the IKE_SA_INIT that waits for its answer.
type question struct {
	spi   uint64
	data  []byte
	asked int
	// regrouped says that it was put in another group than at first.
	regrouped bool
}

// ask puts a question. The keys it brings are never used.
func (l *Learner) ask() {
	offer := l.path.Offer
	group := l.state.Group
	if groups := offer.Groups(); !slices.Contains(groups, group) {
		group = groups[0]
	}
	share, err := suite.NewKeyShare(group, l.random)
	if err != nil {
		l.setback("%v", err)
		return
	}
	q := question{spi: binary.BigEndian.Uint64(l.draw(8)) | 1<<63, regrouped: l.question.regrouped}
	to := l.packet(nil)
	m := &wire.Message{
		Header: wire.Header{SPIi: q.spi, Exchange: wire.IKESAInit, Flags: wire.FlagInitiator},
		Payloads: []wire.Payload{
			offer.Payload(wire.ProtocolIKE, nil),
			wire.KE{Group: uint16(group), Data: share.Public},
			wire.Nonce(l.draw(nonceLength)),
			wire.Notify{Kind: wire.NATDetectionSourceIP, Data: wire.NATHash(q.spi, 0, to.Local)},
			wire.Notify{Kind: wire.NATDetectionDestinationIP, Data: wire.NATHash(q.spi, 0, to.Remote)},
		},
	}
	q.data = m.Marshal()
	l.question, l.phase = q, asking
	l.state.Questions++
	l.repeat()
}

// repeat sends the question, the first time or again: octet by octet the same,
// which a responder answers as before and without a further IKE SA.
func (l *Learner) repeat() {
	q := &l.question
	if q.asked == maxAsked {
		l.setback("peer %s does not answer from port %d", l.path.Peer, portNAT)
		return
	}
	l.out.Send = append(l.out.Send, l.packet(q.data))
	l.due = l.now + l.timing.Patience<<q.asked
	q.asked++
}

// packet returns a packet from the scratch port to the peer.
func (l *Learner) packet(data []byte) Packet {
	return Packet{
		Local:  netip.AddrPortFrom(l.path.Local, l.local),
		Remote: netip.AddrPortFrom(l.path.Peer, portNAT),
		Data:   data,
	}
}

// answer takes the answer to our question.
func (l *Learner) answer(data []byte) {
	m, err := wire.Parse(data)
	if err != nil || m.SPIi != l.question.spi || m.Exchange != wire.IKESAInit || !m.Response() || m.FromInitiator() || m.MessageID != 0 {
		return
	}
	if _, ok := wire.FindNotify(m.Payloads, wire.Cookie); ok {
		l.setback("peer %s is under load and asks for a cookie", l.path.Peer)
		return
	}
	if n, ok := wire.FindNotify(m.Payloads, wire.InvalidKEPayload); ok {
		l.regroup(n)
		return
	}
	if n, ok := wire.FindError(m.Payloads); ok {
		l.setback("peer %s refuses IKE_SA_INIT with %s", l.path.Peer, n.Kind)
		return
	}
	n, ok := wire.FindNotify(m.Payloads, wire.NATDetectionDestinationIP)
	if !ok {
		l.setback("peer %s does not say where our messages come from", l.path.Peer)
		return
	}
	outside, ok := wire.FindNATPort(m.SPIi, m.SPIr, l.path.Public, n.Data, l.outside, l.local)
	if !ok {
		l.setback("peer %s sees us at another address than %s", l.path.Peer, l.path.Public)
		return
	}
	l.seen(outside)
}

// regroup puts the question again in the group that the peer wants. It holds no
// IKE SA of the first.
func (l *Learner) regroup(n wire.Notify) {
	if len(n.Data) != 2 || l.question.regrouped {
		l.setback("peer %s and we do not agree on a key exchange group", l.path.Peer)
		return
	}
	l.state.Group = suite.GroupID(binary.BigEndian.Uint16(n.Data))
	l.question.regrouped = true
	l.ask()
}
