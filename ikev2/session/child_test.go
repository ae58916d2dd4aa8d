package session

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/suite"
	"github.com/farspoke/farspoke/ikev2/wire"
)

// replace returns the payloads with the first of the same type exchanged.
func replace(payloads []wire.Payload, p wire.Payload) []wire.Payload {
	i := slices.IndexFunc(payloads, func(old wire.Payload) bool { return old.Type() == p.Type() })
	changed := slices.Clone(payloads)
	changed[i] = p
	return changed
}

func rekeyChildNow(w *world, n *node) {
	n.session.current().RekeyAt = w.now
	w.apply(n, n.session.Tick(w.now))
}

func rekeyIKENow(w *world, n *node) {
	n.session.up().RekeyAt = w.now
	w.apply(n, n.session.Tick(w.now))
}

func TestRequestsForAChildInTheOrderOfTheRFC(t *testing.T) {
	for name, pfs := range map[string]bool{"PFS": true, "none": false} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			c.PFS = pfs
			w := talk(t, c)
			old := w.spoke.session.current().SPIIn
			rekeyChildNow(w, w.spoke)
			m, payloads := w.peerOf(w.spoke).outstanding()
			want := []wire.PayloadType{wire.TypeNotify, wire.TypeNotify, wire.TypeSA, wire.TypeNonce, wire.TypeKE, wire.TypeTSi, wire.TypeTSr}
			if !pfs {
				want = slices.Delete(want, 4, 5)
			}
			if got := kinds(payloads); m.Exchange != wire.CreateChildSA || !slices.Equal(got, want) {
				t.Errorf("%s with %v, want %v", m.Exchange, got, want)
			}
			rekey, _ := wire.FindNotify(payloads, wire.RekeySA)
			if rekey.Protocol != wire.ProtocolESP || string(rekey.SPI) != string(espOctets(old)) || len(rekey.Data) != 0 {
				t.Errorf("REKEY_SA %+v, want our inbound SPI %08x", rekey, old)
			}
			if _, transport := wire.FindNotify(payloads, wire.UseTransportMode); !transport {
				t.Error("the rekeying asks for tunnel mode")
			}
			tsi, tsr, _ := findTS(payloads)
			if tsi.Selectors[0] != wire.HostSelector(spokeAddr, 47) || tsr.Selectors[0] != wire.HostSelector(hubAddr, 47) {
				t.Errorf("the rekeying selects %v and %v", tsi.Selectors, tsr.Selectors)
			}
			sa, _ := wire.Find[wire.SA](payloads)
			ke, _ := wire.Find[wire.KE](payloads)
			for _, p := range sa.Proposals {
				has := slices.ContainsFunc(p.Transforms, func(t wire.Transform) bool { return t.Type == wire.Group && t.ID == ke.Group })
				if has != pfs {
					t.Errorf("proposal %d offers the group of KE: %v", p.Number, has)
				}
			}
		})
	}
}

func TestRequestToRekeyTheIKESA(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	rekeyIKENow(w, w.spoke)
	_, payloads := w.peerOf(w.spoke).outstanding()
	if got := kinds(payloads); !slices.Equal(got, []wire.PayloadType{wire.TypeSA, wire.TypeNonce, wire.TypeKE}) {
		t.Errorf("payloads %v", got)
	}
	sa, _ := wire.Find[wire.SA](payloads)
	for _, p := range sa.Proposals {
		if len(p.SPI) != 8 || string(p.SPI) == string(make([]byte, 8)) {
			t.Errorf("SPI %x", p.SPI)
		}
		if slices.Contains(p.Transforms, wire.Transform{Type: wire.Group}) {
			t.Error("a rekeying without key exchange is offered")
		}
	}
}

// TestRequestsToRekeyTheIKESA asks the spoke for a new IKE SA without what makes
// its keys new.
func TestRequestsToRekeyTheIKESA(t *testing.T) {
	for name, test := range map[string]struct {
		change func([]wire.Payload) []wire.Payload
		want   wire.NotifyType
	}{
		"no group": {func(p []wire.Payload) []wire.Payload {
			sa := p[0].(wire.SA)
			for i := range sa.Proposals {
				sa.Proposals[i].Transforms = slices.DeleteFunc(slices.Clone(sa.Proposals[i].Transforms), func(t wire.Transform) bool { return t.Type == wire.Group })
			}
			return p[:2]
		}, wire.NoProposalChosen},
		"group none": {func(p []wire.Payload) []wire.Payload {
			sa := p[0].(wire.SA)
			for i := range sa.Proposals {
				sa.Proposals[i].Transforms = slices.Clone(sa.Proposals[i].Transforms)
				for j, t := range sa.Proposals[i].Transforms {
					if t.Type == wire.Group {
						sa.Proposals[i].Transforms[j].ID = 0
					}
				}
			}
			return p[:2]
		}, wire.NoProposalChosen},
		"an SPI of zero": {func(p []wire.Payload) []wire.Payload { return withSPI(p, make([]byte, 8)) }, wire.NoProposalChosen},
		"no KE":          {func(p []wire.Payload) []wire.Payload { return p[:2] }, wire.InvalidKEPayload},
	} {
		t.Run(name, func(t *testing.T) {
			w := talk(t, config(t, testIKE, testESP))
			v := w.peerOf(w.spoke)
			onlyNotify(t, v.request(wire.CreateChildSA, test.change(v.rekeyIKERequest())...), test.want)
			if len(w.spoke.session.State().SAs) != 1 {
				t.Error("there is another IKE SA")
			}
		})
	}
}

// TestRequestsForAChild asks the spoke for child SAs that it accepts or refuses.
func TestRequestsForAChild(t *testing.T) {
	selector := func(responder bool, s ...wire.Selector) wire.Payload {
		return wire.TS{Responder: responder, Selectors: s}
	}
	own, peer := wire.HostSelector(spokeAddr, 47), wire.HostSelector(hubAddr, 47)
	tcp := wire.HostSelector(spokeAddr, 6)
	unknown := wire.Raw{Number: wire.TypeTSi, Body: []byte{1, 0, 0, 0, 9, 47, 0, 8, 0, 0, 0xff, 0xff}}
	for name, test := range map[string]struct {
		change func([]wire.Payload) []wire.Payload
		want   wire.NotifyType // 0 for none
	}{
		"as it should be":  {func(p []wire.Payload) []wire.Payload { return p }, 0},
		"in another order": {func(p []wire.Payload) []wire.Payload { slices.Reverse(p); return p }, 0},
		"with unknown status and error notifications": {func(p []wire.Payload) []wire.Payload {
			return append(p, wire.Notify{Kind: 50000}, wire.Notify{Kind: 9999}, wire.Notify{Kind: wire.ESPTFCPaddingNotSupported}, wire.Notify{Kind: 16395})
		}, 0},
		"notifications with a protocol": {func(p []wire.Payload) []wire.Payload {
			return replace(p, wire.Notify{Protocol: wire.ProtocolIKE, Kind: wire.UseTransportMode})
		}, 0},
		"with an unknown payload": {func(p []wire.Payload) []wire.Payload { return append(p, wire.Raw{Number: 200}) }, 0},
		"with an unknown critical one": {func(p []wire.Payload) []wire.Payload { return append(p, wire.Raw{Number: 200, Critical: true}) },
			wire.UnsupportedCriticalPayload},
		"tunnel mode":                     {func(p []wire.Payload) []wire.Payload { return p[1:] }, wire.NoProposalChosen},
		"everything, to be narrowed":      {func(p []wire.Payload) []wire.Payload { return replace(p, selector(true, wire.AnySelector(0))) }, 0},
		"one we know behind one we don't": {func(p []wire.Payload) []wire.Payload { return replace(p, selector(true, tcp, own)) }, 0},
		"another protocol":                {func(p []wire.Payload) []wire.Payload { return replace(p, selector(true, tcp)) }, wire.TSUnacceptable},
		"a selector of unknown form":      {func(p []wire.Payload) []wire.Payload { return replace(p, unknown) }, wire.TSUnacceptable},
		"another host behind the peer": {func(p []wire.Payload) []wire.Payload {
			return replace(p, selector(false, wire.HostSelector(publicAddr, 47)))
		}, wire.TSUnacceptable},
		"the peer itself":    {func(p []wire.Payload) []wire.Payload { return replace(p, selector(false, peer)) }, 0},
		"a reserved SPI":     {func(p []wire.Payload) []wire.Payload { return withSPI(p, []byte{0, 0, 0, 255}) }, wire.NoProposalChosen},
		"a short SPI":        {func(p []wire.Payload) []wire.Payload { return withSPI(p, []byte{1, 2, 3}) }, wire.NoProposalChosen},
		"an SPI of 8 octets": {func(p []wire.Payload) []wire.Payload { return withSPI(p, make([]byte, 8)) }, wire.NoProposalChosen},
		"a child SA that is not there": {func(p []wire.Payload) []wire.Payload {
			return append([]wire.Payload{wire.Notify{Protocol: wire.ProtocolESP, SPI: []byte{9, 9, 9, 9}, Kind: wire.RekeySA}}, p...)
		}, wire.ChildSANotFound},
		"an AH SA": {func(p []wire.Payload) []wire.Payload {
			return append([]wire.Payload{wire.Notify{Protocol: 2, SPI: []byte{9, 9, 9, 9}, Kind: wire.RekeySA}}, p...)
		}, wire.ChildSANotFound},
	} {
		t.Run(name, func(t *testing.T) {
			w := talk(t, config(t, testIKE, testESP))
			w.restart = true
			answer := w.peerOf(w.spoke).request(wire.CreateChildSA, test.change(w.peerOf(w.spoke).childRequest(0x1000))...)
			if test.want != 0 {
				onlyNotify(t, answer, test.want)
				if w.spoke.session.up() == nil || len(w.spoke.session.State().Children) != 1 {
					t.Error("the refusal costs SAs")
				}
				return
			}
			want := []wire.PayloadType{wire.TypeNotify, wire.TypeSA, wire.TypeNonce, wire.TypeTSi, wire.TypeTSr}
			if got := kinds(answer); !slices.Equal(got, want) {
				t.Fatalf("payloads %v, want %v", got, want)
			}
			tsi, tsr, _ := findTS(answer)
			if len(tsi.Selectors) != 1 || len(tsr.Selectors) != 1 || tsi.Selectors[0].First != tsi.Selectors[0].Last || tsr.Selectors[0].First != tsr.Selectors[0].Last {
				t.Errorf("the answer selects %v and %v, want one host each", tsi.Selectors, tsr.Selectors)
			}
			if tsi.Selectors[0].Protocol != 47 || tsr.Selectors[0].Protocol != 47 {
				t.Error("the answer selects more than GRE")
			}
		})
	}
}

func withSPI(payloads []wire.Payload, spi []byte) []wire.Payload {
	sa, _ := wire.Find[wire.SA](payloads)
	sa.Proposals = slices.Clone(sa.Proposals)
	for i := range sa.Proposals {
		sa.Proposals[i].SPI = spi
	}
	return replace(payloads, sa)
}

// TestMalformedRequestsEndTheIKESA: INVALID_SYNTAX is fatal at both ends, and the
// spoke begins anew at once.
func TestMalformedRequestsEndTheIKESA(t *testing.T) {
	for name, payloads := range map[string]func(*voice) []wire.Payload{
		"a torn nonce": func(*voice) []wire.Payload { return []wire.Payload{wire.Raw{Number: wire.TypeNonce, Body: []byte{1}}} },
		"no nonce":     func(v *voice) []wire.Payload { return less(v.childRequest(0x1000), wire.TypeNonce) },
		"no SA":        func(v *voice) []wire.Payload { return less(v.childRequest(0x1000), wire.TypeSA) },
		"REKEY_SA without an SPI": func(v *voice) []wire.Payload {
			return append([]wire.Payload{wire.Notify{Protocol: wire.ProtocolESP, Kind: wire.RekeySA}}, v.childRequest(0x1000)...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := talk(t, config(t, testIKE, testESP))
			w.now += minRetry
			hub := w.peerOf(w.spoke)
			request := hub.seal(hub.sa.NextID, wire.CreateChildSA, 0, payloads(hub)...)
			e := w.deliver(w.spoke, request)
			answer, err := wire.Parse(e.Send[0].Data)
			if err != nil {
				t.Fatal(err)
			}
			onlyNotify(t, hub.open(answer), wire.InvalidSyntax)
			if w.spoke.session.up() != nil || len(w.spoke.kernel) != 0 {
				t.Error("the IKE SA lives on")
			}
			if again := w.deliver(w.spoke, request).Send; len(again) != 1 || string(again[0].Data) != string(e.Send[0].Data) {
				t.Error("the request sent again is not answered alike")
			}
			if _, err := wire.Parse(e.Send[len(e.Send)-1].Data); err != nil || first(e.Send[len(e.Send)-1]).Exchange != wire.IKESAInit {
				t.Error("no new IKE SA is opened")
			}
		})
	}
}

// TestAnswersToARekeying gives the spoke's request to rekey the child SA every
// answer but the right one.
func TestAnswersToARekeying(t *testing.T) {
	for name, test := range map[string]struct {
		answer []wire.Payload
		check  func(t *testing.T, w *world)
	}{
		"TEMPORARY_FAILURE": {[]wire.Payload{wire.Notify{Kind: wire.TemporaryFailure}}, func(t *testing.T, w *world) {
			if s := w.spoke.session; s.current() == nil || s.up().Request != nil || s.current().RekeyAt < w.now+time.Second {
				t.Error("want a pause, and the old child SA")
			}
		}},
		"CHILD_SA_NOT_FOUND": {[]wire.Payload{wire.Notify{Protocol: wire.ProtocolESP, SPI: []byte{1, 2, 3, 4}, Kind: wire.ChildSANotFound}}, func(t *testing.T, w *world) {
			if len(w.spoke.kernel) != 0 {
				t.Error("the old child SA is kept")
			}
			_, payloads := w.peerOf(w.spoke).outstanding()
			if _, rekey := wire.FindNotify(payloads, wire.RekeySA); rekey {
				t.Error("want a child SA made from scratch")
			}
			if _, ok := wire.Find[wire.SA](payloads); !ok {
				t.Errorf("the spoke asks for %v", payloads)
			}
		}},
		"NO_ADDITIONAL_SAS": {[]wire.Payload{wire.Notify{Kind: wire.NoAdditionalSAs}}, beginsAnew},
		"an unknown error":  {[]wire.Payload{wire.Notify{Kind: 9999}}, beginsAnew},
		"no SA":             {nil, beginsAnew},
		"INVALID_SYNTAX": {[]wire.Payload{wire.Notify{Kind: wire.InvalidSyntax}}, func(t *testing.T, w *world) {
			if w.spoke.session.up() != nil || len(w.spoke.kernel) != 0 {
				t.Error("the IKE SA lives on")
			}
		}},
		"an unknown critical payload": {[]wire.Payload{wire.Raw{Number: 200, Critical: true}}, func(t *testing.T, w *world) {
			if w.spoke.session.up().Request == nil {
				t.Error("the answer is accepted")
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := talk(t, config(t, testIKE, testESP))
			rekeyChildNow(w, w.spoke)
			w.peerOf(w.spoke).answer(test.answer...)
			test.check(t, w)
		})
	}
}

// beginsAnew demands a new IKE SA beside the old one, which carries traffic until
// the new one does: the hub takes what the spoke still sends by the old one.
func beginsAnew(t *testing.T, w *world) {
	t.Helper()
	if len(w.spoke.kernel) != 2 {
		t.Error("traffic stops")
	}
	old := w.spoke.session.up().SPIi
	w.fate = func(*node, Packet) []time.Duration { return []time.Duration{time.Millisecond} }
	late := w.spoke.session.current().SPIOut
	for w.hub.count(Up) < 2 && w.now < time.Hour {
		w.run(time.Millisecond)
	}
	if !slices.ContainsFunc(w.hub.kernel, func(sa SA) bool { return sa.Inbound && sa.SPI == late }) {
		t.Error("the hub no longer takes what is on its way by the old child SA")
	}
	w.run(time.Minute) // the hub cannot be asked to delete the old one: the test took its turn
	w.checkRest()
	if sa := w.spoke.session.up(); sa == nil || sa.SPIi == old {
		t.Error("there is no new IKE SA")
	}
}

// TestAnswersThatAreNotWhatWasOffered are refused, and traffic goes on.
func TestAnswersThatAreNotWhatWasOffered(t *testing.T) {
	good := func(v *voice) []wire.Payload {
		sa := v.w.hub.config.ESP.WithGroups().Payload(wire.ProtocolESP, []byte{0, 0, 16, 0})
		chosen, _ := v.w.hub.config.ESP.WithGroups().Choose(sa, wire.ProtocolESP)
		return []wire.Payload{wire.Notify{Kind: wire.UseTransportMode}, wire.SA{Proposals: []wire.Proposal{chosen}}, wire.Nonce(make([]byte, 32)),
			wire.TS{Selectors: []wire.Selector{wire.HostSelector(spokeAddr, 47)}}, wire.TS{Responder: true, Selectors: []wire.Selector{wire.HostSelector(hubAddr, 47)}}}
	}
	for name, change := range map[string]func([]wire.Payload) []wire.Payload{
		"tunnel mode": func(p []wire.Payload) []wire.Payload { return p[1:] },
		"another cipher": func(p []wire.Payload) []wire.Payload {
			p[1].(wire.SA).Proposals[0].Transforms[0].KeyBits = 128
			return p
		},
		"another proposal": func(p []wire.Payload) []wire.Payload { p[1].(wire.SA).Proposals[0].Number = 9; return p },
		"no nonce":         func(p []wire.Payload) []wire.Payload { return less(p, wire.TypeNonce) },
		"wider selectors of another protocol": func(p []wire.Payload) []wire.Payload {
			return replace(p, wire.TS{Selectors: []wire.Selector{wire.AnySelector(6)}})
		},
		"a reserved SPI": func(p []wire.Payload) []wire.Payload { return withSPI(p, []byte{0, 0, 0, 1}) },
		"an SPI of IKE":  func(p []wire.Payload) []wire.Payload { return withSPI(p, []byte{1, 2, 3, 4, 5, 6, 7, 8}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := talk(t, config(t, testIKE, testESP))
			rekeyChildNow(w, w.spoke)
			v := w.peerOf(w.spoke)
			v.answer(change(good(v))...)
			if len(w.spoke.session.State().Children) != 1 {
				t.Fatal("a child SA is made of it")
			}
			beginsAnew(t, w)
		})
	}
	w := talk(t, config(t, testIKE, testESP))
	rekeyChildNow(w, w.spoke)
	v := w.peerOf(w.spoke)
	v.answer(append(good(v), wire.Notify{Kind: wire.AdditionalTSPossible}, wire.Notify{Kind: 50000}, wire.Raw{Number: 200})...)
	if len(w.spoke.session.State().Children) != 2 {
		t.Error("the right answer, with more than we know, is refused")
	}
}

// TestTemporaryFailureForMinutes: a peer that says nothing else has lost the
// thread, whatever we ask it for.
func TestTemporaryFailureForMinutes(t *testing.T) {
	for name, begin := range map[string]func(*world, *node){"child SA": rekeyChildNow, "IKE SA": rekeyIKENow} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			c.Lifetime = 24 * time.Hour
			w := talk(t, c)
			begin(w, w.spoke)
			asked, last := 0, w.now
			for w.spoke.session.state.Renew == false && w.now < last+10*time.Minute {
				sa := w.spoke.session.up()
				if sa.Request == nil || sa.Request.Exchange != wire.CreateChildSA {
					at, _ := w.spoke.session.Deadline()
					w.now = max(w.now, at)
					w.apply(w.spoke, w.spoke.session.Tick(w.now))
					if sa.Request != nil && sa.Request.Kind == askLiveness {
						w.peerOf(w.spoke).answer()
					}
					continue
				}
				asked++
				w.peerOf(w.spoke).answer(wire.Notify{Kind: wire.TemporaryFailure})
			}
			if took := w.now - last; took < 2*time.Minute || took > 5*time.Minute || asked < 10 || asked > 200 {
				t.Errorf("given up after %v and %d requests", took, asked)
			}
			if said := w.spoke.said(Warning); len(said) == 0 || !strings.Contains(said[len(said)-1], "TEMPORARY_FAILURE") {
				t.Errorf("the operator reads %q", said)
			}
		})
	}
}

// TestNarrowPairRefused: SINGLE_PAIR_REQUIRED is no reason to ask for more than
// the one pair we ask for.
func TestNarrowPairRefused(t *testing.T) {
	for kind, wide := range map[wire.NotifyType]bool{wire.TSUnacceptable: true, wire.SinglePairRequired: false} {
		w := talk(t, config(t, testIKE, testESP))
		s := w.spoke.session
		s.createRefused(s.up(), &request{Kind: askCreateChild}, wire.Notify{Kind: kind})
		if s.state.SAs[0].Wide != wide {
			t.Errorf("after %s all of GRE is offered: %v", kind, !wide)
		}
	}
}

// TestKeyExchangeOfAChild asks with groups and keys of every fit.
func TestKeyExchangeOfAChild(t *testing.T) {
	c := config(t, testIKE, "aes256gcm16")
	esp := func(groups ...suite.GroupID) wire.Payload {
		return c.ESP.WithGroups(groups...).Payload(wire.ProtocolESP, []byte{0, 0, 16, 0})
	}
	share, err := suite.NewKeyShare(suite.Curve25519, newWorld(t, 37, c, c).spoke.seed)
	if err != nil {
		t.Fatal(err)
	}
	ke := wire.KE{Group: uint16(suite.Curve25519), Data: share.Public}
	for name, test := range map[string]struct {
		pfs  bool
		sa   wire.Payload
		ke   []wire.Payload
		want wire.NotifyType
		has  bool // a KE in the answer
	}{
		"PFS on both sides":              {true, esp(suite.Curve25519), []wire.Payload{ke}, 0, true},
		"PFS wanted and no KE":           {true, esp(suite.Curve25519), nil, wire.InvalidKEPayload, false},
		"PFS wanted, none offered":       {true, esp(), nil, wire.NoProposalChosen, false},
		"PFS wanted, another group":      {true, esp(suite.ECP256), []wire.Payload{wire.KE{Group: 19, Data: make([]byte, 64)}}, wire.NoProposalChosen, false},
		"PFS wanted, KE of another":      {true, esp(suite.ECP256, suite.Curve25519), []wire.Payload{wire.KE{Group: 19, Data: make([]byte, 64)}}, wire.InvalidKEPayload, false},
		"none wanted, none offered":      {false, esp(), nil, 0, false},
		"none wanted, the peer insists":  {false, esp(suite.Curve25519), []wire.Payload{ke}, 0, true},
		"group none among the ways":      {false, esp(0, suite.Curve25519), []wire.Payload{ke}, 0, false},
		"a value that gives all away":    {true, esp(suite.Curve25519), []wire.Payload{wire.KE{Group: 31, Data: make([]byte, 32)}}, wire.InvalidSyntax, false},
		"a value of the wrong length":    {true, esp(suite.Curve25519), []wire.Payload{wire.KE{Group: 31, Data: make([]byte, 33)}}, wire.InvalidSyntax, false},
		"a KE although none was offered": {false, esp(), []wire.Payload{ke}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := c
			w := talk(t, c)
			v := w.peerOf(w.spoke)
			request := append(replace(v.childRequest(0x1000), test.sa), test.ke...)
			w.spoke.session.config.PFS = test.pfs
			answer := v.request(wire.CreateChildSA, request...)
			if test.want != 0 {
				n := onlyNotify(t, answer, test.want)
				if test.want == wire.InvalidKEPayload && string(n.Data) != "\x00\x1f" {
					t.Errorf("the group asked for is %x", n.Data)
				}
				return
			}
			if _, has := wire.Find[wire.KE](answer); has != test.has {
				t.Errorf("KE in the answer: %v", has)
			}
		})
	}
}

// TestTakesPacketsBeforeItAnswers: the peer may send on a new child SA as soon as
// it reads our answer, and traffic from us moves when it deletes the old one.
func TestTakesPacketsBeforeItAnswers(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	v := w.peerOf(w.spoke)
	old := w.hub.session.current()
	request := v.seal(v.sa.NextID, wire.CreateChildSA, 0, v.rekeyRequest(old.SPIIn, 0x1000)...)
	v.sa.NextID++
	e := w.deliver(w.spoke, request)
	if len(e.Install) != 1 || !e.Install[0].Inbound || len(e.Send) != 1 {
		t.Fatalf("effects %+v, want the inbound SA and the answer", e)
	}
	if out := w.spoke.session.current().SPIOut; out != old.SPIIn {
		t.Errorf("we send on %08x before the peer deletes the old one", out)
	}
	v.request(wire.Informational, wire.Delete{Protocol: wire.ProtocolESP, SPIs: []uint32{old.SPIIn}})
	if out := w.spoke.session.current().SPIOut; out != 0x1000 {
		t.Errorf("we send on %08x, want the new one", out)
	}
}

// TestRekeyingHasJitter makes many SAs: none is rekeyed when another is, all are
// long before they end.
func TestRekeyingHasJitter(t *testing.T) {
	seen := make(map[Instant]bool)
	for seed := range uint64(20) {
		c := config(t, testIKE, testESP)
		w := newWorld(t, seed, c, c)
		w.up()
		for _, n := range []*node{w.spoke, w.hub} {
			child := n.session.current()
			seen[child.RekeyAt-child.Created] = true
			if spare := child.HardAt - child.RekeyAt; spare < c.Lifetime/10 {
				t.Errorf("%v are left for rekeying", spare)
			}
		}
	}
	if len(seen) != 40 {
		t.Errorf("40 SAs are rekeyed after %d different times", len(seen))
	}
}

// TestRekeyedIKESAInherits gives the child SA to the new IKE SA, whose message
// ids begin at 0 and whose initiator is who asked for it.
func TestRekeyedIKESAInherits(t *testing.T) {
	for name, pick := range map[string]func(*world) *node{"by the initiator": func(w *world) *node { return w.spoke }, "by the responder": func(w *world) *node { return w.hub }} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			w := newWorld(t, 38, c, c)
			w.up()
			n := pick(w)
			kernel := [2]string{describeSAs(w.spoke.kernel), describeSAs(w.hub.kernel)}
			rekeyIKENow(w, n)
			w.run(10 * time.Second)
			w.checkRest()
			sa := n.session.up()
			if !sa.Initiator || sa.NextID != 0 || sa.PeerID != 0 {
				t.Errorf("initiator %v, message ids %d and %d", sa.Initiator, sa.NextID, sa.PeerID)
			}
			if now := [2]string{describeSAs(w.spoke.kernel), describeSAs(w.hub.kernel)}; now != kernel {
				t.Errorf("the child SAs change: %v, were %v", now, kernel)
			}
			rekeyChildNow(w, n)
			w.run(10 * time.Second)
			w.checkRest()
		})
	}
}

func describeSAs(all []SA) string {
	var text []string
	for _, sa := range all {
		text = append(text, netip.AddrPort(sa.Remote).String(), string(espOctets(sa.SPI)), string(sa.Keys.Encryption))
	}
	return strings.Join(text, " ")
}
