package mbimhost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Connect asks the network for a connection, and returns when it is there.
func (m *Modem) Connect(ctx context.Context, session int, apn modem.APN) error {
	m.dropped(uint32(session)) // a cause of the past
	request := mbim.Connect{
		Session: uint32(session), Command: mbim.ActivationCommandActivate, ContextType: mbim.ContextTypeInternet,
		AccessString: apn.Name, UserName: apn.User, Password: mbim.Password(apn.Password),
		Auth: auths[apn.Auth], IPType: ipTypes[apn.Families],
	}
	connection, err := m.activation(ctx, &request, mbim.ActivationStateActivating)
	switch {
	case err != nil:
		return refusal(err, connection.NwError)
	case connection.State != mbim.ActivationStateActivated:
		return refused(connection.NwError, fmt.Sprintf("the modem says that the connection is %v", connection.State))
	}
	return nil
}

// Disconnect ends a connection; one that is not there is ended already.
func (m *Modem) Disconnect(ctx context.Context, session int) error {
	ctx, cancel := context.WithTimeoutCause(ctx, disconnectLimit, errStays)
	defer cancel()
	request := mbim.Connect{Session: uint32(session), Command: mbim.ActivationCommandDeactivate, ContextType: mbim.ContextTypeInternet}
	connection, err := m.activation(ctx, &request, mbim.ActivationStateDeactivating)
	switch {
	case errors.Is(err, modem.ErrNotConnected):
		return nil
	case err != nil:
		return err
	case connection.State == mbim.ActivationStateActivated:
		return fmt.Errorf("%v: the modem says that the connection is %v", mbim.CmdConnect, connection.State)
	}
	m.dropped(uint32(session)) // the end was ours
	return nil
}

// errStays is why a modem counts as silent that does not end a connection.
var errStays = fmt.Errorf("%v: %w: the connection has not ended after %v", mbim.CmdConnect, modem.ErrSilent, disconnectLimit)

// activation changes a connection. Some modems answer at once, with the state
// passing: then it waits for the one that comes after, as long as the answer might
// have taken.
func (m *Modem) activation(ctx context.Context, request *mbim.Connect, passing mbim.ActivationState) (mbim.Connection, error) {
	select {
	case <-m.connects: // of the past
	default:
	}
	begun := time.Now()
	var connection mbim.Connection
	err := m.do(ctx, mbim.Set, request, &connection)
	for err == nil && connection.State == passing {
		if time.Since(begun) > limits[mbim.Kind{Command: mbim.CmdConnect, Class: mbim.Set}] {
			return connection, fmt.Errorf("%v: %w: the connection is %v still", mbim.CmdConnect, modem.ErrSilent, connection.State)
		}
		if err := m.connectionChange(ctx); err != nil {
			return connection, err
		}
		connection, err = m.connectionState(ctx, request.Session)
	}
	return connection, err
}

// connectionChange waits until a connection has changed, or might have.
func (m *Modem) connectionChange(ctx context.Context) error {
	timer := time.NewTimer(2 * time.Second)
	defer timer.Stop()
	select {
	case <-m.connects:
	case <-timer.C:
	case <-m.conversation.ended:
		return m.conversation.gone
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// connectionState asks how far a connection is.
func (m *Modem) connectionState(ctx context.Context, session uint32) (mbim.Connection, error) {
	var connection mbim.Connection
	err := m.do(ctx, mbim.Query, &mbim.Connection{Session: session, ContextType: mbim.ContextTypeInternet}, &connection)
	return connection, err
}

// connectionIndicated takes what the modem says of a connection. The cause of its
// end is kept for whoever asks for it: the modem does not tell it again. CONNECT is
// the same in all versions spoken here.
func (m *Modem) connectionIndicated(message mbim.Message) {
	var connection mbim.Connection
	if err := mbim.V1.Decode(message, &connection); err != nil {
		m.log.Warn("an indication was not understood", "error", err)
		return
	}
	if connection.State == mbim.ActivationStateDeactivated && connection.Session <= 0xff {
		m.mu.Lock()
		m.drops[connection.Session] = connection.NwError
		m.mu.Unlock()
	}
	select {
	case m.connects <- struct{}{}:
	default:
	}
}

// dropped takes the cause for which a connection has ended by itself.
func (m *Modem) dropped(session uint32) mbim.NwError {
	m.mu.Lock()
	defer m.mu.Unlock()
	cause := m.drops[session]
	delete(m.drops, session)
	return cause
}

// notYet are the statuses of a modem that has not asked the network at all: there is
// nothing wrong with what it was to ask for.
var notYet = map[mbim.Status]bool{
	mbim.StatusBusy: true, mbim.StatusNotRegistered: true, mbim.StatusPacketServiceDetached: true,
	mbim.StatusRadioPowerOff: true, mbim.StatusVoiceCallInProgress: true, mbim.StatusMaxActivatedContexts: true,
}

// refusal turns the no to a connection into a modem.Refusal, with the network's
// cause if there is one. Other errors stay what they are.
func refusal(err error, cause mbim.NwError) error {
	status, no := mbim.Refused(err)
	if !no || cause == 0 && (notYet[status] || errors.Is(err, modem.ErrNoSIM) || errors.Is(err, modem.ErrUnsupported)) {
		return err
	}
	return refused(cause, status.Error())
}

// refused returns the Refusal for a cause, or else for the modem's own reason.
func refused(cause mbim.NwError, reason string) modem.Refusal {
	if cause > 0xff {
		return modem.Refusal{Reason: fmt.Sprintf("%s, the network's cause %d", reason, cause)}
	}
	return modem.Refusal{Cause: modem.SessionCause(cause), Reason: reason}
}
