package suite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// Proposal is one alternative of an offer: any one algorithm of each kind it
// lists, the preferred ones first.
type Proposal []wire.Transform

// Offer is a list of alternatives, the preferred ones first.
type Offer []Proposal

// ParseIKE reads a proposal for an IKE SA, such as
// "aes256gcm16-prfsha384-ecp384" or "aes256-sha256-modp2048". Without a
// pseudo-random function those of the integrity algorithms are meant.
func ParseIKE(text string) (Proposal, error) {
	p, err := parse(text)
	if err != nil {
		return nil, err
	}
	if err := p.checkCipher(text); err != nil {
		return nil, err
	}
	if len(p.of(wire.PRF)) == 0 {
		for _, t := range p.of(wire.Integrity) {
			a, _ := byTransform(t)
			prf, _ := byName("prf" + a.name)
			p = append(p, prf.transform)
		}
	}
	switch {
	case len(p.of(wire.PRF)) == 0:
		return nil, fmt.Errorf("%q has no pseudo-random function; add one, as in %q", text, text+"-prfsha256")
	case len(p.of(wire.Group)) == 0:
		return nil, fmt.Errorf("%q has no key exchange group; add one, as in %q", text, text+"-ecp256")
	case len(p.of(wire.ESN)) > 0:
		return nil, fmt.Errorf("%q: sequence numbers are a matter of ESP, not of IKE; leave out esn and noesn", text)
	}
	return p, nil
}

// ParseESP reads a proposal for ESP, such as "aes256gcm16" or "aes256-sha1". A
// group asks for perfect forward secrecy, "esn" for extended sequence numbers
// (RFC 4304) and "noesn" for plain ones; with neither word the peer has the
// choice.
func ParseESP(text string) (Proposal, error) {
	p, err := parse(text)
	if err != nil {
		return nil, err
	}
	if err := p.checkCipher(text); err != nil {
		return nil, err
	}
	if len(p.of(wire.PRF)) > 0 {
		return nil, fmt.Errorf("%q: a pseudo-random function is a matter of IKE, not of ESP; leave it out", text)
	}
	if len(p.of(wire.ESN)) == 0 {
		p = append(p, wire.Transform{Type: wire.ESN, ID: esnOn}, wire.Transform{Type: wire.ESN, ID: esnOff})
	}
	return p, nil
}

func parse(text string) (Proposal, error) {
	var p Proposal
	words, marked := strings.CutPrefix(strings.ToLower(text), legacyWord+"-")
	for word := range strings.SplitSeq(words, "-") {
		if reason, ok := refused[word]; ok {
			return nil, fmt.Errorf("%q: %s", word, reason)
		}
		if reason, ok := legacy[word]; ok && !marked {
			return nil, fmt.Errorf("%q: %s", word, reason)
		}
		a, ok := byName(word)
		if !ok {
			return nil, fmt.Errorf("%q is no algorithm we know; known are %s", word, known())
		}
		if !slices.Contains(p, a.transform) {
			p = append(p, a.transform)
		}
	}
	return p, nil
}

func known() string {
	var names []string
	for _, a := range algorithms {
		if legacy[a.name] == "" {
			names = append(names, a.name)
		}
	}
	return strings.Join(names, " ")
}

// checkCipher demands ciphers of one sort: those that protect integrity
// themselves stand without, all others with integrity algorithms (RFC 7296
// section 3.3).
func (p Proposal) checkCipher(text string) error {
	ciphers, integrity := p.of(wire.Encryption), p.of(wire.Integrity)
	aead := slices.IndexFunc(ciphers, isAEAD) >= 0
	switch {
	case len(ciphers) == 0:
		return fmt.Errorf("%q has no cipher; begin with one, as in %q", text, "aes256gcm16-"+text)
	case aead && slices.ContainsFunc(ciphers, func(t wire.Transform) bool { return !isAEAD(t) }):
		return fmt.Errorf("%q mixes AES-GCM and AES-CBC; write two proposals", text)
	case aead && len(integrity) > 0:
		return fmt.Errorf("%q: AES-GCM protects integrity itself; leave out %s", text, Name(integrity[0]))
	case !aead && len(integrity) == 0:
		return fmt.Errorf("%q has no integrity algorithm; add one, as in %q", text, text+"-sha256")
	}
	return nil
}

func isAEAD(t wire.Transform) bool { return t.ID == encryptionAESGCM16 }

func (p Proposal) of(kind wire.TransformType) []wire.Transform {
	var found []wire.Transform
	for _, t := range p {
		if t.Type == kind {
			found = append(found, t)
		}
	}
	return found
}

// Legacy reports whether the proposal holds what only one that is marked so may.
func (p Proposal) Legacy() bool {
	return slices.ContainsFunc(p, func(t wire.Transform) bool { return legacy[Name(t)] != "" })
}

// String returns the proposal as operators write it. That plain sequence numbers
// will do is not worth a word.
func (p Proposal) String() string {
	var names []string
	if p.Legacy() {
		names = append(names, legacyWord)
	}
	plain := slices.Contains(p, wire.Transform{Type: wire.ESN, ID: esnOff})
	for _, t := range p {
		if t.Type == wire.ESN && plain {
			continue
		}
		names = append(names, Name(t))
	}
	return strings.Join(names, "-")
}

// String returns the offer as operators write it.
func (o Offer) String() string {
	var all []string
	for _, p := range o {
		all = append(all, p.String())
	}
	return strings.Join(all, ", ")
}

// Groups returns the key exchange groups of the offer, the preferred ones
// first.
func (o Offer) Groups() []GroupID {
	var groups []GroupID
	for _, p := range o {
		for _, t := range p.of(wire.Group) {
			if !slices.Contains(groups, GroupID(t.ID)) {
				groups = append(groups, GroupID(t.ID))
			}
		}
	}
	return groups
}

// WithGroups returns the offer with exactly the given groups in each proposal.
func (o Offer) WithGroups(groups ...GroupID) Offer {
	changed := make(Offer, len(o))
	for i, p := range o {
		for _, t := range p {
			if t.Type != wire.Group {
				changed[i] = append(changed[i], t)
			}
		}
		for _, g := range groups {
			changed[i] = append(changed[i], wire.Transform{Type: wire.Group, ID: uint16(g)})
		}
	}
	return changed
}

// Payload returns the offer as it is sent.
func (o Offer) Payload(protocol wire.Protocol, spi []byte) wire.SA {
	var sa wire.SA
	for i, p := range o {
		sa.Proposals = append(sa.Proposals, wire.Proposal{
			Number: uint8(i + 1), Protocol: protocol, SPI: spi, Transforms: p,
		})
	}
	return sa
}

// FromPayload returns what a peer offers or chose, to be shown to an operator.
func FromPayload(sa wire.SA) Offer {
	var o Offer
	for _, p := range sa.Proposals {
		o = append(o, p.Transforms)
	}
	return o
}

// Accepted checks what the peer chose against the offer: one proposal of ours,
// with one algorithm of each kind in it.
func (o Offer) Accepted(sa wire.SA, protocol wire.Protocol) (wire.Proposal, error) {
	if len(sa.Proposals) != 1 {
		return wire.Proposal{}, fmt.Errorf("peer chose %d proposals instead of one", len(sa.Proposals))
	}
	chosen := sa.Proposals[0]
	if chosen.Protocol != protocol || chosen.Number == 0 || int(chosen.Number) > len(o) {
		return wire.Proposal{}, fmt.Errorf("peer chose proposal %d for protocol %d, which we did not offer", chosen.Number, chosen.Protocol)
	}
	if _, ok := match(o[chosen.Number-1], chosen.Transforms); !ok || !single(chosen.Transforms) {
		return wire.Proposal{}, fmt.Errorf("peer chose %s, which is not in what we offered: %s",
			Proposal(chosen.Transforms), o[chosen.Number-1])
	}
	return chosen, nil
}

// Choose picks from what the peer offers, by our own order of preference.
func (o Offer) Choose(sa wire.SA, protocol wire.Protocol) (wire.Proposal, bool) {
	for _, ours := range o {
		for _, theirs := range sa.Proposals {
			if theirs.Protocol != protocol {
				continue
			}
			if transforms, ok := match(ours, theirs.Transforms); ok {
				return wire.Proposal{
					Number: theirs.Number, Protocol: protocol, SPI: theirs.SPI, Transforms: transforms,
				}, true
			}
		}
	}
	return wire.Proposal{}, false
}

// match returns the algorithm of each kind that ours prefers among theirs. A
// kind that only one side lists matches if the value 0, none, stands in it.
func match(ours Proposal, theirs []wire.Transform) ([]wire.Transform, bool) {
	var chosen []wire.Transform
	for kind := wire.Encryption; kind <= wire.ESN; kind++ {
		candidates, offered := ours.of(kind), Proposal(theirs).of(kind)
		if len(candidates) == 0 && len(offered) == 0 {
			continue
		}
		none := wire.Transform{Type: kind}
		if len(candidates) == 0 {
			if !slices.Contains(offered, none) {
				return nil, false
			}
			chosen = append(chosen, none)
			continue
		}
		i := slices.IndexFunc(candidates, func(t wire.Transform) bool { return slices.Contains(offered, t) })
		if i < 0 {
			return nil, false
		}
		chosen = append(chosen, candidates[i])
	}
	unknown := func(t wire.Transform) bool { return t.Type < wire.Encryption || t.Type > wire.ESN }
	return chosen, !slices.ContainsFunc(theirs, unknown)
}

func single(transforms []wire.Transform) bool {
	kinds := make(map[wire.TransformType]bool)
	for _, t := range transforms {
		if kinds[t.Type] {
			return false
		}
		kinds[t.Type] = true
	}
	return true
}
