package qmiside

import (
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// usim is the identifier of the application that registers with 3GPP networks.
var usim = []byte{0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02, 0xff, 0x86, 0xff, 0x03, 0x89, 0xff, 0xff, 0xff, 0xff}

func (s *Side) uim(c *client, request qmi.Body) qmi.Body {
	switch r := request.(type) {
	case *qmi.RegisterCardEventsRequest:
		c.cards = r.Events & (qmi.CardStatusEvents | qmi.PhysicalSlotEvents)
		return &qmi.RegisterCardEventsResponse{Events: &c.cards}
	case *qmi.GetCardStatusRequest:
		return &qmi.GetCardStatusResponse{Status: s.cardStatus()}
	case *qmi.VerifyPINRequest:
		return s.verifyPIN(r)
	case *qmi.ReadTransparentRequest:
		return s.readFile(r)
	case *qmi.GetSlotStatusRequest:
		return &qmi.GetSlotStatusResponse{Slots: s.slotStatus()}
	case *qmi.SwitchSlotRequest:
		active, _ := s.modem.Slot()
		if r.Logical != 1 || r.Physical == uint32(active+1) {
			return &qmi.SwitchSlotResponse{Result: no(qmi.ErrNoEffect)}
		}
		if err := s.modem.UseSlot(int(r.Physical) - 1); err != nil {
			return &qmi.SwitchSlotResponse{Result: no(qmi.ErrInvalidArgument)}
		}
		return &qmi.SwitchSlotResponse{}
	}
	return nil
}

func (s *Side) tellCards() {
	s.tellAll(qmi.UIM, func(c *client) bool { return c.cards&qmi.CardStatusEvents != 0 }, &qmi.CardStatusIndication{Status: s.cardStatus()})
}

func (s *Side) tellSlots() {
	s.tellAll(qmi.UIM, func(c *client) bool { return c.cards&qmi.PhysicalSlotEvents != 0 }, &qmi.SlotStatusIndication{Slots: s.slotStatus()})
}

// cardStatus is what the modem says of its one logical slot. While the card
// starts it says of the PIN what it will not stand by.
func (s *Side) cardStatus() *qmi.CardStatus {
	status := &qmi.CardStatus{
		Primary: qmi.NoApplication, Primary1X: qmi.NoApplication, Secondary: qmi.NoApplication, Secondary1X: qmi.NoApplication,
		Cards: []qmi.Card{{State: qmi.CardAbsent}},
	}
	card := s.modem.Card()
	if card == nil {
		return status
	}
	status.Primary = 0
	const personalisationReady = 2
	app := qmi.Application{
		Type: qmi.AppUSIM, AID: usim,
		PIN1: qmi.PINStatus{State: qmi.PINDisabled, Retries: uint8(card.PINAttempts), UnblockRetries: uint8(card.PUKAttempts)},
		PIN2: qmi.PINStatus{State: qmi.PINEnabledNotVerified, Retries: 3, UnblockRetries: 10},
	}
	switch s.modem.SIMState() {
	case modem.SIMStarting:
		app.State, app.PIN1, app.PIN2 = qmi.AppDetected, qmi.PINStatus{State: qmi.PINEnabledNotVerified}, qmi.PINStatus{}
	case modem.SIMLocked:
		app.State, app.PIN1.State = qmi.AppPINNeeded, qmi.PINEnabledNotVerified
	case modem.SIMBlocked:
		app.State, app.PIN1.State = qmi.AppPUKNeeded, qmi.PINBlocked
	case modem.SIMFailed:
		app.State, app.PIN1.State = qmi.AppPINBlockedForGood, qmi.PINBlockedForGood
	case modem.SIMReady:
		app.State, app.PersonalisationState = qmi.AppReady, personalisationReady
		if card.Enabled {
			app.PIN1.State = qmi.PINEnabledVerified
		}
	}
	status.Cards[0] = qmi.Card{State: qmi.CardPresent, Applications: []qmi.Application{app}}
	return status
}

func (s *Side) slotStatus() *[]qmi.Slot {
	var slots []qmi.Slot
	active, cards := s.modem.Slot()
	for i, card := range cards {
		slot := qmi.Slot{Card: qmi.SlotEmpty}
		if card != nil {
			slot.Card = qmi.SlotFilled
			slot.ICCID, _ = card.File(virtual.FileICCID)
		}
		if i == active {
			slot.Active, slot.Logical = 1, 1
		}
		slots = append(slots, slot)
	}
	return &slots
}

func (s *Side) verifyPIN(r *qmi.VerifyPINRequest) *qmi.VerifyPINResponse {
	card := s.modem.Card()
	if card == nil {
		return &qmi.VerifyPINResponse{Result: no(qmi.ErrNoSIM)}
	}
	if r.PIN.ID != qmi.PIN1 || len(r.PIN.PIN) < 4 || len(r.PIN.PIN) > 8 {
		return &qmi.VerifyPINResponse{Result: no(qmi.ErrInvalidArgument)}
	}
	err := s.modem.VerifyPIN(string(r.PIN.PIN))
	answer := &qmi.VerifyPINResponse{Result: result(err)}
	if answer.Code == qmi.ErrIncorrectPIN || answer.Code == qmi.ErrPINBlocked {
		answer.Retries = retries(card)
		answer.CardResult = &qmi.CardResult{SW1: 0x63, SW2: 0xc0 | uint8(card.PINAttempts)}
	}
	return answer
}

func retries(card *virtual.Card) *qmi.Retries {
	return &qmi.Retries{Verify: uint8(card.PINAttempts), Unblock: uint8(card.PUKAttempts)}
}

func (s *Side) readFile(r *qmi.ReadTransparentRequest) qmi.Body {
	card := s.modem.Card()
	switch {
	case card == nil:
		return &qmi.ReadTransparentResponse{Result: no(qmi.ErrNoSIM)}
	case s.modem.SIMState() == modem.SIMStarting:
		return &qmi.ReadTransparentResponse{Result: no(qmi.ErrUIMUninitialised)}
	case s.modem.SIMState() != modem.SIMReady && r.File.ID != virtual.FileICCID:
		return &qmi.ReadTransparentResponse{Result: no(qmi.ErrAccessDenied), CardResult: &qmi.CardResult{SW1: 0x69, SW2: 0x82}}
	}
	content, ok := card.File(r.File.ID)
	if !ok {
		return &qmi.ReadTransparentResponse{Result: no(qmi.ErrFileNotFound), CardResult: &qmi.CardResult{SW1: 0x6a, SW2: 0x82}}
	}
	from, to := int(r.Extent.Offset), len(content)
	if r.Extent.Length != 0 {
		to = from + int(r.Extent.Length)
	}
	if from > len(content) || to > len(content) {
		return &qmi.ReadTransparentResponse{Result: no(qmi.ErrInvalidArgument), CardResult: &qmi.CardResult{SW1: 0x6b, SW2: 0x00}}
	}
	data := content[from:to]
	return &qmi.ReadTransparentResponse{CardResult: &qmi.CardResult{SW1: 0x90}, Data: &data}
}

// dmsSIM answers what concerns the SIM in DMS, the older way.
func (s *Side) dmsSIM(request qmi.Body) qmi.Body {
	card, state := s.modem.Card(), s.modem.SIMState()
	var missing qmi.Result
	switch state {
	case modem.SIMAbsent:
		missing.Code = qmi.ErrNoSIM
	case modem.SIMStarting:
		missing.Code = qmi.ErrUIMUninitialised
	}
	switch r := request.(type) {
	case *qmi.DMSVerifyPINRequest:
		if missing != (qmi.Result{}) {
			return &qmi.DMSVerifyPINResponse{Result: missing}
		}
		verified := s.verifyPIN(&qmi.VerifyPINRequest{PIN: r.PIN})
		return &qmi.DMSVerifyPINResponse{Result: verified.Result, Retries: verified.Retries}
	case *qmi.DMSGetPINStatusRequest:
		if missing != (qmi.Result{}) {
			return &qmi.DMSGetPINStatusResponse{Result: missing}
		}
		app := s.cardStatus().Cards[0].Applications[0]
		return &qmi.DMSGetPINStatusResponse{PIN1: &app.PIN1, PIN2: &app.PIN2}
	case *qmi.DMSGetICCIDRequest:
		if missing != (qmi.Result{}) {
			return &qmi.DMSGetICCIDResponse{Result: missing}
		}
		return &qmi.DMSGetICCIDResponse{ICCID: card.ICCID}
	case *qmi.DMSGetIMSIRequest:
		if missing == (qmi.Result{}) && state != modem.SIMReady {
			missing.Code = qmi.ErrPINRestriction
		}
		if missing != (qmi.Result{}) {
			return &qmi.DMSGetIMSIResponse{Result: missing}
		}
		return &qmi.DMSGetIMSIResponse{IMSI: card.IMSI}
	}
	return nil
}
