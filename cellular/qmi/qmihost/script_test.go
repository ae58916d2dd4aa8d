package qmihost

import (
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// wire is a control port in memory: what the host writes the scripted modem
// takes, and the other way round.
type wire struct {
	up, down chan []byte
	closed   chan struct{}
	once     sync.Once
}

func newWire() *wire {
	return &wire{up: make(chan []byte), down: make(chan []byte, 64), closed: make(chan struct{})}
}

func (w *wire) Read(b []byte) (int, error) {
	select {
	case frame := <-w.down:
		return copy(b, frame), nil
	case <-w.closed:
		return 0, modem.ErrGone
	}
}

func (w *wire) Write(b []byte) (int, error) {
	select {
	case w.up <- slices.Clone(b):
		return len(b), nil
	case <-w.closed:
		return 0, modem.ErrGone
	}
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// script is a modem that does what a test says, and otherwise what one does that
// has a SIM and a network with IPv4 and IPv6.
type script struct {
	t    testing.TB
	wire *wire
	mu   sync.Mutex
	// answers are what the test says. An answer is a qmi.Body, a qmi.ErrorCode to
	// refuse with, a []byte to send as it is, a []qmi.TLV, or nil for silence.
	answers map[qmi.Kind]func(client uint8, request qmi.Body) any
	// heard is all that was asked.
	heard []qmi.Message
	// clients are those given out.
	clients map[qmi.ClientID]bool
	last    uint8
	// calls are those that are up, by client.
	calls map[uint8]qmi.IPFamily
	// family is what clients of WDS have set.
	family map[uint8]qmi.IPFamily
}

// newScript returns a scripted modem that ends with the test.
func newScript(t testing.TB) *script {
	s := &script{
		t: t, wire: newWire(), answers: make(map[qmi.Kind]func(uint8, qmi.Body) any),
		clients: make(map[qmi.ClientID]bool), calls: make(map[uint8]qmi.IPFamily), family: make(map[uint8]qmi.IPFamily),
	}
	s.answers = goodAnswers(s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case frame := <-s.wire.up:
				s.take(frame)
			case <-s.wire.closed:
				return
			}
		}
	}()
	t.Cleanup(func() { _ = s.wire.Close(); <-done })
	return s
}

// on says how to answer requests of T.
func on[T any, P interface {
	*T
	qmi.Body
}](s *script, answer func(client uint8, request *T) any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[P(new(T)).Kind()] = func(client uint8, request qmi.Body) any {
		return answer(client, (*T)(request.(P)))
	}
}

// always says to answer requests of T with answer.
func always[T any, P interface {
	*T
	qmi.Body
}](s *script, answer any) {
	on[T, P](s, func(uint8, *T) any { return answer })
}

// take answers a request.
func (s *script) take(frame []byte) {
	m, err := qmi.Parse(frame)
	if err != nil || m.Class != qmi.Request {
		s.t.Errorf("the host wrote % x: %v", frame, err)
		return
	}
	request := qmi.Empty(m.Kind)
	if request == nil {
		s.t.Errorf("the host asked %v, which nobody speaks", m)
		return
	}
	if err := m.Decode(request); err != nil {
		s.t.Errorf("the host asked what cannot be read: %v", err)
	}
	s.mu.Lock()
	s.heard = append(s.heard, m)
	answer := s.answers[m.Kind]
	s.mu.Unlock()
	id := qmi.ClientID{Service: m.Service, Client: m.Client}
	switch {
	case m.Service != qmi.CTL && !s.clients[id]:
		s.reply(m, qmi.ErrInvalidClientID)
	case answer == nil:
		s.reply(m, qmi.ErrInvalidCommand)
	default:
		s.reply(m, answer(m.Client, request))
	}
}

// reply sends an answer to request.
func (s *script) reply(request qmi.Message, answer any) {
	response := qmi.Message{Kind: request.Kind, Client: request.Client, Transaction: request.Transaction}
	response.Class = qmi.Response
	switch a := answer.(type) {
	case nil:
		return
	case []byte:
		s.send(a)
		return
	case []qmi.TLV:
		response.TLVs = a
	case qmi.ErrorCode:
		response.TLVs = []qmi.TLV{{Type: 2, Value: []byte{1, 0, byte(a), byte(a >> 8)}}}
	case qmi.Body:
		m, err := qmi.New(request.Client, request.Transaction, a)
		if err != nil {
			s.t.Error(err)
		}
		response = m
	}
	s.send(octetsOf(s.t, response))
}

func octetsOf(t testing.TB, m qmi.Message) []byte {
	b, err := m.Marshal()
	if err != nil {
		t.Error(err)
	}
	return b
}

// send sends octets as they are.
func (s *script) send(b []byte) {
	select {
	case s.wire.down <- b:
	case <-s.wire.closed:
	}
}

// indicate sends an indication to client.
func (s *script) indicate(client uint8, body qmi.Body) {
	m, err := qmi.New(client, 0, body)
	if err != nil {
		s.t.Fatal(err)
	}
	s.send(octetsOf(s.t, m))
}

// asked returns the requests of k so far, each decoded.
func (s *script) asked(k qmi.Kind) []qmi.Body {
	s.mu.Lock()
	defer s.mu.Unlock()
	var bodies []qmi.Body
	for _, m := range s.heard {
		if m.Kind == k {
			body := qmi.Empty(k)
			if err := m.Decode(body); err != nil {
				s.t.Fatal(err)
			}
			bodies = append(bodies, body)
		}
	}
	return bodies
}

// count returns how often k was asked.
func (s *script) count(k qmi.Kind) int { return len(s.asked(k)) }

// held returns how many client ids of service are given out.
func (s *script) held(service qmi.Service) int {
	n := 0
	for id := range s.clients {
		if id.Service == service {
			n++
		}
	}
	return n
}

// open opens s, and closes it with the test.
func open(t *testing.T, s *script) *Modem {
	t.Helper()
	m, err := Open(t.Context(), s.wire, Path{}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// in runs test with an open scripted modem and a virtual clock.
func in(t *testing.T, test func(t *testing.T, s *script, m *Modem)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		test(t, s, open(t, s))
	})
}

// took runs act and returns how long it took.
func took(act func()) time.Duration {
	start := time.Now()
	act()
	return time.Since(start)
}
