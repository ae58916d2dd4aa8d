package qmihost

import (
	"errors"
	"reflect"
	"testing"
	"testing/synctest"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

func TestSIMReady(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		sim, err := m.SIM(t.Context())
		want := modem.SIM{
			State: modem.SIMReady, ICCID: "89490100000000000012", IMSI: "262012345678901", MNCDigits: 2,
			Provider: "Test", GID1: "0a", Attempts: 3,
		}
		if err != nil || sim != want {
			t.Errorf("%+v, %v, want %+v", sim, err, want)
		}
	})
}

// The files of a SIM are read once; those of another one that takes its place too.
func TestSIMIsReadOnce(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		first, err := m.SIM(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		iccid := []byte{0x98, 0x94, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x21}
		var read []qmi.File
		on(s, func(_ uint8, r *qmi.ReadTransparentRequest) any {
			read = append(read, r.File)
			return &qmi.ReadTransparentResponse{Data: &iccid}
		})
		if again, err := m.SIM(t.Context()); err != nil || again != first || len(read) != 1 {
			t.Errorf("%+v, %v, after reading %v; before it was %+v", again, err, read, first)
		}
		read, iccid[9] = nil, 0x31
		if other, err := m.SIM(t.Context()); err != nil || other.ICCID == first.ICCID || len(read) != 5 {
			t.Errorf("another SIM: %+v, %v, after reading %v", other, err, read)
		}
	})
}

func TestSIMStates(t *testing.T) {
	full := qmi.PINStatus{State: qmi.PINEnabledNotVerified, Retries: 3, UnblockRetries: 10}
	universal := cardWith(qmi.AppPINNeeded, full)
	universal.Cards[0].UniversalPIN = qmi.PINStatus{State: qmi.PINEnabledNotVerified, Retries: 2}
	universal.Cards[0].Applications[0].UniversalPIN = true
	locked := cardWith(qmi.AppCheckPersonalisation, full)
	locked.Cards[0].Applications[0].PersonalisationState = 3
	checked := cardWith(qmi.AppCheckPersonalisation, full)
	noSession := cardWith(qmi.AppPINNeeded, full)
	noSession.Primary = qmi.NoApplication
	second := cardWith(qmi.AppReady, full)
	second.Primary = 0x0100
	second.Cards = append([]qmi.Card{{State: qmi.CardAbsent}}, second.Cards...)
	for name, c := range map[string]struct {
		status   *qmi.CardStatus
		state    modem.SIMState
		attempts int
		iccid    bool
	}{
		"nothing known":        {nil, modem.SIMStarting, -1, false},
		"no card listed":       {&qmi.CardStatus{}, modem.SIMStarting, -1, false},
		"absent":               {&qmi.CardStatus{Primary: qmi.NoApplication, Cards: []qmi.Card{{State: qmi.CardAbsent}}}, modem.SIMAbsent, -1, false},
		"broken":               {&qmi.CardStatus{Primary: qmi.NoApplication, Cards: []qmi.Card{{State: qmi.CardError, Error: 3}}}, modem.SIMFailed, -1, false},
		"no application yet":   {&qmi.CardStatus{Primary: qmi.NoApplication, Cards: []qmi.Card{{State: qmi.CardPresent}}}, modem.SIMStarting, -1, true},
		"detected":             {cardWith(qmi.AppDetected, qmi.PINStatus{}), modem.SIMStarting, -1, true},
		"looks locked":         {cardWith(qmi.AppPINNeeded, qmi.PINStatus{}), modem.SIMStarting, -1, true},
		"locked":               {cardWith(qmi.AppPINNeeded, full), modem.SIMLocked, 3, true},
		"locked, no session":   {noSession, modem.SIMLocked, 3, true},
		"by its universal PIN": {universal, modem.SIMLocked, 2, true},
		"blocked":              {cardWith(qmi.AppPUKNeeded, qmi.PINStatus{State: qmi.PINBlocked, UnblockRetries: 9}), modem.SIMBlocked, 9, true},
		"blocked for good":     {cardWith(qmi.AppPINBlockedForGood, qmi.PINStatus{State: qmi.PINBlockedForGood}), modem.SIMFailed, 0, false},
		"illegal":              {cardWith(qmi.AppIllegal, full), modem.SIMFailed, 3, false},
		"checking":             {checked, modem.SIMStarting, 3, true},
		"of another operator":  {locked, modem.SIMNetworkLocked, 3, true},
		"in the second slot":   {second, modem.SIMReady, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				always[qmi.GetCardStatusRequest](s, &qmi.GetCardStatusResponse{Status: c.status})
				sim, err := m.SIM(t.Context())
				if err != nil || sim.State != c.state || sim.Attempts != c.attempts || (sim.ICCID != "") != c.iccid {
					t.Errorf("%+v, %v", sim, err)
				}
				if (sim.IMSI != "") != (c.state == modem.SIMReady) {
					t.Errorf("IMSI is %q", sim.IMSI)
				}
			})
		})
	}
}

// A card that is there and that the modem does not use is taken into use.
func TestSIMIsTakenIntoUse(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		aside := cardWith(qmi.AppDetected, qmi.PINStatus{})
		aside.Primary = qmi.NoApplication
		aside.Cards = append([]qmi.Card{{State: qmi.CardAbsent}}, aside.Cards...)
		always[qmi.GetCardStatusRequest](s, &qmi.GetCardStatusResponse{Status: aside})
		always[qmi.ChangeProvisioningSessionRequest](s, &qmi.ChangeProvisioningSessionResponse{})
		if sim, err := m.SIM(t.Context()); err != nil || sim.State != modem.SIMStarting {
			t.Errorf("%+v, %v", sim, err)
		}
		want := []qmi.Body{&qmi.ChangeProvisioningSessionRequest{
			Change: qmi.ProvisioningChange{Session: qmi.SessionPrimary, Activate: true}, Application: &qmi.SlotApplication{Slot: 2, AID: aid},
		}}
		if asked := s.asked((*qmi.ChangeProvisioningSessionRequest)(nil).Kind()); !reflect.DeepEqual(asked, want) {
			t.Errorf("asked %+v", asked)
		}
	})
}

func TestUIMThatDoesNotTell(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		always[qmi.GetCardStatusRequest](s, qmi.ErrInvalidCommand)
		always[qmi.DMSGetPINStatusRequest](s, &qmi.DMSGetPINStatusResponse{PIN1: &qmi.PINStatus{State: qmi.PINEnabledNotVerified, Retries: 3}})
		always[qmi.DMSVerifyPINRequest](s, &qmi.DMSVerifyPINResponse{})
		if sim, err := m.SIM(t.Context()); err != nil || sim.State != modem.SIMLocked {
			t.Errorf("%+v, %v", sim, err)
		}
		if err := m.EnterPIN(t.Context(), "1234"); err != nil || s.count((*qmi.VerifyPINRequest)(nil).Kind()) != 0 {
			t.Errorf("%v", err)
		}
	})
}

func TestSIMWithoutFiles(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		always[qmi.ReadTransparentRequest](s, qmi.ErrFileNotFound)
		sim, err := m.SIM(t.Context())
		if err != nil || sim != (modem.SIM{State: modem.SIMReady, Attempts: 3}) {
			t.Errorf("%+v, %v", sim, err)
		}
	})
}

func TestEnterPINOnce(t *testing.T) {
	for name, c := range map[string]struct {
		answer any
		want   error
	}{
		"right":            {&qmi.VerifyPINResponse{CardResult: &qmi.CardResult{SW1: 0x90}}, nil},
		"wrong":            {&qmi.VerifyPINResponse{Result: qmi.Result{Code: qmi.ErrIncorrectPIN}, Retries: &qmi.Retries{Verify: 2}}, modem.ErrWrongPIN},
		"wrong, by card":   {&qmi.VerifyPINResponse{Result: qmi.Result{Code: qmi.ErrInternal}, CardResult: &qmi.CardResult{SW1: 0x63, SW2: 0xc1}}, modem.ErrWrongPIN},
		"blocked, by card": {&qmi.VerifyPINResponse{Result: qmi.Result{Code: qmi.ErrInternal}, CardResult: &qmi.CardResult{SW1: 0x69, SW2: 0x83}}, modem.ErrWrongPIN},
		"blocked":          {qmi.ErrPINBlocked, modem.ErrWrongPIN},
		"not needed":       {qmi.ErrNoEffect, nil},
		"no SIM":           {qmi.ErrNoSIM, modem.ErrNoSIM},
		"silence":          {nil, modem.ErrSilent},
		"malformed":        {[]qmi.TLV{{Type: 2, Value: []byte{1}}}, errAny},
		"client lost":      {qmi.ErrInvalidClientID, qmi.ErrInvalidClientID},
	} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T, s *script, m *Modem) {
				always[qmi.VerifyPINRequest](s, c.answer)
				if err := m.EnterPIN(t.Context(), "1234"); c.want == nil && err != nil || c.want == errAny && err == nil || c.want != errAny && !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
				asked := s.asked((*qmi.VerifyPINRequest)(nil).Kind())
				want := &qmi.VerifyPINRequest{PIN: qmi.PINInfo{ID: qmi.PIN1, PIN: "1234"}}
				if len(asked) != 1 || !reflect.DeepEqual(asked[0], want) {
					t.Errorf("asked %v", asked)
				}
			})
		})
	}
}

// errAny stands for any error.
var errAny = errors.New("any")

func TestEnterUniversalPIN(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		status := cardWith(qmi.AppPINNeeded, qmi.PINStatus{})
		status.Cards[0].Applications[0].UniversalPIN = true
		always[qmi.GetCardStatusRequest](s, &qmi.GetCardStatusResponse{Status: status})
		if err := m.EnterPIN(t.Context(), "1234"); err != nil {
			t.Fatal(err)
		}
		if asked := s.asked((*qmi.VerifyPINRequest)(nil).Kind()); asked[0].(*qmi.VerifyPINRequest).PIN.ID != qmi.UniversalPIN {
			t.Errorf("asked %+v", asked[0])
		}
	})
}

// withoutUIM runs test with a modem that has no UIM.
func withoutUIM(t *testing.T, test func(t *testing.T, s *script, m *Modem)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		always[qmi.GetVersionInfoRequest](s, &qmi.GetVersionInfoResponse{Services: []qmi.ServiceVersion{{Service: qmi.DMS, Major: 1}, {Service: qmi.WDA, Major: 1}}})
		always[qmi.DMSGetICCIDRequest](s, &qmi.DMSGetICCIDResponse{ICCID: "8949010000000000001F"})
		always[qmi.DMSGetIMSIRequest](s, &qmi.DMSGetIMSIResponse{IMSI: "262012345678901"})
		test(t, s, open(t, s))
	})
}

func TestSIMByDMS(t *testing.T) {
	pin := func(state qmi.PINState) *qmi.DMSGetPINStatusResponse {
		return &qmi.DMSGetPINStatusResponse{PIN1: &qmi.PINStatus{State: state, Retries: 2, UnblockRetries: 9}}
	}
	const iccid, imsi = "8949010000000000001", "262012345678901"
	for name, c := range map[string]struct {
		answer any
		want   modem.SIM
	}{
		"ready":            {pin(qmi.PINEnabledVerified), modem.SIM{State: modem.SIMReady, ICCID: iccid, IMSI: imsi, Attempts: 2}},
		"ready, no PIN":    {pin(qmi.PINDisabled), modem.SIM{State: modem.SIMReady, ICCID: iccid, IMSI: imsi, Attempts: 2}},
		"locked":           {pin(qmi.PINEnabledNotVerified), modem.SIM{State: modem.SIMLocked, ICCID: iccid, Attempts: 2}},
		"blocked":          {pin(qmi.PINBlocked), modem.SIM{State: modem.SIMBlocked, ICCID: iccid, Attempts: 9}},
		"blocked for good": {pin(qmi.PINBlockedForGood), modem.SIM{State: modem.SIMFailed, ICCID: iccid, Attempts: 2}},
		"not initialised":  {pin(qmi.PINNotInitialised), modem.SIM{State: modem.SIMStarting, ICCID: iccid, Attempts: 2}},
		"starting":         {qmi.ErrUIMUninitialised, modem.SIM{State: modem.SIMStarting, Attempts: -1}},
		"absent":           {qmi.ErrNoSIM, modem.SIM{State: modem.SIMAbsent, Attempts: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			withoutUIM(t, func(t *testing.T, s *script, m *Modem) {
				always[qmi.DMSGetPINStatusRequest](s, c.answer)
				if sim, err := m.SIM(t.Context()); err != nil || sim != c.want {
					t.Errorf("%+v, %v, want %+v", sim, err, c.want)
				}
			})
		})
	}
}

func TestEnterPINByDMS(t *testing.T) {
	withoutUIM(t, func(t *testing.T, s *script, m *Modem) {
		always[qmi.DMSVerifyPINRequest](s, &qmi.DMSVerifyPINResponse{Result: qmi.Result{Code: qmi.ErrIncorrectPIN}})
		if err := m.EnterPIN(t.Context(), "1234"); !errors.Is(err, modem.ErrWrongPIN) {
			t.Errorf("%v", err)
		}
		if n := s.count((*qmi.DMSVerifyPINRequest)(nil).Kind()); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestSlots(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		slots, err := m.Slots(t.Context())
		want := []modem.Slot{{Number: 1, Active: true, Filled: true, ICCID: "89490100000000000012"}, {Number: 2}}
		if err != nil || !reflect.DeepEqual(slots, want) {
			t.Errorf("%+v, %v, want %+v", slots, err, want)
		}
		if err := m.UseSlot(t.Context(), 2); err != nil {
			t.Error(err)
		}
		if asked := s.asked((*qmi.SwitchSlotRequest)(nil).Kind()); !reflect.DeepEqual(asked, []qmi.Body{&qmi.SwitchSlotRequest{Logical: 1, Physical: 2}}) {
			t.Errorf("asked %+v", asked)
		}
		always[qmi.SwitchSlotRequest](s, qmi.ErrNoEffect)
		if err := m.UseSlot(t.Context(), 2); err != nil {
			t.Error(err)
		}
		always[qmi.SwitchSlotRequest](s, qmi.ErrInvalidCommand)
		if err := m.UseSlot(t.Context(), 1); !errors.Is(err, modem.ErrUnsupported) {
			t.Error(err)
		}
	})
}

func TestModemThatCannotTellItsSlotsHasOne(t *testing.T) {
	in(t, func(t *testing.T, s *script, m *Modem) {
		always[qmi.GetSlotStatusRequest](s, qmi.ErrInvalidCommand)
		slots, err := m.Slots(t.Context())
		want := []modem.Slot{{Number: 1, Active: true, Filled: true, ICCID: "89490100000000000012"}}
		if err != nil || !reflect.DeepEqual(slots, want) {
			t.Errorf("%+v, %v, want %+v", slots, err, want)
		}
	})
}
