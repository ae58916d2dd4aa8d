package qmihost

import (
	"context"
	"log/slog"

	"github.com/farspoke/farspoke/cellular/qmi"
)

// State is what has to outlive the process for the next one to go on with the
// modem's data calls. It changes with Connect and Disconnect.
type State struct {
	Calls []Call `json:"calls"`
	// Clients are those of this process that no call hangs on.
	Clients []qmi.ClientID `json:"clients"`
	RawIP   bool           `json:"rawIP"`
}

// Call is a data call and who can end it.
type Call struct {
	Session int          `json:"session"`
	Family  qmi.IPFamily `json:"family"`
	Client  uint8        `json:"client"`
	Handle  qmi.Handle   `json:"handle"`
}

// State returns the state to keep.
func (m *Modem) State() State {
	s := State{RawIP: m.rawIP}
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

// Resume is Open for a process that comes after one that has left state: the calls
// that are still up go on. If there are none the modem is opened as always.
func Resume(ctx context.Context, port Port, path Path, state State, log *slog.Logger) (*Modem, error) {
	return begin(port, path, log, func(m *Modem) error {
		adopted, err := m.adopt(ctx, state)
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
	for _, c := range state.Calls {
		p := place{c.Session, c.Family}
		if m.path.check(p.session) != nil {
			continue
		}
		var got qmi.GetPacketStatusResponse
		err := m.talk.ask(ctx, c.Client, syncLimit, &qmi.GetPacketStatusRequest{}, &got)
		switch {
		case err == nil && isUp(got.Status):
			m.calls[p] = call{c.Client, c.Handle}
		case err == nil:
			m.release(qmi.WDS, c.Client)
		}
	}
	if len(m.calls) == 0 {
		return false, ctx.Err()
	}
	if err := m.learnServices(ctx); err != nil {
		return false, err
	}
	for _, id := range state.Clients {
		m.release(id.Service, id.Client)
	}
	m.rawIP = state.RawIP
	return true, nil
}
