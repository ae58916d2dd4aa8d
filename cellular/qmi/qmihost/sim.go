package qmihost

import (
	"context"
	"errors"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
	"github.com/farspoke/farspoke/cellular/simfile"
)

// SIM says how the SIM in the slot in use is.
func (m *Modem) SIM(ctx context.Context) (modem.SIM, error) {
	status, err := m.cardStatus(ctx)
	if errors.Is(err, modem.ErrUnsupported) {
		return m.dmsSIM(ctx)
	}
	if err != nil {
		return modem.SIM{}, err
	}
	if err := m.takeIntoUse(ctx, status); err != nil {
		return modem.SIM{}, err
	}
	sim := simOf(status)
	if sim.State == modem.SIMAbsent || sim.State == modem.SIMFailed {
		return sim, nil
	}
	if sim.ICCID, err = m.iccid(ctx, status); err != nil {
		return modem.SIM{}, err
	}
	if sim.State != modem.SIMReady {
		return sim, nil // the other files are behind the PIN
	}
	if known := m.subscriber; sim.ICCID != "" && known.ICCID == sim.ICCID {
		known.State, known.Attempts = sim.State, sim.Attempts
		return known, nil
	}
	if err := m.readSubscriber(ctx, &sim); err != nil {
		return modem.SIM{}, err
	}
	if sim.IMSI != "" {
		m.subscriber = sim
	}
	return sim, nil
}

// cardStatus asks for the state of the cards.
func (m *Modem) cardStatus(ctx context.Context) (qmi.CardStatus, error) {
	var got qmi.GetCardStatusResponse
	if err := m.ask(ctx, answerLimit, &qmi.GetCardStatusRequest{}, &got); err != nil || got.Status == nil {
		return qmi.CardStatus{}, err
	}
	return *got.Status, nil
}

// takeIntoUse has the modem use a card that it has found and leaves aside, as some
// do after a change of slots.
func (m *Modem) takeIntoUse(ctx context.Context, status qmi.CardStatus) error {
	card, app := placeInUse(status)
	if app < 0 || status.Primary != qmi.NoApplication || status.Cards[card].State != qmi.CardPresent {
		return nil
	}
	request := &qmi.ChangeProvisioningSessionRequest{
		Change:      qmi.ProvisioningChange{Session: qmi.SessionPrimary, Activate: true},
		Application: &qmi.SlotApplication{Slot: uint8(card + 1), AID: status.Cards[card].Applications[app].AID},
	}
	return exceptNo(m.ask(ctx, answerLimit, request, &qmi.ChangeProvisioningSessionResponse{}))
}

// placeInUse returns the card that the modem uses and its application for 3GPP
// networks, counted from 0: those of the provisioning session, and while there is
// none the first that would do. app is -1 where there is none.
func placeInUse(s qmi.CardStatus) (card, app int) {
	if _, ok := s.PrimaryApplication(); ok {
		return int(s.Primary >> 8), int(s.Primary & 0xff)
	}
	for card := range s.Cards {
		for app, a := range s.Cards[card].Applications {
			if a.Type == qmi.AppUSIM || a.Type == qmi.AppSIM {
				return card, app
			}
		}
	}
	for card := range s.Cards {
		if s.Cards[card].State != qmi.CardAbsent {
			return card, -1
		}
	}
	return 0, -1
}

// simOf returns what status says of the SIM in use.
func simOf(status qmi.CardStatus) modem.SIM {
	sim := modem.SIM{State: modem.SIMStarting, Attempts: -1}
	if len(status.Cards) == 0 {
		return sim
	}
	place, which := placeInUse(status)
	card := status.Cards[place]
	switch {
	case card.State == qmi.CardAbsent:
		sim.State = modem.SIMAbsent
		return sim
	case card.State == qmi.CardError:
		sim.State = modem.SIMFailed
		return sim
	case which < 0:
		return sim
	}
	app := card.Applications[which]
	pin := app.PIN1
	if app.UniversalPIN {
		pin = card.UniversalPIN
	}
	sim.State = stateOf(app, pin)
	switch {
	case sim.State == modem.SIMBlocked:
		sim.Attempts = int(pin.UnblockRetries)
	case pin.State != qmi.PINNotInitialised:
		sim.Attempts = int(pin.Retries)
	}
	return sim
}

// States of an application's personalisation, which ties the modem to operators.
const personalisationLocked = 3 // and all above

// stateOf returns how far a card is with application app that pin guards.
func stateOf(app qmi.Application, pin qmi.PINStatus) modem.SIMState {
	switch app.State {
	case qmi.AppReady:
		return modem.SIMReady
	case qmi.AppPINNeeded:
		if pin.State == qmi.PINNotInitialised {
			return modem.SIMStarting // and looks locked, as long as it does
		}
		return modem.SIMLocked
	case qmi.AppPUKNeeded:
		return modem.SIMBlocked
	case qmi.AppPINBlockedForGood, qmi.AppIllegal:
		return modem.SIMFailed
	case qmi.AppCheckPersonalisation:
		if app.PersonalisationState >= personalisationLocked {
			return modem.SIMNetworkLocked
		}
	}
	return modem.SIMStarting
}

// cardSessions are the ways to the cards as such, in their order.
var cardSessions = []qmi.SessionType{qmi.SessionCardSlot1, qmi.SessionCardSlot2}

// iccid reads the number of the card in use, empty if it cannot be read.
func (m *Modem) iccid(ctx context.Context, status qmi.CardStatus) (string, error) {
	card, _ := placeInUse(status)
	if card >= min(len(status.Cards), len(cardSessions)) {
		return "", nil
	}
	octets, err := m.readFile(ctx, cardSessions[card], qmi.FileICCID)
	if err != nil || octets == nil {
		return "", err
	}
	number, _ := simfile.ICCID(octets)
	return number, nil
}

// readSubscriber reads whose the SIM is. What cannot be read remains empty.
func (m *Modem) readSubscriber(ctx context.Context, sim *modem.SIM) error {
	for _, file := range []struct {
		qmi.File
		take func([]byte)
	}{
		{qmi.FileIMSI, func(b []byte) { sim.IMSI, _ = simfile.IMSI(b) }},
		{qmi.FileAD, func(b []byte) { sim.MNCDigits = simfile.MNCDigits(b) }},
		{qmi.FileSPN, func(b []byte) { sim.Provider = simfile.Provider(b) }},
		{qmi.FileGID1, func(b []byte) { sim.GID1 = simfile.Group(b) }},
	} {
		octets, err := m.readFile(ctx, qmi.SessionPrimary, file.File)
		if err != nil {
			return err
		}
		if octets != nil {
			file.take(octets)
		}
	}
	return nil
}

// readFile reads a file of the SIM, nil if the SIM has none or does not show it.
func (m *Modem) readFile(ctx context.Context, session qmi.SessionType, file qmi.File) ([]byte, error) {
	var got qmi.ReadTransparentResponse
	err := m.ask(ctx, answerLimit, &qmi.ReadTransparentRequest{Session: qmi.Session{Type: session}, File: file}, &got)
	if err != nil || got.Data == nil {
		return nil, exceptNo(err)
	}
	return *got.Data, nil
}
