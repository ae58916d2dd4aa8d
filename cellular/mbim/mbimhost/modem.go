package mbimhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Modem is an open modem that speaks MBIM.
type Modem struct {
	conversation *conversation
	bell         *modem.Bell
	log          *slog.Logger

	// What the modem has told since it was opened.
	version  mbim.Version
	services mbim.DeviceServices

	// unlocked: the modem has been asked to let its radio be switched on.
	unlocked bool
	// selected is the last selection that was set.
	selected modem.Selection
	// attachOwn is what the modem registered with before that was changed.
	attachOwn []mbim.AttachSettings
	// files is what was read of the SIM's files, which do not change.
	files simFiles

	// connects has an element when a connection has changed.
	connects chan struct{}
	mu       sync.Mutex
	// drops are the network's causes for the end of connections, by session.
	drops map[uint32]mbim.NwError
}

var _ modem.Modem = (*Modem)(nil)

// Events tells what has changed.
func (m *Modem) Events() <-chan modem.Event { return m.bell.Events() }

// Close ends the conversation and leaves the modem and its connections as they are.
// One that has not answered the last question is told CLOSE, so that whoever opens
// it next finds it as after its start.
func (m *Modem) Close() error {
	if m.conversation.isSilent() {
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		if err := m.shut(ctx); err != nil {
			m.log.Info("the modem was not closed", "error", err)
		}
	}
	return m.conversation.close()
}

// events are what indications mean to the life cycle, which asks anew.
var events = map[mbim.Command]modem.Event{
	mbim.CmdSubscriberReadyStatus: modem.SIMChanged,
	mbim.CmdSlotInfoStatus:        modem.SIMChanged,
	mbim.CmdRadioState:            modem.RadioChanged,
	mbim.CmdRegisterState:         modem.RegistrationChanged,
	mbim.CmdPacketService:         modem.RegistrationChanged,
	mbim.CmdLocationInfoStatus:    modem.RegistrationChanged,
	mbim.CmdLTEAttachInfo:         modem.RegistrationChanged,
	mbim.CmdConnect:               modem.ConnectionChanged,
	mbim.CmdIPConfiguration:       modem.ConnectionChanged,
	mbim.CmdSignalState:           modem.SignalChanged,
}

// indicated takes an indication. Most are only a reason to ask: what they say can
// be old by the time that somebody looks at it.
func (m *Modem) indicated(message mbim.Message) {
	if message.Command == mbim.CmdConnect {
		m.connectionIndicated(message)
	}
	if event, ok := events[message.Command]; ok {
		m.bell.Ring(event)
	}
}

// query asks about the command that the answer is for.
func (m *Modem) query(ctx context.Context, command mbim.Command, answer mbim.Body) error {
	return m.do(ctx, mbim.Query, command, answer)
}

// set changes what question says. Some modems have no more to answer than that it
// went well.
func (m *Modem) set(ctx context.Context, question mbim.Body) error {
	return m.do(ctx, mbim.Set, question, nil)
}

// do asks or sets what question says, and reads the answer if it is wanted. A modem that says it is
// not open is opened, and asked once more. An error wraps the one of package modem
// that it amounts to.
func (m *Modem) do(ctx context.Context, class mbim.Class, question, answer mbim.Body) error {
	err := m.attempt(ctx, class, question, answer)
	if errors.Is(err, mbim.ErrorNotOpened) {
		m.log.Warn("the modem has forgotten that it is open", "error", err)
		if err := m.reopen(ctx); err != nil {
			return err
		}
		m.bell.Ring(modem.SIMChanged | modem.RadioChanged | modem.RegistrationChanged | modem.ConnectionChanged)
		if _, secret := question.(*mbim.PINRequest); !secret {
			err = m.attempt(ctx, class, question, answer)
		}
	}
	return meaning(err)
}

// attempt is do without a second time.
func (m *Modem) attempt(ctx context.Context, class mbim.Class, question, answer mbim.Body) error {
	version := m.version
	message, err := m.conversation.ask(ctx, 0, func(transaction uint32) (mbim.Message, error) {
		if class == mbim.Set {
			return version.Set(transaction, question)
		}
		return version.Query(transaction, question)
	})
	if err != nil {
		return err
	}
	if answer == nil {
		return message.Refusal()
	}
	return version.Decode(message, answer)
}

// unlessRefused returns err if it is not a modem's no.
func unlessRefused(err error) error {
	if _, refused := mbim.Refused(err); refused {
		return nil
	}
	return err
}

// has reports whether the modem knows a command.
func (m *Modem) has(command mbim.Command) bool { return m.services.Has(command) }

// need is the error of a modem that does not know a command.
func (m *Modem) need(command mbim.Command) error {
	if !m.has(command) {
		return fmt.Errorf("%v: %w", command, modem.ErrUnsupported)
	}
	return nil
}

// meaning adds to a modem's no what it amounts to.
func meaning(err error) error {
	status, refused := mbim.Refused(err)
	if !refused {
		return err
	}
	switch status {
	case mbim.StatusNoDeviceSupport, mbim.StatusInvalidDeviceServiceOperation:
		return fmt.Errorf("%w: %w", modem.ErrUnsupported, err)
	case mbim.StatusSIMNotInserted, mbim.StatusBadSIM, mbim.StatusPINRequired, mbim.StatusNotInitialized:
		return fmt.Errorf("%w: %w", modem.ErrNoSIM, err)
	case mbim.StatusContextNotActivated:
		return fmt.Errorf("%w: %w", modem.ErrNotConnected, err)
	}
	return err
}

// Identity says what the modem is.
func (m *Modem) Identity(ctx context.Context) (modem.Identity, error) {
	var caps mbim.DeviceCaps
	if err := m.query(ctx, mbim.CmdDeviceCaps, &caps); err != nil {
		return modem.Identity{}, err
	}
	protocol := "MBIM 1.0"
	if m.version > mbim.V1 {
		protocol = fmt.Sprintf("MBIM 1.0 (MBIMEx %v)", m.version)
	}
	return modem.Identity{
		Model: caps.HardwareInfo, Firmware: caps.FirmwareInfo, IMEI: caps.DeviceID,
		Protocol: protocol, Sessions: max(int(min(caps.MaxSessions, 256)), 1),
	}, nil
}

// Restart makes the modem start again. It leaves the bus.
func (m *Modem) Restart(ctx context.Context) error {
	if err := m.need(mbim.CmdDeviceReset); err != nil {
		return err
	}
	return m.set(ctx, mbim.CmdDeviceReset)
}
