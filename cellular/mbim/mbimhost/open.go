package mbimhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Open begins to speak with the modem behind port. A modem that another process has
// left open stays so, with its connections.
func Open(ctx context.Context, port Port, log *slog.Logger) (*Modem, error) {
	m := &Modem{
		bell: modem.NewBell(), log: log, version: mbim.V1,
		connects: make(chan struct{}, 1), drops: make(map[uint32]mbim.NwError),
	}
	m.conversation = converse(port, log, m.indicated, m.bell.Close)
	if err := m.start(ctx); err != nil {
		_ = m.conversation.close()
		return nil, fmt.Errorf("open the modem by MBIM: %w", err)
	}
	return m, nil
}

// start finds out whether the modem is open, opens it if not, and learns what it
// has.
func (m *Modem) start(ctx context.Context) error {
	err := m.probe(ctx)
	switch {
	case err == nil:
		return m.settle(ctx)
	case errors.Is(err, mbim.ErrorNotOpened):
	case errors.Is(err, modem.ErrSilent):
		// It may be open, and confused by what a process before us has left: after
		// CLOSE it cannot be.
		if err := m.shut(ctx); err != nil {
			return err
		}
	default:
		return err
	}
	return m.reopen(ctx)
}

// probe asks the modem something that it answers only if it is open.
func (m *Modem) probe(ctx context.Context) error {
	answer, err := m.conversation.ask(ctx, probeLimit, func(transaction uint32) (mbim.Message, error) {
		return m.version.Query(transaction, mbim.CmdDeviceServices)
	})
	if err != nil {
		return err
	}
	return m.version.Decode(answer, &m.services)
}

// shut sends CLOSE, whether or not it is answered.
func (m *Modem) shut(ctx context.Context) error {
	_, err := m.conversation.ask(ctx, closeLimit, func(transaction uint32) (mbim.Message, error) {
		return mbim.Message{Type: mbim.Close, Transaction: transaction}, nil
	})
	var wrong mbim.ProtocolError
	if errors.Is(err, modem.ErrSilent) || errors.As(err, &wrong) {
		return nil
	}
	return err
}

// reopen opens the modem, which forgets its connections, and learns what it has.
func (m *Modem) reopen(ctx context.Context) error {
	if err := m.open(ctx); err != nil {
		return err
	}
	m.version, m.services, m.unlocked = mbim.V1, mbim.DeviceServices{}, false
	if err := m.attempt(ctx, mbim.Query, mbim.CmdDeviceServices, &m.services); err != nil {
		return err
	}
	return m.settle(ctx)
}

// errNotOpened is why a modem counts as silent that does not open.
var errNotOpened = fmt.Errorf("OPEN: %w: not open after %v", modem.ErrSilent, openBudget)

// open sends OPEN until the modem is open or openBudget is spent.
func (m *Modem) open(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, openBudget, errNotOpened)
	defer cancel()
	for ctx.Err() == nil {
		err := m.openOnce(ctx)
		if err == nil {
			return nil
		}
		_, refused := mbim.Refused(err)
		if !refused && !errors.Is(err, modem.ErrSilent) {
			return err
		}
		m.log.Info("the modem is not open yet", "error", err)
		if refused {
			wait(ctx, time.Second)
		}
	}
	return context.Cause(ctx)
}

// wait waits for d or the end of ctx.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (m *Modem) openOnce(ctx context.Context) error {
	answer, err := m.conversation.ask(ctx, openLimit, func(transaction uint32) (mbim.Message, error) {
		return mbim.Message{Type: mbim.Open, Transaction: transaction, MaxTransfer: uint32(m.conversation.port.MaxMessage())}, nil
	})
	switch {
	case err != nil:
		return err
	case answer.Type != mbim.OpenDone:
		return fmt.Errorf("OPEN was answered with %v", answer)
	case answer.Status != mbim.StatusOK:
		return fmt.Errorf("OPEN: %w", answer.Status)
	}
	return nil
}

// settle agrees with the modem on a version and on what it tells unasked.
func (m *Modem) settle(ctx context.Context) error {
	if err := m.negotiate(ctx); err != nil {
		return err
	}
	return m.subscribe(ctx)
}

// negotiate makes the version of Microsoft's extensions the highest that both
// sides know. It must be the first thing to ask after the services; a modem that
// does not list it would not know that layouts change.
func (m *Modem) negotiate(ctx context.Context) error {
	if !m.has(mbim.CmdVersion) {
		return nil
	}
	var theirs mbim.Versions
	err := m.attempt(ctx, mbim.Query, &mbim.Versions{MBIM: 0x0100, Extended: mbim.V2}, &theirs)
	if status, refused := mbim.Refused(err); refused {
		m.log.Info("the modem keeps to the first version", "status", status)
		return nil
	}
	if err != nil {
		return err
	}
	m.version = max(min(theirs.Extended, mbim.V2), mbim.V1)
	return nil
}

// subscribe asks for the indications that events lists, as far as the modem has
// the commands. Some modems refuse and tell everything.
func (m *Modem) subscribe(ctx context.Context) error {
	if !m.has(mbim.CmdDeviceServiceSubscribeList) {
		return nil
	}
	var wanted, given mbim.SubscribeList
	for _, service := range m.services.Services {
		entry := mbim.EventEntry{Service: service.Service}
		for _, cid := range service.CIDs {
			if _, ok := events[mbim.Command{Service: service.Service, CID: cid}]; ok {
				entry.CIDs = append(entry.CIDs, cid)
			}
		}
		if len(entry.CIDs) > 0 {
			wanted.Events = append(wanted.Events, entry)
		}
	}
	err := m.attempt(ctx, mbim.Set, &wanted, &given)
	if status, refused := mbim.Refused(err); refused {
		m.log.Info("the modem does not let us choose its indications", "status", status)
		return nil
	}
	return err
}
