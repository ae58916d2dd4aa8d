package suite

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// TestChooseWithWhatIsUnknown offers one proposal that we would take, spoilt or
// accompanied by something we do not know.
func TestChooseWithWhatIsUnknown(t *testing.T) {
	ours := offer(t, ParseESP, "aes256-sha256")
	good := ours.Payload(wire.ProtocolESP, []byte{0, 0, 1, 0}).Proposals[0]
	changed := func(change func(*wire.Proposal)) wire.Proposal {
		p := good
		p.Transforms = slices.Clone(good.Transforms)
		change(&p)
		return p
	}
	add := func(extra ...wire.Transform) wire.Proposal {
		return changed(func(p *wire.Proposal) { p.Transforms = append(p.Transforms, extra...) })
	}
	without := func(kind wire.TransformType) wire.Proposal {
		return changed(func(p *wire.Proposal) {
			p.Transforms = slices.DeleteFunc(p.Transforms, func(t wire.Transform) bool { return t.Type == kind })
		})
	}
	foreign := func(kind wire.TransformType) wire.Proposal {
		return changed(func(p *wire.Proposal) {
			for i := range p.Transforms {
				p.Transforms[i].Foreign = p.Transforms[i].Foreign || p.Transforms[i].Type == kind
			}
		})
	}
	for name, test := range map[string]struct {
		proposals []wire.Proposal
		want      bool
	}{
		"as it is":                      {[]wire.Proposal{good}, true},
		"an unknown algorithm beside":   {[]wire.Proposal{add(wire.Transform{Type: wire.Encryption, ID: 1000})}, true},
		"an unknown transform type":     {[]wire.Proposal{add(wire.Transform{Type: 6, ID: 1})}, false},
		"the reserved transform type":   {[]wire.Proposal{add(wire.Transform{ID: 1})}, false},
		"no encryption":                 {[]wire.Proposal{without(wire.Encryption)}, false},
		"no sequence numbers":           {[]wire.Proposal{without(wire.ESN)}, false},
		"no integrity":                  {[]wire.Proposal{without(wire.Integrity)}, false},
		"integrity of none":             {[]wire.Proposal{changed(func(p *wire.Proposal) { p.Transforms[1].ID = 0 })}, false},
		"null encryption":               {[]wire.Proposal{changed(func(p *wire.Proposal) { p.Transforms[0] = wire.Transform{Type: wire.Encryption, ID: 11} })}, false},
		"no key length":                 {[]wire.Proposal{changed(func(p *wire.Proposal) { p.Transforms[0].KeyBits = 0 })}, false},
		"a key length of the integrity": {[]wire.Proposal{changed(func(p *wire.Proposal) { p.Transforms[1].KeyBits = 256 })}, false},
		"an unknown attribute":          {[]wire.Proposal{foreign(wire.Encryption)}, false},
		"the same without it beside": {[]wire.Proposal{func() wire.Proposal {
			p := foreign(wire.Encryption)
			p.Transforms = append(p.Transforms, good.Transforms[0])
			return p
		}()}, true},
		"group none as one of the ways":   {[]wire.Proposal{add(wire.Transform{Type: wire.Group}, wire.Transform{Type: wire.Group, ID: 14})}, true},
		"a group and no none":             {[]wire.Proposal{add(wire.Transform{Type: wire.Group, ID: 14})}, false},
		"another protocol":                {[]wire.Proposal{changed(func(p *wire.Proposal) { p.Protocol = 2 })}, false},
		"a good one behind one with more": {[]wire.Proposal{add(wire.Transform{Type: 6, ID: 1}), changed(func(p *wire.Proposal) { p.Number = 2 })}, true},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, ok := ours.Choose(wire.SA{Proposals: test.proposals}, wire.ProtocolESP)
			if ok != test.want {
				t.Fatalf("chosen %v, want %v", ok, test.want)
			}
			if !ok {
				return
			}
			last := test.proposals[len(test.proposals)-1]
			if chosen.Number != last.Number || !single(chosen.Transforms) {
				t.Errorf("proposal %d with %v, want one of each kind of proposal %d", chosen.Number, chosen.Transforms, last.Number)
			}
			for _, picked := range chosen.Transforms {
				if !slices.Contains(last.Transforms, picked) {
					t.Errorf("%+v was not offered", picked)
				}
			}
		})
	}
}

// TestOffersAreNumberedAndSeparate looks at what we send.
func TestOffersAreNumberedAndSeparate(t *testing.T) {
	sa := offer(t, ParseIKE, "aes256gcm16-prfsha384-ecp384", "aes256-aes128-sha256-ecp256", "aes128gcm16-prfsha256-ecp256").Payload(wire.ProtocolIKE, nil)
	for i, p := range sa.Proposals {
		if int(p.Number) != i+1 {
			t.Errorf("proposal %d bears number %d", i+1, p.Number)
		}
		aead := slices.ContainsFunc(p.Transforms, func(t wire.Transform) bool { return t.Type == wire.Encryption && isAEAD(t) })
		integrity := slices.ContainsFunc(p.Transforms, func(t wire.Transform) bool { return t.Type == wire.Integrity })
		if aead == integrity {
			t.Errorf("proposal %d: AEAD %v and integrity %v", p.Number, aead, integrity)
		}
		for _, kind := range []wire.TransformType{wire.Encryption, wire.PRF, wire.Group} {
			if !slices.ContainsFunc(p.Transforms, func(t wire.Transform) bool { return t.Type == kind && t.ID != 0 }) {
				t.Errorf("proposal %d has no transform of type %d", p.Number, kind)
			}
		}
	}
}

// TestAlgorithms is the table of RFC 8247 and RFC 8221 as far as it says MUST,
// SHOULD and MUST NOT of what we could have.
func TestAlgorithms(t *testing.T) {
	for _, word := range []string{ // MUST and SHOULD
		"aes128-sha256-modp2048", "aes256-sha256-prfsha256-modp2048", "aes256gcm16-prfsha512-ecp256",
		"aes128gcm16-prfsha256-curve25519", "aes256-sha512-prfsha512-ecp256", "aes128-sha1-prfsha1-modp2048",
	} {
		if _, err := ParseIKE(word); err != nil {
			t.Errorf("IKE %s: %v", word, err)
		}
	}
	for _, word := range []string{"aes128-sha256", "aes256-sha256", "aes128gcm16", "aes256gcm16", "aes256-sha512", "aes128-sha1", "aes256gcm16-esn"} {
		if _, err := ParseESP(word); err != nil {
			t.Errorf("ESP %s: %v", word, err)
		}
	}
	for _, word := range []string{ // MUST NOT and SHOULD NOT
		"des-sha256-modp2048", "aes256-md5-modp2048", "aes256-sha256-prfmd5-modp2048", "aes256-sha256-modp768", "aes256-sha256-modp1024",
		"aes256-sha256-modp1024s160", "aes256-sha256-modp2048s224", "aes256-sha256-modp2048s256", "3des-sha256-modp2048",
	} {
		if p, err := ParseIKE(word); err == nil {
			t.Errorf("IKE %s is accepted: %s", word, p)
		}
	}
	for word, instead := range map[string]string{ // neither, and not ours
		"chacha20poly1305-prfsha256-curve25519": "aes256gcm16", "aes128ccm8-prfsha256-ecp256": "known are", "aes256-sha256-modp1536": "legacy",
	} {
		if p, err := ParseIKE(word); err == nil || !strings.Contains(err.Error(), instead) {
			t.Errorf("IKE %s: %s, %v; want an error that says %q", word, p, err, instead)
		}
	}
	for _, word := range []string{"des-sha256", "null-sha256", "aes256-md5", "blowfish-sha256", "cast-sha256", "3des-sha256"} {
		if p, err := ParseESP(word); err == nil {
			t.Errorf("ESP %s is accepted: %s", word, p)
		}
	}
}

// TestEveryAlgorithmIsDocumented demands that docs/configuration.md names what
// can be written.
func TestEveryAlgorithmIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range algorithms {
		if !strings.Contains(string(page), "`"+a.name+"`") {
			t.Errorf("docs/configuration.md does not name %s", a.name)
		}
	}
}
