package session

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// talk returns a world whose SAs are up and whose network is cut, in which a
// test speaks in the name of either side.
func talk(t testing.TB, c Config) *world {
	t.Helper()
	w := newWorld(t, 1, c, c)
	w.up()
	w.silence()
	return w
}

// silence loses every packet from now on.
func (w *world) silence() {
	w.flying = nil
	w.fate = func(*node, Packet) []time.Duration { return nil }
}

// voice is one side's view of an IKE SA, of which a test makes messages.
type voice struct {
	w  *world
	to *node
	sa *ikeSA
}

// peerOf returns the other side's end of the IKE SA that is up.
func (w *world) peerOf(n *node) *voice {
	w.t.Helper()
	sa := w.other(n).session.up()
	if sa == nil {
		w.t.Fatalf("%s has no IKE SA that is up", w.other(n).name)
	}
	return &voice{w, n, sa}
}

// seal returns a message of that side under the given message id.
func (v *voice) seal(id uint32, exchange wire.ExchangeType, flags wire.Flags, payloads ...wire.Payload) []byte {
	h := wire.Header{SPIi: v.sa.SPIi, SPIr: v.sa.SPIr, Exchange: exchange, Flags: flags, MessageID: id}
	if v.sa.Initiator {
		h.Flags |= wire.FlagInitiator
	}
	return v.w.other(v.to).session.seal(v.sa, h, payloads)
}

// deliver hands a datagram to the node, from the usual place.
func (w *world) deliver(n *node, data []byte) Effects {
	w.t.Helper()
	local, remote := w.ends(n)
	e := n.session.Receive(w.now, Packet{Local: local, Remote: remote, Data: data})
	w.apply(n, e)
	return e
}

// request sends a request under the next message id, and returns what is inside
// the answer.
func (v *voice) request(exchange wire.ExchangeType, payloads ...wire.Payload) []wire.Payload {
	v.w.t.Helper()
	answer, ok := v.ask(exchange, payloads...)
	if !ok {
		v.w.t.Fatalf("%s does not answer", v.to.name)
	}
	return answer
}

func (v *voice) ask(exchange wire.ExchangeType, payloads ...wire.Payload) (answer []wire.Payload, ok bool) {
	v.w.t.Helper()
	id := v.sa.NextID
	v.sa.NextID++
	for _, p := range v.w.deliver(v.to, v.seal(id, exchange, 0, payloads...)).Send {
		m, err := wire.Parse(p.Data)
		if err != nil {
			v.w.t.Fatal(err)
		}
		if m.Response() && m.MessageID == id && m.Exchange == exchange {
			return v.open(m), true
		}
	}
	return nil, false
}

func (v *voice) open(m *wire.Message) []wire.Payload {
	v.w.t.Helper()
	if m.Encrypted == nil {
		v.w.t.Fatalf("%s is sent without protection", m.Exchange)
	}
	payloads, err := v.sa.Suite.Open(m.Encrypted, v.sa.receiveKeys())
	if err != nil {
		v.w.t.Fatal(err)
	}
	return payloads
}

// outstanding returns the request that the node waits to have answered.
func (v *voice) outstanding() (*wire.Message, []wire.Payload) {
	v.w.t.Helper()
	sa := v.to.session.up()
	if sa == nil || sa.Request == nil {
		v.w.t.Fatalf("%s has no request outstanding", v.to.name)
	}
	m, err := wire.Parse(sa.Request.Packet)
	if err != nil {
		v.w.t.Fatal(err)
	}
	return m, v.open(m)
}

// answer answers the request that the node waits for.
func (v *voice) answer(payloads ...wire.Payload) Effects {
	v.w.t.Helper()
	m, _ := v.outstanding()
	return v.w.deliver(v.to, v.seal(m.MessageID, m.Exchange, wire.FlagResponse, payloads...))
}

// onlyNotify demands that the payloads are one notification.
func onlyNotify(t testing.TB, payloads []wire.Payload, kind wire.NotifyType) wire.Notify {
	t.Helper()
	n, ok := wire.FindNotify(payloads, kind)
	if !ok || len(payloads) != 1 {
		t.Fatalf("payloads %v, want %s alone", payloads, kind)
	}
	return n
}

// kinds returns the types of payloads in their order.
func kinds(payloads []wire.Payload) []wire.PayloadType {
	var all []wire.PayloadType
	for _, p := range payloads {
		all = append(all, p.Type())
	}
	return all
}

// childRequest is a sound request for a child SA between the two, without PFS.
func (v *voice) childRequest(spi uint32) []wire.Payload {
	c := v.w.other(v.to).config
	payloads := []wire.Payload{
		wire.Notify{Kind: wire.UseTransportMode},
		c.ESP.WithGroups().Payload(wire.ProtocolESP, binary.BigEndian.AppendUint32(nil, spi)),
		wire.Nonce(make([]byte, nonceLength)),
	}
	return append(payloads, v.w.other(v.to).session.selectors(v.sa)...)
}

// rekeyRequest is a sound request to replace the child SA on which the sender
// receives by old.
func (v *voice) rekeyRequest(old, spi uint32) []wire.Payload {
	rekey := wire.Notify{Protocol: wire.ProtocolESP, SPI: espOctets(old), Kind: wire.RekeySA}
	return append([]wire.Payload{rekey}, v.childRequest(spi)...)
}

// opening returns a world in which the spoke has sent IKE_SA_INIT, and that
// request. The network is cut.
func opening(t testing.TB, spoke, hub Config) (*world, *wire.Message) {
	t.Helper()
	w := newWorld(t, 1, spoke, hub)
	w.silence()
	e := w.spoke.session.Want(w.now)
	w.apply(w.spoke, e)
	return w, initOf(t, e)
}

// initOf returns the IKE_SA_INIT message among what is to be sent.
func initOf(t testing.TB, e Effects) *wire.Message {
	t.Helper()
	for _, p := range e.Send {
		m, err := wire.Parse(p.Data)
		if err != nil {
			t.Fatal(err)
		}
		if m.Exchange == wire.IKESAInit {
			return m
		}
	}
	t.Fatalf("no IKE_SA_INIT among %d messages", len(e.Send))
	return nil
}

// initAnswer answers an IKE_SA_INIT request by the given payloads.
func initAnswer(m *wire.Message, spiR uint64, payloads ...wire.Payload) []byte {
	answer := wire.Message{
		Header:   wire.Header{SPIi: m.SPIi, SPIr: spiR, Exchange: wire.IKESAInit, Flags: wire.FlagResponse},
		Payloads: payloads,
	}
	return answer.Marshal()
}
