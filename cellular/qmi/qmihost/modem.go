package qmihost

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// How long to wait for an answer. Most come within milliseconds; those that the
// network has a say in take as long as it does.
const (
	answerLimit   = 10 * time.Second
	modeLimit     = 30 * time.Second
	registerLimit = 120 * time.Second
	startLimit    = 180 * time.Second
	stopLimit     = 120 * time.Second
	// syncLimit is short, and SYNC repeated: a modem that has just started loses what
	// it is told too early.
	syncLimit = 3 * time.Second
	syncTries = 10
	// partingLimit is for what is polite to say but need not be heard.
	partingLimit = time.Second
)

// Modem is a modem directed in QMI.
type Modem struct {
	talk     *conversation
	bell     *modem.Bell
	services map[qmi.Service]bool
	clients  map[qmi.Service]uint8
	calls    map[place]call
	memory   Memory
	path     Path
	rawIP    bool
	// subscriber is the SIM whose files were read last: they do not change.
	subscriber modem.SIM
	// authenticated: the radio's lock to a make of host has been opened, or does not
	// let itself be.
	authenticated bool

	// restarted: the modem has started anew by itself and knows none of our clients.
	restarted atomic.Bool
	// rejected is the last modem.RejectCause told of.
	rejected atomic.Uint32
}

var _ modem.Modem = (*Modem)(nil)

// Open begins the conversation over port, which is the Modem's from then on and
// closed if Open fails. The modem's packets are to go by path. Open ends all data
// calls the modem has.
func Open(ctx context.Context, port Port, path Path, log *slog.Logger) (*Modem, error) {
	return begin(port, path, oblivion{}, log, func(m *Modem) error { return m.meet(ctx) })
}

// begin begins the conversation with what meet says first.
func begin(port Port, path Path, memory Memory, log *slog.Logger, meet func(*Modem) error) (*Modem, error) {
	m := &Modem{bell: modem.NewBell(), path: path, memory: memory}
	m.forget()
	m.talk = converse(port, log, m.heard)
	if err := meet(m); err != nil {
		return nil, errors.Join(err, m.end())
	}
	m.talk.tasks.Go(m.watch)
	return m, nil
}

// meet gets acquainted with the modem.
func (m *Modem) meet(ctx context.Context) error {
	if err := m.sync(ctx); err != nil {
		return err
	}
	if err := m.learnServices(ctx); err != nil {
		return err
	}
	m.restarted.Store(false) // what it has told until now came before all of this
	return m.setFraming(ctx)
}

// learnServices asks which services the modem has.
func (m *Modem) learnServices(ctx context.Context) error {
	var versions qmi.GetVersionInfoResponse
	if err := m.talk.ask(ctx, 0, answerLimit, &qmi.GetVersionInfoRequest{}, &versions); err != nil {
		return err
	}
	m.services = make(map[qmi.Service]bool)
	for _, s := range versions.Services {
		m.services[s.Service] = true
	}
	return nil
}

// sync frees all client ids.
func (m *Modem) sync(ctx context.Context) (err error) {
	for range syncTries {
		err = m.talk.ask(ctx, 0, syncLimit, &qmi.SyncRequest{}, &qmi.SyncResponse{})
		if !errors.Is(err, modem.ErrSilent) {
			break
		}
	}
	if _, refused := qmi.Refused(err); refused {
		return nil // an old modem that does not know it
	}
	return err
}

// Events tells what has changed.
func (m *Modem) Events() <-chan modem.Event { return m.bell.Events() }

// watch closes the bell when the port has ended.
func (m *Modem) watch() {
	<-m.talk.ended
	m.bell.Close()
}

// Close gives the clients back and closes the port. Data calls go on, and with
// them their clients, until the next Open; [Resume] takes them over. Those of a modem
// that has not answered the last question it does not: there the next process begins
// as after the modem's start.
func (m *Modem) Close() error {
	if m.talk.silent {
		m.memory.Store(State{})
	}
	m.releaseClients()
	return m.end()
}

// end closes the port.
func (m *Modem) end() error {
	err := m.talk.close()
	m.bell.Close()
	return err
}
