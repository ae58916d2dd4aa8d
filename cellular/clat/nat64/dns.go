package nat64

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// wellKnown are the only IPv4 addresses of ipv4only.arpa. (RFC 7050, 8.2). Any AAAA
// record of that name is made of one of them by the network's DNS64.
var wellKnown = [][4]byte{{192, 0, 0, 170}, {192, 0, 0, 171}}

// question is what the network's DNS servers are asked for.
var question = dnsmessage.Question{
	Name:  dnsmessage.MustNewName("ipv4only.arpa."),
	Type:  dnsmessage.TypeAAAA,
	Class: dnsmessage.ClassINET,
}

// Question returns the DNS message that asks which prefix the network has.
func Question(id uint16) ([]byte, error) {
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{question},
	}
	b, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("pack the question for the NAT64's prefix: %w", err)
	}
	return b, nil
}

// ErrNotOurs says that a message answers another question, or none.
var ErrNotOurs = errors.New("DNS message that does not answer the question")

// ParseAnswer returns the prefixes that the answer to Question with the same id
// offers, the best first. There are none if the network's DNS knows of no NAT64. An
// answer that is cut short, or has no room for all, counts by what is there.
func ParseAnswer(b []byte, id uint16) ([]Offer, error) {
	var p dnsmessage.Parser
	header, err := p.Start(b)
	if err != nil || !header.Response || header.ID != id {
		return nil, ErrNotOurs
	}
	asked, err := p.AllQuestions()
	switch {
	case err != nil || len(asked) != 1 || asked[0].Type != question.Type || asked[0].Class != question.Class || !isQuestion(asked[0].Name):
		return nil, ErrNotOurs
	case header.RCode == dnsmessage.RCodeNameError:
		return nil, nil
	case header.RCode != dnsmessage.RCodeSuccess:
		return nil, fmt.Errorf("DNS server says %v about the NAT64's prefix", header.RCode)
	}
	return offers(&p), nil
}

// isQuestion reports whether the name is the one that we ask for, in letters of
// any case.
func isQuestion(name dnsmessage.Name) bool {
	const difference = 'a' - 'A'
	want := question.Name
	if name.Length != want.Length {
		return false
	}
	for i := range name.Data[:name.Length] {
		octet := name.Data[i]
		if octet >= 'A' && octet <= 'Z' {
			octet += difference
		}
		if octet != want.Data[i] {
			return false
		}
	}
	return true
}

// offers returns what the AAAA records of the name offer, up to where the answer is
// cut. That which comes first is the best; of those for one prefix the shortest
// lifetime counts.
func offers(p *dnsmessage.Parser) (all []Offer) {
	for {
		header, err := p.AnswerHeader()
		if err != nil {
			return all
		}
		if header.Type != dnsmessage.TypeAAAA || header.Class != dnsmessage.ClassINET || !isQuestion(header.Name) {
			if p.SkipAnswer() != nil {
				return all
			}
			continue
		}
		body, err := p.AAAAResource()
		if err != nil {
			return all
		}
		prefix, ok := explain(body.AAAA)
		if !ok {
			continue
		}
		lifetime := time.Duration(header.TTL) * time.Second
		if i := slices.IndexFunc(all, func(o Offer) bool { return o.Prefix == prefix }); i >= 0 {
			all[i].Lifetime = min(all[i].Lifetime, lifetime)
		} else {
			all = append(all, Offer{prefix, lifetime})
		}
	}
}

// explain returns the prefix of which the address is made, if it is made of a
// well-known one. As nothing is behind that, there is only one way to explain an
// address.
func explain(address [16]byte) (Prefix, bool) {
	for _, length := range lengths {
		prefix, err := NewPrefix(netip.PrefixFrom(netip.AddrFrom16(address), length))
		if err != nil {
			continue
		}
		inside, _ := prefix.Extract(address)
		if slices.Contains(wellKnown, inside) && prefix.Embed(inside) == address {
			return prefix, true
		}
	}
	return Prefix{}, false
}
