package admission

import (
	"crypto/rand"
	"net/netip"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

var (
	branch    = netip.MustParseAddrPort("100.64.0.9:500")
	neighbour = netip.MustParseAddrPort("100.64.0.9:1025")
	elsewhere = netip.MustParseAddrPort("198.51.100.7:500")
)

// request returns IKE_SA_INIT as a branch router sends it, with the payloads
// first before all others.
func request(from netip.AddrPort, spi uint64, first ...wire.Payload) Request {
	m := &wire.Message{
		Header: wire.Header{SPIi: spi, Exchange: wire.IKESAInit, Flags: wire.FlagInitiator},
		Payloads: append(first,
			wire.SA{Proposals: []wire.Proposal{{Number: 1, Protocol: wire.ProtocolIKE, Transforms: []wire.Transform{
				{Type: wire.Encryption, ID: 20, KeyBits: 256}, {Type: wire.PRF, ID: 5}, {Type: wire.Group, ID: 31},
			}}}},
			wire.KE{Group: 31, Data: make([]byte, 32)},
			wire.Nonce(make([]byte, 32)),
			wire.Notify{Kind: wire.NATDetectionSourceIP, Data: make([]byte, 20)},
			wire.Notify{Kind: wire.NATDetectionDestinationIP, Data: make([]byte, 20)}),
	}
	return Request{Remote: from, Message: m, Size: len(m.Marshal())}
}

// cookieOf returns the cookie in an answer.
func cookieOf(t *testing.T, answer []byte) wire.Notify {
	t.Helper()
	m, err := wire.Parse(answer)
	if err != nil {
		t.Fatal(err)
	}
	n, ok := wire.FindNotify(m.Payloads, wire.Cookie)
	if !ok || len(n.Data) > 64 || !m.Response() || m.SPIr != 0 {
		t.Fatalf("the answer is %+v, want a cookie of at most 64 octets", m)
	}
	return n
}

func TestStrangerReturnsCookie(t *testing.T) {
	g := New(rand.Reader, DefaultRate)
	admit, answer := g.Judge(0, request(branch, 7))
	if admit {
		t.Fatal("a stranger is let in without a cookie")
	}
	cookie := cookieOf(t, answer)
	for name, test := range map[string]struct {
		after time.Duration
		r     Request
		want  bool
	}{
		"at once":                   {0, request(branch, 7, cookie), true},
		"after the secret's change": {secretTime + time.Second, request(branch, 7, cookie), true},
		"too late":                  {2*secretTime + time.Second, request(branch, 7, cookie), false},
		"after a long silence":      {time.Hour, request(branch, 7, cookie), false},
		"from another port":         {0, request(neighbour, 7, cookie), false},
		"from another address":      {0, request(elsewhere, 7, cookie), false},
		"for another IKE SA":        {0, request(branch, 8, cookie), false},
		"a torn cookie":             {0, request(branch, 7, wire.Notify{Kind: wire.Cookie, Data: cookie.Data[:20]}), false},
		"an empty cookie":           {0, request(branch, 7, wire.Notify{Kind: wire.Cookie}), false},
		"another nonce":             {0, withNonce(request(branch, 7, cookie)), false},
	} {
		t.Run(name, func(t *testing.T) {
			g := *g // each begins with the same secrets
			admit, answer := g.Judge(test.after, test.r)
			if admit != test.want {
				t.Errorf("admitted: %v, want %v", admit, test.want)
			}
			if !admit && len(answer) == 0 {
				t.Error("no new cookie is offered")
			}
		})
	}
}

func withNonce(r Request) Request {
	for i, p := range r.Message.Payloads {
		if _, ok := p.(wire.Nonce); ok {
			r.Message.Payloads[i] = wire.Nonce(append(make([]byte, 31), 1))
		}
	}
	return r
}

// TestVersionsWrap: the version octet comes round, and cookies go on working.
func TestVersionsWrap(t *testing.T) {
	g := New(rand.Reader, DefaultRate)
	for i := range 600 {
		now := time.Duration(i) * secretTime
		_, answer := g.Judge(now, request(branch, 7))
		if admit, _ := g.Judge(now+secretTime, request(branch, 7, cookieOf(t, answer))); !admit {
			t.Fatalf("the cookie of turn %d is not recognized", i)
		}
	}
}

func TestNamedSource(t *testing.T) {
	named := func(r Request) Request {
		r.Named = true
		return r
	}
	g := New(rand.Reader, DefaultRate)
	if admit, _ := g.Judge(0, named(request(branch, 1))); !admit {
		t.Error("a named source is asked for a cookie")
	}
	crowded := named(request(branch, 2))
	crowded.HalfOpen = crowd
	if admit, answer := g.Judge(0, crowded); admit || answer == nil {
		t.Error("a named source that leaves IKE SAs unfinished is not asked for a cookie")
	}
	small := named(request(branch, 3))
	small.Message.Payloads = small.Message.Payloads[:3] // without NAT detection our answer is larger
	small.Size = len(small.Message.Marshal())
	if admit, answer := g.Judge(0, small); admit || answer == nil {
		t.Error("a request smaller than its answer is let in")
	}
	admitted := 0
	for i := range 1000 {
		if admit, _ := g.Judge(time.Second, named(request(branch, uint64(i)+10))); admit {
			admitted++
		}
	}
	if admitted > namedBurst {
		t.Errorf("%d requests in the name of a hub are let in at once", admitted)
	}
}

// TestFlood: a source that returns cookies and never follows up takes no more
// than its share, and its neighbour behind the same NAT gets in right after.
func TestFlood(t *testing.T) {
	g := New(rand.Reader, DefaultRate)
	flood := func(now time.Duration) (admitted int) {
		for i := range 500 {
			_, answer := g.Judge(now, request(branch, uint64(i)+1))
			if admit, _ := g.Judge(now, request(branch, uint64(i)+1, cookieOf(t, answer))); admit {
				admitted++
			}
		}
		return admitted
	}
	if n := flood(0); n != burst*DefaultRate {
		t.Errorf("%d requests are admitted at once, want %d", n, burst*DefaultRate)
	}
	if n := flood(time.Second); n != DefaultRate {
		t.Errorf("%d requests are admitted a second later, want %d", n, DefaultRate)
	}
	later := time.Second + 2*time.Second/DefaultRate
	_, answer := g.Judge(later, request(neighbour, 9))
	if admit, _ := g.Judge(later, request(neighbour, 9, cookieOf(t, answer))); !admit {
		t.Error("the neighbour of one that floods is locked out")
	}
	if c := g.Counters(); c.Admitted != burst*DefaultRate+DefaultRate+1 || c.Cookies != 1001 || c.Refused != 1000-burst*DefaultRate-DefaultRate {
		t.Errorf("counters: %+v", c)
	}
}

func TestMalformedIsNotAnswered(t *testing.T) {
	for name, damage := range map[string]func(*wire.Message){
		"no SPI":               func(m *wire.Message) { m.SPIi = 0 },
		"a responder's SPI":    func(m *wire.Message) { m.SPIr = 1 },
		"a response":           func(m *wire.Message) { m.Flags = wire.FlagResponse },
		"another exchange":     func(m *wire.Message) { m.Exchange = wire.IKEAuth },
		"a later message":      func(m *wire.Message) { m.MessageID = 1 },
		"no proposal":          func(m *wire.Message) { m.Payloads = m.Payloads[1:] },
		"no key exchange":      func(m *wire.Message) { m.Payloads = append(m.Payloads[:1:1], m.Payloads[2:]...) },
		"a nonce of one octet": func(m *wire.Message) { m.Payloads[2] = wire.Nonce{1} },
		"too long a nonce":     func(m *wire.Message) { m.Payloads[2] = wire.Nonce(make([]byte, 257)) },
	} {
		r := request(branch, 7)
		damage(r.Message)
		r.Named = true
		g := New(rand.Reader, DefaultRate)
		if admit, answer := g.Judge(0, r); admit || answer != nil {
			t.Errorf("%s: admitted %v, answer of %d octets", name, admit, len(answer))
		}
	}
}

func FuzzJudge(f *testing.F) {
	for _, r := range []Request{
		request(branch, 7), request(branch, 7, wire.Notify{Kind: wire.Cookie, Data: make([]byte, 33)}),
	} {
		f.Add(r.Message.Marshal(), false)
		f.Add(r.Message.Marshal(), true)
	}
	f.Fuzz(func(t *testing.T, datagram []byte, named bool) {
		m, err := wire.Parse(datagram)
		if err != nil {
			return
		}
		g := New(rand.Reader, DefaultRate)
		admit, answer := g.Judge(0, Request{Remote: branch, Message: m, Size: len(datagram), Named: named})
		switch {
		case admit && !named:
			t.Error("a stranger is let in at the first request")
		case admit && answer != nil:
			t.Error("both admitted and answered")
		case len(answer) > len(datagram):
			t.Errorf("%d octets answer %d", len(answer), len(datagram))
		}
		if answer == nil {
			return
		}
		m.Payloads = append([]wire.Payload{cookieOf(t, answer)}, m.Payloads...)
		if returned, ok := wire.FindNotify(m.Payloads, wire.Cookie); ok && len(returned.Data) > 0 {
			if admit, _ := g.Judge(0, Request{Remote: branch, Message: m, Size: len(datagram)}); !admit {
				t.Error("the cookie that was asked for is not recognized")
			}
		}
	})
}
