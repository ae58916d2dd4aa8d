package nat64

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

const testID = 0x1234

// answer returns the answer of a DNS64 with AAAA records, all of the time to live.
func answer(t testing.TB, ttl uint32, addresses ...string) []byte {
	t.Helper()
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: testID, Response: true},
		Questions: []dnsmessage.Question{question},
	}
	for _, a := range addresses {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class, TTL: ttl},
			Body:   &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(a).As16()},
		})
	}
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestQuestion has the octets of the DNS message (RFC 1035, 4.1).
func TestQuestion(t *testing.T) {
	got, err := Question(testID)
	want := "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x08ipv4only\x04arpa\x00\x00\x1c\x00\x01"
	if err != nil || string(got) != want {
		t.Errorf("it is %x, %v, want %x", got, err, want)
	}
}

func TestParseAnswer(t *testing.T) {
	for _, test := range []struct {
		name      string
		addresses []string
		want      []string
	}{
		{"none", nil, nil},
		{"/96", []string{"64:ff9b::192.0.0.170", "64:ff9b::192.0.0.171"}, []string{"64:ff9b::/96"}},
		{"/64", []string{"2001:db8:122:344:c0:0:aa00::"}, []string{"2001:db8:122:344::/64"}},
		{"/56", []string{"2001:db8:122:3c0:0:ab::"}, []string{"2001:db8:122:300::/56"}},
		{"/48", []string{"2001:db8:122:c000:0:aa00::"}, []string{"2001:db8:122::/48"}},
		{"/40", []string{"2001:db8:1c0:0:aa::"}, []string{"2001:db8:100::/40"}},
		{"/32", []string{"2001:db8:c000:aa::"}, []string{"2001:db8::/32"}},
		{"several, in their order", []string{"2001:db8:1::192.0.0.170", "64:ff9b::192.0.0.170", "2001:db8:1::192.0.0.171", "64:ff9b::192.0.0.171"},
			[]string{"2001:db8:1::/96", "64:ff9b::/96"}},
		{"another address", []string{"2001:db8::1", "64:ff9b::192.0.0.169"}, nil},
		{"something behind", []string{"2001:db8:c000:aa::1"}, nil},
		{"bits 64 to 71", []string{"2001:db8:122:c000:100:aa00::"}, nil},
		{"one address in the prefix of the other", []string{"2001:db8:c000:aa::192.0.0.170"}, []string{"2001:db8:c000:aa::/96"}},
	} {
		got, err := ParseAnswer(answer(t, 300, test.addresses...), testID)
		var prefixes []string
		for _, o := range got {
			prefixes = append(prefixes, o.Prefix.String())
			if o.Lifetime != 300*time.Second {
				t.Errorf("%s: lifetime is %v", test.name, o.Lifetime)
			}
		}
		if err != nil || !slices.Equal(prefixes, test.want) {
			t.Errorf("%s: %v, %v, want %v", test.name, prefixes, err, test.want)
		}
	}
}

func TestParseAnswerRefuses(t *testing.T) {
	good := answer(t, 300, "64:ff9b::192.0.0.170")
	for name, change := range map[string]func(b []byte) []byte{
		"nothing":          func([]byte) []byte { return nil },
		"another id":       func(b []byte) []byte { b[0]++; return b },
		"a question":       func(b []byte) []byte { b[2] &^= 0x80; return b },
		"another type":     func(b []byte) []byte { b[12+16] = 1; return b },
		"another name":     func(b []byte) []byte { b[13] = 'j'; return b },
		"no question":      func(b []byte) []byte { b[5] = 0; return b },
		"two questions":    func(b []byte) []byte { b[5] = 2; return b },
		"failure":          func(b []byte) []byte { b[3] |= 2; return b },
		"refused":          func(b []byte) []byte { b[3] |= 5; return b },
		"cut in its names": func(b []byte) []byte { return b[:20] },
	} {
		if got, err := ParseAnswer(change(slices.Clone(good)), testID); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	// That there is no such name is an answer, and half a record is none.
	unknown := slices.Clone(good)
	unknown[3] |= 3
	for name, b := range map[string][]byte{"no such name": unknown, "cut": good[:len(good)-1]} {
		if got, err := ParseAnswer(b, testID); err != nil || len(got) != 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	upper := slices.Clone(good)
	upper[13] = 'I'
	if got, err := ParseAnswer(upper, testID); err != nil || len(got) != 1 {
		t.Errorf("in capital letters: %v, %v", got, err)
	}
}

// TestShortestLifetimeCounts of the records of a prefix.
func TestShortestLifetimeCounts(t *testing.T) {
	b := answer(t, 300, "64:ff9b::192.0.0.170", "64:ff9b::192.0.0.171")
	b[len(b)-19] = 7 // the last octet of the second time to live
	got, err := ParseAnswer(b, testID)
	if want := time.Duration(300&^0xff|7) * time.Second; err != nil || len(got) != 1 || got[0].Lifetime != want {
		t.Errorf("the offer is %v, %v, want one of %v", got, err, want)
	}
}

// FuzzParseAnswer: whatever is offered is a prefix, and not more than there are
// octets.
func FuzzParseAnswer(f *testing.F) {
	f.Add(answer(f, 300, "64:ff9b::192.0.0.170", "64:ff9b::192.0.0.171"))
	f.Add(answer(f, 1, "2001:db8:c000:aa::"))
	f.Fuzz(func(t *testing.T, b []byte) {
		offers, _ := ParseAnswer(b, testID)
		if len(offers) > len(b) {
			t.Errorf("%x offers %v", b, offers)
		}
		for _, o := range offers {
			if _, err := NewPrefix(o.Prefix.Prefix()); err != nil {
				t.Errorf("%x offers %v", b, o)
			}
		}
	})
}
