package session

import (
	"testing"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// rekeyIKERequest is a sound request to replace the IKE SA.
func (v *voice) rekeyIKERequest() []wire.Payload {
	v.w.t.Helper()
	hub := v.w.other(v.to)
	group := suite.GroupID(v.sa.Suite.Group.ID)
	share, err := suite.NewKeyShare(group, hub.seed)
	if err != nil {
		v.w.t.Fatal(err)
	}
	return []wire.Payload{hub.config.IKE.Payload(wire.ProtocolIKE, spiOctets(0x1234)), wire.Nonce(make([]byte, nonceLength)),
		wire.KE{Group: uint16(group), Data: share.Public}}
}

// TestWhatCrossesWhat is RFC 7296 section 2.25: a request of the hub arrives
// while one of the spoke's is on its way.
func TestWhatCrossesWhat(t *testing.T) {
	ours := map[string]func(*world){
		"closing the child": func(w *world) {
			s := w.spoke.session
			s.state.Wanted = false // or it would first make another
			w.apply(w.spoke, s.step(w.now, func() {
				c := s.current()
				s.retire(c)
				c.Delete = true
			}))
		},
		"rekeying the child":  func(w *world) { rekeyChildNow(w, w.spoke) },
		"rekeying the IKE SA": func(w *world) { rekeyIKENow(w, w.spoke) },
		"closing the IKE SA": func(w *world) {
			s := w.spoke.session
			w.apply(w.spoke, s.step(w.now, func() { s.close(s.up()) }))
		},
		"creating a child": func(w *world) {
			w.spoke.session.removeChild(w.spoke.session.current())
			w.spoke.kernel = nil
			w.apply(w.spoke, w.spoke.session.Tick(w.now))
		},
	}
	type request func(v *voice, child childSA) (wire.ExchangeType, []wire.Payload)
	theirs := map[string]request{
		"rekeys the child": func(v *voice, child childSA) (wire.ExchangeType, []wire.Payload) {
			return wire.CreateChildSA, v.rekeyRequest(child.SPIOut, 0x1000)
		},
		"closes the child": func(_ *voice, child childSA) (wire.ExchangeType, []wire.Payload) {
			return wire.Informational, []wire.Payload{espDelete(child.SPIOut)}
		},
		"creates a child": func(v *voice, _ childSA) (wire.ExchangeType, []wire.Payload) {
			return wire.CreateChildSA, v.childRequest(0x1000)
		},
		"rekeys the IKE SA": func(v *voice, _ childSA) (wire.ExchangeType, []wire.Payload) {
			return wire.CreateChildSA, v.rekeyIKERequest()
		},
		"closes the IKE SA": func(*voice, childSA) (wire.ExchangeType, []wire.Payload) {
			return wire.Informational, []wire.Payload{wire.Delete{Protocol: wire.ProtocolIKE}}
		},
	}
	const accepted, pair, empty = "SA", "D", ""
	const busy = "TEMPORARY_FAILURE"
	for _, test := range []struct{ ours, theirs, want string }{
		{"closing the child", "rekeys the child", busy},
		{"closing the child", "closes the child", empty},
		{"closing the child", "rekeys the IKE SA", busy},
		{"rekeying the child", "rekeys the child", accepted},
		{"rekeying the child", "closes the child", pair},
		{"rekeying the child", "rekeys the IKE SA", busy},
		{"creating a child", "rekeys the IKE SA", busy},
		{"rekeying the IKE SA", "rekeys the IKE SA", accepted},
		{"rekeying the IKE SA", "rekeys the child", busy},
		{"rekeying the IKE SA", "creates a child", busy},
		{"rekeying the IKE SA", "closes the child", pair},
		{"rekeying the IKE SA", "closes the IKE SA", empty},
		{"closing the IKE SA", "rekeys the IKE SA", busy},
		{"closing the IKE SA", "rekeys the child", busy},
		{"closing the IKE SA", "closes the IKE SA", empty},
	} {
		t.Run(test.ours+", the peer "+test.theirs, func(t *testing.T) {
			w := talk(t, config(t, testIKE, testESP))
			v := w.peerOf(w.spoke)
			child := *w.spoke.session.current()
			sa := w.spoke.session.up()
			ours[test.ours](w)
			if sa.Request == nil {
				t.Fatal("no request is on its way")
			}
			exchange, payloads := theirs[test.theirs](v, child)
			got := ""
			for _, p := range v.request(exchange, payloads...) {
				switch p := p.(type) {
				case wire.Notify:
					if p.Kind.Error() {
						got = p.Kind.String()
					}
				case wire.SA, wire.Delete:
					got = p.Type().String()
				}
			}
			if got != test.want {
				t.Errorf("the answer is %q, want %q", got, test.want)
			}
			if exchange == wire.Informational && test.want == empty && test.theirs == "closes the IKE SA" && w.spoke.session.find(wire.Header{SPIi: sa.SPIi, SPIr: sa.SPIr}) != nil {
				t.Error("the IKE SA is not forgotten")
			}
		})
	}
}
