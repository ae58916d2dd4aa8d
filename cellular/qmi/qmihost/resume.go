package qmihost

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Memory keeps what has to outlive the process, for the next one to go on with the
// modem's data calls. It belongs to one modem in one slot of the box.
type Memory interface {
	// Load returns what was stored last, the zero State if that is nothing.
	Load() State
	Store(State)
}

// oblivion is the Memory of who does not resume.
type oblivion struct{}

func (oblivion) Load() State { return State{} }
func (oblivion) Store(State) {}

// State is what is kept.
type State struct {
	Calls []Call `json:"calls"`
	// Clients are those that no call hangs on.
	Clients []qmi.ClientID `json:"clients"`
	// Channels and RawIP are how packets went, and go on.
	Channels bool `json:"channels"`
	RawIP    bool `json:"rawIP"`
}

// Call is a data call and who can end it.
type Call struct {
	Session int          `json:"session"`
	Family  qmi.IPFamily `json:"family"`
	Client  uint8        `json:"client"`
	Handle  qmi.Handle   `json:"handle"`
}

// state returns the state to keep.
func (m *Modem) state() State {
	s := State{Channels: m.path.Channels, RawIP: m.rawIP}
	for session := range m.path.sessions() {
		for _, p := range m.callsOf(session) {
			c := m.calls[p]
			s.Calls = append(s.Calls, Call{p.session, p.family, c.client, c.handle})
		}
	}
	for service, client := range m.clients {
		s.Clients = append(s.Clients, qmi.ClientID{Service: service, Client: client})
	}
	return s
}

// Resume is Open with a memory: the calls of the process before that are still up go
// on. If there are none the modem is opened as always.
func Resume(ctx context.Context, port Port, path Path, memory Memory, log *slog.Logger) (*Modem, error) {
	return begin(port, path, memory, log, func(m *Modem) error {
		adopted, err := m.adopt(ctx, memory.Load())
		if err != nil || adopted {
			return err
		}
		return m.meet(ctx)
	})
}

// adopt takes over the calls of state that are up, and reports whether there are
// any. A modem that has started anew since knows nothing of them, and may not even
// answer who asks.
func (m *Modem) adopt(ctx context.Context, state State) (bool, error) {
	if state.Channels != m.path.Channels {
		return false, nil // packets are to go otherwise
	}
	unanswered := m.takeOver(ctx, state.Calls, syncLimit)
	if len(m.calls) == 0 {
		return false, ctx.Err()
	}
	// One that knows of one call has not started anew: it was slow.
	if unanswered = m.takeOver(ctx, unanswered, answerLimit); len(unanswered) > 0 {
		m.forget()
		return false, ctx.Err()
	}
	if err := m.learnServices(ctx); err != nil {
		return false, err
	}
	for _, id := range state.Clients {
		m.release(id.Service, id.Client)
	}
	m.rawIP = state.RawIP
	m.memory.Store(m.state())
	return true, nil
}

// takeOver takes over those of the calls that are up, and returns those of which the
// modem says nothing within limit.
func (m *Modem) takeOver(ctx context.Context, calls []Call, limit time.Duration) (unanswered []Call) {
	for _, c := range calls {
		var got qmi.GetPacketStatusResponse
		err := m.talk.ask(ctx, c.Client, limit, &qmi.GetPacketStatusRequest{}, &got)
		switch {
		case err == nil && isUp(got.Status):
			m.calls[place{c.Session, c.Family}] = call{c.Client, c.Handle}
		case err == nil:
			m.release(qmi.WDS, c.Client)
		case errors.Is(err, modem.ErrSilent):
			unanswered = append(unanswered, c)
		}
	}
	return unanswered
}
