// Package admission decides which IKE_SA_INIT requests are worth a key exchange
// and memory. It stands between the sockets and the sessions of a responder,
// and is pure: time and randomness are passed in.
//
// The parties are sources that somebody here has named, such as a hub, and all
// others. A source that was not named is always asked first to show that it is
// where it says, by returning a cookie (RFC 7296 section 2.6). So is a named
// one when requests in its name come too fast or are not followed up, because
// anybody can write its address on a packet.
//
// What holds at all times:
//
//   - Until a source has returned a cookie nothing is kept of it, and nothing
//     is sent to it that is larger than what it sent.
//   - There is no limit for one address. Hundreds of branches may share that of
//     a carrier's NAT, and one of them that misbehaves must not lock out the
//     others; the limit is on all together, so that the processor has time left
//     for those who are in.
package admission

import (
	"crypto/sha1"
	"io"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

const (
	// DefaultRate is of requests that have returned a cookie, per second. Each
	// costs a key exchange, some 15 ms of a small processor at the worst.
	DefaultRate = 20
	// burst is how many seconds' requests may come at once.
	burst = 2
	// namedRate and namedBurst are of those that are let in without one.
	namedRate, namedBurst = 2, 8
	// crowd is how many IKE SAs a named source may leave unfinished before it is
	// asked for a cookie too.
	crowd = 2
	// ourNonce is the length of the nonce in our answer.
	ourNonce           = 32
	minNonce, maxNonce = 16, 256 // RFC 7296 section 2.10
)

// Request is an IKE_SA_INIT request as it arrived.
type Request struct {
	Remote  netip.AddrPort
	Message *wire.Message
	// Size is that of the datagram in octets.
	Size int
	// Named says that somebody here asked for this address, and HalfOpen how many
	// IKE SAs it has begun and not authenticated.
	Named    bool
	HalfOpen int
}

// Counters count what became of the requests.
type Counters struct {
	Admitted uint64 `json:"admitted"`
	Cookies  uint64 `json:"cookies-sent"`
	// Refused are those that were not answered: malformed, or too many.
	Refused uint64 `json:"refused"`
}

// Gate is the decision and the little it has to remember: two secrets and two
// levels. It is not safe for concurrent use.
type Gate struct {
	jar      jar
	proven   Bucket
	named    Bucket
	counters Counters
}

// New returns a Gate that draws the secrets of its cookies from random, and lets
// in rate requests a second that have returned one.
func New(random io.Reader, rate int) *Gate {
	return &Gate{
		jar:    jar{random: random},
		proven: Bucket{Rate: rate, Burst: burst * rate}, named: Bucket{Rate: namedRate, Burst: namedBurst},
	}
}

// Judge decides about a request: to admit it, to send answer back, or neither.
func (g *Gate) Judge(now time.Duration, r Request) (admit bool, answer []byte) {
	nonce, ok := begins(r.Message)
	if !ok {
		g.counters.Refused++
		return false, nil
	}
	asked := claim{remote: r.Remote, spi: r.Message.SPIi, nonce: nonce}
	switch cookie, returned := wire.FindNotify(r.Message.Payloads, wire.Cookie); {
	case returned && g.jar.recognizes(now, asked, cookie.Data):
		admit = g.proven.Take(now)
	case r.Named && r.HalfOpen < crowd && !amplifies(r) && g.named.Take(now):
		admit = true
	default:
		answer = challenge(r.Message.SPIi, g.jar.cookie(now, asked))
	}
	switch {
	case admit:
		g.counters.Admitted++
	case answer != nil && len(answer) <= r.Size:
		g.counters.Cookies++
	default:
		g.counters.Refused++
		answer = nil
	}
	return admit, answer
}

// Counters returns what became of the requests so far.
func (g *Gate) Counters() Counters { return g.counters }

// Begins reports whether a header is that of a request that begins an IKE SA.
func Begins(h wire.Header) bool {
	return h.Exchange == wire.IKESAInit && !h.Response() && h.FromInitiator() && h.SPIi != 0 && h.SPIr == 0 && h.MessageID == 0
}

// begins reports whether a message has what IKE_SA_INIT takes, and returns its
// nonce.
func begins(m *wire.Message) (wire.Nonce, bool) {
	nonce, hasNonce := wire.Find[wire.Nonce](m.Payloads)
	_, hasSA := wire.Find[wire.SA](m.Payloads)
	_, hasKE := wire.Find[wire.KE](m.Payloads)
	return nonce, Begins(m.Header) && hasSA && hasKE && hasNonce && len(nonce) >= minNonce && len(nonce) <= maxNonce
}

// amplifies reports whether our answer might be larger than the request: it has
// one of the proposals, a key of the same group, a nonce and the notifications
// of NAT detection.
func amplifies(r Request) bool {
	nonce, _ := wire.Find[wire.Nonce](r.Message.Payloads)
	source, _ := wire.FindNotify(r.Message.Payloads, wire.NATDetectionSourceIP)
	destination, _ := wire.FindNotify(r.Message.Payloads, wire.NATDetectionDestinationIP)
	return len(nonce) < ourNonce || len(source.Data) < sha1.Size || len(destination.Data) < sha1.Size
}

// challenge returns the answer that asks for a cookie.
func challenge(spi uint64, cookie []byte) []byte {
	m := wire.Message{
		Header:   wire.Header{SPIi: spi, Exchange: wire.IKESAInit, Flags: wire.FlagResponse},
		Payloads: []wire.Payload{wire.Notify{Kind: wire.Cookie, Data: cookie}},
	}
	return m.Marshal()
}
