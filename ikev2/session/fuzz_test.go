package session

import (
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// established returns a world whose SAs are up and whose network is cut, and so
// a Session to which a fuzzer can speak as the hub.
func established(t testing.TB) *world {
	c := config(t, testIKE, testESP)
	c.PFS = true
	w := newWorld(t, 1, c, c)
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(time.Second)
	w.fate = func(*node, Packet) []time.Duration { return nil }
	return w
}

// FuzzReceive feeds datagrams that anyone can send, to a Session that opens an
// IKE SA, to one that has it open, and to the hub's.
func FuzzReceive(f *testing.F) {
	c := config(f, testIKE, testESP)
	w := newWorld(f, 1, c, c)
	w.fate = func(from *node, p Packet) []time.Duration {
		f.Add(p.Data)
		return []time.Duration{time.Millisecond}
	}
	w.apply(w.spoke, w.spoke.session.Want(w.now))
	w.run(10 * time.Minute)
	f.Fuzz(func(t *testing.T, data []byte) {
		opening := newWorld(t, 1, c, c)
		opening.fate = func(*node, Packet) []time.Duration { return nil }
		opening.apply(opening.spoke, opening.spoke.session.Want(opening.now))
		for _, w := range []*world{opening, established(t)} {
			for _, n := range []*node{w.spoke, w.hub} {
				local, remote := w.ends(n)
				w.apply(n, n.session.Receive(w.now, Packet{Local: local, Remote: remote, Data: data}))
			}
		}
	})
}

// FuzzAuthenticated feeds what a peer that holds the keys could say: any chain
// of payloads, as a request and as the answer to each of our requests.
func FuzzAuthenticated(f *testing.F) {
	spi := []byte{1, 2, 3, 4}
	esp := wire.SA{Proposals: []wire.Proposal{{Number: 1, Protocol: wire.ProtocolESP, SPI: spi, Transforms: []wire.Transform{
		{Type: wire.Encryption, ID: 20, KeyBits: 256}, {Type: wire.Group, ID: 31}, {Type: wire.ESN},
	}}}}
	w := established(f)
	w.spoke.session.config.PFS, w.hub.session.config.PFS = false, false
	w.hub.config.PFS = false
	hub, child := w.peerOf(w.spoke), w.spoke.session.current()
	for _, chain := range [][]wire.Payload{
		hub.childRequest(0x1000), hub.rekeyRequest(child.SPIOut, 0x1000), hub.rekeyIKERequest(), {espDelete(child.SPIOut)},
		{w.hub.session.localID(hub.sa), wire.Auth{Method: wire.AuthSharedKey, Data: make([]byte, 32)}, wire.Notify{Kind: wire.InitialContact}},
		{wire.Notify{Kind: wire.AuthenticationFailed}}, {wire.Notify{Kind: wire.InvalidSyntax}}, {wire.Notify{Kind: wire.NoAdditionalSAs}},
		{wire.Raw{Number: wire.TypeConfigure, Body: []byte{1, 0, 0, 0}}, wire.Raw{Number: wire.TypeEAP, Body: []byte{1, 0, 0, 4}}, wire.VendorID("somebody")},
		{wire.Raw{Number: wire.TypeNonce, Body: []byte{1}}}, nil,
		{wire.Delete{Protocol: wire.ProtocolESP, SPIs: []uint32{0x01020304}}},
		{wire.Delete{Protocol: wire.ProtocolIKE}},
		{wire.Notify{Kind: wire.TemporaryFailure}},
		{wire.Notify{Kind: wire.InvalidKEPayload, Data: []byte{0, 31}}},
		{wire.Notify{Kind: wire.ChildSANotFound}}, {wire.Raw{Number: 200, Critical: true}},
		{wire.Notify{Kind: wire.RekeySA}, esp},
		{wire.Notify{Kind: wire.UseTransportMode}, esp, wire.Nonce(make([]byte, 32)), wire.KE{Group: 31, Data: make([]byte, 32)},
			wire.TS{Selectors: []wire.Selector{wire.AnySelector(47)}}, wire.TS{Responder: true, Selectors: []wire.Selector{wire.AnySelector(47)}}},
		{wire.SA{Proposals: []wire.Proposal{{Number: 1, Protocol: wire.ProtocolIKE, SPI: make([]byte, 8)}}}, wire.Nonce(make([]byte, 32))},
	} {
		first, b := wire.MarshalPayloads(chain)
		for what := range byte(6) {
			f.Add(what, byte(first), b)
		}
	}
	f.Fuzz(func(t *testing.T, what, first byte, chain []byte) {
		payloads, err := wire.ParsePayloads(wire.PayloadType(first), chain)
		if err != nil {
			return
		}
		w := established(t)
		spoke, hub := w.spoke.session.state.SAs[0], w.hub.session.state.SAs[0]
		header := wire.Header{SPIi: hub.SPIi, SPIr: hub.SPIr, Exchange: wire.CreateChildSA, MessageID: hub.NextID}
		switch what % 6 {
		case 0:
			header.Exchange = wire.Informational
		case 1: // a request of that kind
		case 2:
			header.Exchange = wire.IKEAuth
		case 3, 4, 5: // the answer to a rekeying of the child, of the IKE SA, to a DELETE
			header.Flags, header.MessageID = wire.FlagResponse, spoke.NextID
			switch what % 6 {
			case 3:
				w.spoke.session.state.Children[0].RekeyAt = w.now
			case 4:
				spoke.RekeyAt = w.now
			case 5:
				w.spoke.session.state.Children[0].Delete = true
				header.Exchange = wire.Informational
			}
			w.apply(w.spoke, w.spoke.session.Tick(w.now))
		}
		local, remote := w.ends(w.spoke)
		packet := Packet{Local: local, Remote: remote, Data: w.hub.session.seal(hub, header, payloads)}
		w.apply(w.spoke, w.spoke.session.Receive(w.now, packet))
		w.run(time.Minute)
	})
}
