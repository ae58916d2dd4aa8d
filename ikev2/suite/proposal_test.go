package suite

import (
	"strings"
	"testing"

	"github.com/farspoke/farspoke/ikev2/wire"
)

func offer(t testing.TB, parse func(string) (Proposal, error), words ...string) Offer {
	t.Helper()
	var o Offer
	for _, word := range words {
		p, err := parse(word)
		if err != nil {
			t.Fatal(err)
		}
		o = append(o, p)
	}
	return o
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"aes256gcm16-prfsha384-ecp384":            "aes256gcm16-prfsha384-ecp384",
		"AES256-SHA2_256-modp2048":                "aes256-sha256-modp2048-prfsha256",
		"aes-sha1-sha256-x25519-ecp256":           "aes128-sha1-sha256-curve25519-ecp256-prfsha1-prfsha256",
		"aes256-aes128-sha256-prfsha512-modp3072": "aes256-aes128-sha256-prfsha512-modp3072",
		"legacy-aes128-sha1-modp1536":             "legacy-aes128-sha1-modp1536-prfsha1",
		"legacy-aes256-sha1-modp2048":             "aes256-sha1-modp2048-prfsha1",
	} {
		if p, err := ParseIKE(text); err != nil || p.String() != want {
			t.Errorf("ParseIKE(%q) = %s, %v; want %s", text, p, err, want)
		}
	}
	for text, want := range map[string]string{
		"aes256gcm16":             "aes256gcm16",
		"aes256-sha1":             "aes256-sha1",
		"aes128gcm128-ecp256-esn": "aes128gcm16-ecp256-esn",
	} {
		if p, err := ParseESP(text); err != nil || p.String() != want {
			t.Errorf("ParseESP(%q) = %s, %v; want %s", text, p, err, want)
		}
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"aes265-sha256-modp2048":         `"aes265" is no algorithm we know`,
		"3des-sha1-modp2048":             "3DES is weak",
		"aes256-sha1-modp1536":           "group 5",
		"aes256-modp2048":                "no integrity algorithm",
		"aes256gcm16-sha256-modp2048":    "protects integrity itself; leave out sha256",
		"aes256gcm16-ecp256":             "no pseudo-random function",
		"aes256-sha256":                  "no key exchange group",
		"sha256-modp2048":                "no cipher",
		"aes256gcm16-aes256-sha1-ecp256": "write two proposals",
		"aes256-sha256-ecp256-esn":       "leave out esn",
		"":                               "no algorithm",
		"legacy-aes256-sha1-modp1024":    "group 2",
		"aes256-legacy-sha1-modp1536":    `"legacy" is no algorithm`,
	} {
		if p, err := ParseIKE(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseIKE(%q) = %v, %v; want an error with %q", text, p, err, want)
		}
	}
	if _, err := ParseESP("aes256-sha256-prfsha256"); err == nil {
		t.Error("ParseESP accepts a pseudo-random function")
	}
}

func TestSequenceNumbersAreChosen(t *testing.T) {
	for _, test := range []struct{ ours, theirs, want string }{
		{"aes256gcm16", "aes256gcm16", "aes256gcm16-esn"},
		{"aes256gcm16", "aes256gcm16-noesn", "aes256gcm16"},
		{"aes256gcm16-noesn", "aes256gcm16", "aes256gcm16"},
		{"aes256gcm16-noesn-esn", "aes256gcm16", "aes256gcm16"},
		{"aes256gcm16-esn", "aes256gcm16-noesn", ""},
	} {
		ours, theirs := offer(t, ParseESP, test.ours), offer(t, ParseESP, test.theirs)
		chosen, ok := ours.Choose(theirs.Payload(wire.ProtocolESP, nil), wire.ProtocolESP)
		if got := NewESP(chosen).String(); ok != (test.want != "") || ok && got != test.want {
			t.Errorf("%s asked for %s: %s, %v; want %s", test.ours, test.theirs, got, ok, test.want)
		}
	}
}

func TestChooseAndAccept(t *testing.T) {
	ours := offer(t, ParseIKE, "aes256gcm16-prfsha384-ecp384", "aes256-sha256-sha1-ecp256-modp2048")
	for name, test := range map[string]struct {
		theirs []string
		want   string
	}{
		"both know both":            {[]string{"aes256-sha1-modp2048", "aes256gcm16-prfsha384-ecp384"}, "aes256gcm16-prfsha384-ecp384"},
		"our preference decides":    {[]string{"aes256-sha1-sha256-modp2048-ecp256"}, "aes256-sha256-prfsha256-ecp256"},
		"only the weaker hash":      {[]string{"aes128-aes256-sha1-modp2048"}, "aes256-sha1-prfsha1-modp2048"},
		"no common group":           {[]string{"aes256-sha1-modp3072"}, ""},
		"no common cipher":          {[]string{"aes128-sha1-modp2048"}, ""},
		"hash and prf must both do": {[]string{"aes256-sha1-prfsha512-modp2048"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := offer(t, ParseIKE, test.theirs...)
			chosen, ok := ours.Choose(theirs.Payload(wire.ProtocolIKE, nil), wire.ProtocolIKE)
			if !ok {
				if test.want != "" {
					t.Errorf("nothing chosen, want %s", test.want)
				}
				return
			}
			if got := NewIKE(chosen).String(); got != test.want {
				t.Errorf("chosen %s, want %s", got, test.want)
			}
			if _, err := theirs.Accepted(wire.SA{Proposals: []wire.Proposal{chosen}}, wire.ProtocolIKE); err != nil {
				t.Errorf("the peer would refuse our choice: %v", err)
			}
		})
	}
}

func TestAcceptedRefusesWhatWasNotOffered(t *testing.T) {
	ours := offer(t, ParseESP, "aes256gcm16-ecp256", "aes256-sha256-ecp256")
	good, _ := ours.Choose(ours.Payload(wire.ProtocolESP, nil), wire.ProtocolESP)
	with := func(change func(*wire.Proposal)) wire.Proposal {
		p := good
		p.Transforms = append([]wire.Transform(nil), good.Transforms...)
		change(&p)
		return p
	}
	for name, sa := range map[string]wire.SA{
		"none":              {},
		"two":               {Proposals: []wire.Proposal{good, good}},
		"unoffered number":  {Proposals: []wire.Proposal{with(func(p *wire.Proposal) { p.Number = 3 })}},
		"number zero":       {Proposals: []wire.Proposal{with(func(p *wire.Proposal) { p.Number = 0 })}},
		"wrong number":      {Proposals: []wire.Proposal{with(func(p *wire.Proposal) { p.Number = 2 })}},
		"other protocol":    {Proposals: []wire.Proposal{with(func(p *wire.Proposal) { p.Protocol = wire.ProtocolIKE })}},
		"shorter key":       {Proposals: []wire.Proposal{with(func(p *wire.Proposal) { p.Transforms[0].KeyBits = 128 })}},
		"without the group": {Proposals: []wire.Proposal{with(func(p *wire.Proposal) { p.Transforms = append(p.Transforms[:1], p.Transforms[2:]...) })}},
		"two of a kind":     {Proposals: []wire.Proposal{with(func(p *wire.Proposal) { p.Transforms = append(p.Transforms, p.Transforms[0]) })}},
		"foreign attribute": {Proposals: []wire.Proposal{with(func(p *wire.Proposal) { p.Transforms[0].Foreign = true })}},
	} {
		if _, err := ours.Accepted(sa, wire.ProtocolESP); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := ours.Accepted(wire.SA{Proposals: []wire.Proposal{good}}, wire.ProtocolESP); err != nil {
		t.Errorf("our own choice is refused: %v", err)
	}
}

func TestForwardSecrecyIsNotNegotiatedAway(t *testing.T) {
	with := offer(t, ParseESP, "aes256gcm16-ecp256")
	without := with.WithGroups()
	if _, ok := with.Choose(without.Payload(wire.ProtocolESP, nil), wire.ProtocolESP); ok {
		t.Error("a peer without a group is accepted although we demand one")
	}
	if _, ok := without.Choose(with.Payload(wire.ProtocolESP, nil), wire.ProtocolESP); ok {
		t.Error("a group is left out although the peer demands one")
	}
}
