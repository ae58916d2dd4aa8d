package mbimhost

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

func TestSIMStates(t *testing.T) {
	pin := func(typ mbim.PINType, state mbim.PINState, attempts uint32) *mbim.PINStatus {
		return &mbim.PINStatus{Type: typ, State: state, RemainingAttempts: attempts}
	}
	for _, tt := range []struct {
		name     string
		ready    mbim.ReadyState
		pin      *mbim.PINStatus // nil: must not be asked for
		want     modem.SIMState
		attempts int
	}{
		{"starting", mbim.ReadyStateNotInitialized, nil, modem.SIMStarting, -1},
		{"absent", mbim.ReadyStateSIMNotInserted, nil, modem.SIMAbsent, -1},
		{"bad", mbim.ReadyStateBadSIM, nil, modem.SIMFailed, -1},
		{"failure", mbim.ReadyStateFailure, nil, modem.SIMFailed, -1},
		{"no profile", mbim.ReadyStateNoESIMProfile, nil, modem.SIMAbsent, -1},
		{"newer state", 99, nil, modem.SIMStarting, -1},
		{"PIN1", mbim.ReadyStateDeviceLocked, pin(mbim.PINTypePIN1, mbim.PINStateLocked, 3), modem.SIMLocked, 3},
		{"PIN1, attempts unknown", mbim.ReadyStateDeviceLocked, pin(mbim.PINTypePIN1, mbim.PINStateLocked, mbim.UnknownAttempts), modem.SIMLocked, -1},
		{"PUK1", mbim.ReadyStateDeviceLocked, pin(mbim.PINTypePUK1, mbim.PINStateLocked, 10), modem.SIMBlocked, 10},
		{"PUK1 used up", mbim.ReadyStateDeviceLocked, pin(mbim.PINTypePUK1, mbim.PINStateLocked, 0), modem.SIMFailed, 0},
		{"PIN2", mbim.ReadyStateDeviceLocked, pin(mbim.PINTypePIN2, mbim.PINStateLocked, 3), modem.SIMStarting, -1},
		{"PUK2", mbim.ReadyStateDeviceLocked, pin(mbim.PINTypePUK2, mbim.PINStateLocked, 3), modem.SIMStarting, -1},
		{"unlocked meanwhile", mbim.ReadyStateDeviceLocked, pin(mbim.PINTypePIN1, mbim.PINStateUnlocked, 3), modem.SIMStarting, -1},
		{"operator's lock", mbim.ReadyStateDeviceLocked, pin(mbim.PINTypeNetworkPIN, mbim.PINStateLocked, 5), modem.SIMNetworkLocked, 5},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				f.says(mbim.CmdSubscriberReadyStatus, mbim.Query, &mbim.SubscriberReady{State: tt.ready, SIMICCID: "8949F"})
				f.on(mbim.CmdPIN, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) {
					if tt.pin == nil {
						t.Error("it was asked for PINs")
						return mbim.StatusFailure, mbim.CmdPIN
					}
					return mbim.StatusOK, tt.pin
				})
				got, err := f.open().SIM(t.Context())
				if want := (modem.SIM{State: tt.want, Attempts: tt.attempts, ICCID: "8949"}); err != nil || got != want {
					t.Errorf("%+v, %v, want %+v", got, err, want)
				}
			})
		})
	}
}

const ready = mbim.ReadyStateInitialized

// TestSIMFiles are read once for each SIM.
func TestSIMFiles(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		iccid, reads := "8949", 0
		f.on(mbim.CmdSubscriberReadyStatus, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) {
			return mbim.StatusOK, &mbim.SubscriberReady{State: ready, SubscriberID: "310410123456789", SIMICCID: iccid}
		})
		aid := []byte{0xa0, 0, 0, 0, 0x87, 0x10, 2}
		f.says(mbim.CmdUICCApplicationList, mbim.Query, &mbim.UICCApplicationList{Applications: []mbim.UICCApplication{
			{Type: mbim.UICCApplicationTypeISIM, ID: []byte{1}}, {Type: mbim.UICCApplicationTypeUSIM, ID: aid},
		}})
		files := map[string][]byte{
			string(mbim.PathAD): {0, 0, 0, 3}, string(mbim.PathSPN): append([]byte{1}, "Virtual\xff\xff"...), string(mbim.PathGID1): {0x42, 0xff},
		}
		f.on(mbim.CmdUICCFileStatus, mbim.Query, func(q mbim.Body) (mbim.Status, mbim.Body) {
			file := q.(*mbim.FileStatusQuery).File
			return mbim.StatusOK, &mbim.FileStatus{Result: mbim.CardResult{SW1: 0x90}, ItemCount: 1, ItemSize: uint32(len(files[string(file.Path)]))}
		})
		f.on(mbim.CmdUICCReadBinary, mbim.Query, func(q mbim.Body) (mbim.Status, mbim.Body) {
			reads++
			file, data := q.(*mbim.ReadBinary).File, files[string(q.(*mbim.ReadBinary).File.Path)]
			if !bytes.Equal(file.Application, aid) || int(q.(*mbim.ReadBinary).Size) != len(data) {
				t.Errorf("read %+v", q)
			}
			return mbim.StatusOK, &mbim.BinaryData{Result: mbim.CardResult{SW1: 0x90}, Data: data}
		})
		m := f.open()
		want := modem.SIM{State: modem.SIMReady, Attempts: -1, IMSI: "310410123456789", ICCID: "8949", MNCDigits: 3, Provider: "Virtual", GID1: "42"}
		for range 2 {
			if got, err := m.SIM(t.Context()); err != nil || got != want {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		}
		if reads != 3 {
			t.Errorf("%d files were read", reads)
		}
		iccid = "8901"
		if got, err := m.SIM(t.Context()); err != nil || got.ICCID != iccid || reads != 6 {
			t.Errorf("another SIM: %+v, %v, %d reads", got, err, reads)
		}
	})
}

// TestSIMWithoutFiles takes what the modem itself has read.
func TestSIMWithoutFiles(t *testing.T) {
	for name, script := range map[string]func(*fake){
		"unknown commands": func(*fake) {},
		"refused": func(f *fake) {
			f.refuses(mbim.CmdUICCApplicationList, mbim.Query, mbim.StatusFailure)
			f.refuses(mbim.CmdUICCFileStatus, mbim.Query, mbim.StatusFailure)
			f.refuses(mbim.CmdUICCReadBinary, mbim.Query, mbim.StatusFailure)
		},
		"files refused": func(f *fake) {
			f.says(mbim.CmdUICCApplicationList, mbim.Query, &mbim.UICCApplicationList{Applications: []mbim.UICCApplication{{Type: mbim.UICCApplicationTypeUSIM}}})
			f.says(mbim.CmdUICCFileStatus, mbim.Query, &mbim.FileStatus{Result: mbim.CardResult{SW1: 0x90}, ItemCount: 1, ItemSize: 4})
			f.refuses(mbim.CmdUICCReadBinary, mbim.Query, mbim.StatusFailure)
		},
		"files of any length": func(f *fake) {
			f.says(mbim.CmdUICCApplicationList, mbim.Query, &mbim.UICCApplicationList{Applications: []mbim.UICCApplication{{Type: mbim.UICCApplicationTypeUSIM}}})
			f.says(mbim.CmdUICCFileStatus, mbim.Query, &mbim.FileStatus{Result: mbim.CardResult{SW1: 0x90}, ItemCount: 1 << 31, ItemSize: 1 << 31})
			f.on(mbim.CmdUICCReadBinary, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) {
				f.t.Error("it was read")
				return mbim.StatusFailure, mbim.CmdUICCReadBinary
			})
		},
		"files missing": func(f *fake) {
			f.says(mbim.CmdUICCApplicationList, mbim.Query, &mbim.UICCApplicationList{Applications: []mbim.UICCApplication{{Type: mbim.UICCApplicationTypeUSIM}}})
			f.says(mbim.CmdUICCFileStatus, mbim.Query, &mbim.FileStatus{Result: mbim.CardResult{SW1: 0x6a, SW2: 0x82}, ItemCount: 1, ItemSize: 4})
			f.says(mbim.CmdUICCReadBinary, mbim.Query, &mbim.BinaryData{Result: mbim.CardResult{SW1: 0x90}, Data: []byte{0, 0, 0, 3}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				script(f)
				f.says(mbim.CmdSubscriberReadyStatus, mbim.Query, &mbim.SubscriberReady{State: ready, SubscriberID: "262011234567890", SIMICCID: "8949"})
				m := f.open()
				if got, err := m.SIM(t.Context()); err != nil || got.MNCDigits != 0 || got.Provider != "" {
					t.Errorf("without HOME_PROVIDER: %+v, %v", got, err)
				}
				m.files = simFiles{}
				f.says(mbim.CmdHomeProvider, mbim.Query, &mbim.HomeProvider{Provider: mbim.Provider{ID: "26201", Name: "Home"}})
				if got, err := m.SIM(t.Context()); err != nil || got.PLMN() != "26201" || got.Provider != "Home" {
					t.Errorf("%+v, %v", got, err)
				}
				m.files = simFiles{}
				f.says(mbim.CmdHomeProvider, mbim.Query, &mbim.HomeProvider{Provider: mbim.Provider{ID: "310410"}})
				if got, err := m.SIM(t.Context()); err != nil || got.MNCDigits != 0 {
					t.Errorf("another network's number was taken: %+v, %v", got, err)
				}
			})
		})
	}
}

func TestEnterPIN(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status mbim.Status
		answer mbim.Body
		want   error
	}{
		{"right", mbim.StatusOK, &mbim.PINStatus{Type: mbim.PINTypePIN1, State: mbim.PINStateUnlocked, RemainingAttempts: 3}, nil},
		{"right, and now PIN2 is shown", mbim.StatusOK, &mbim.PINStatus{Type: mbim.PINTypePIN2, State: mbim.PINStateLocked, RemainingAttempts: 3}, nil},
		{"wrong", mbim.StatusFailure, &mbim.PINStatus{Type: mbim.PINTypePIN1, State: mbim.PINStateLocked, RemainingAttempts: 2}, modem.ErrWrongPIN},
		{"wrong, as some say it", mbim.StatusOK, &mbim.PINStatus{Type: mbim.PINTypePIN1, State: mbim.PINStateLocked, RemainingAttempts: 2}, modem.ErrWrongPIN},
		{"wrong for the last time", mbim.StatusPINRequired, &mbim.PINStatus{Type: mbim.PINTypePUK1, State: mbim.PINStateLocked, RemainingAttempts: 10}, modem.ErrWrongPIN},
		{"wrong, in other words", mbim.StatusPINRequired, mbim.CmdPIN, modem.ErrWrongPIN},
		{"wrong, and nothing besides", mbim.StatusFailure, mbim.CmdPIN, modem.ErrWrongPIN},
		{"wrong, by another status", mbim.StatusOperationNotAllowed, &mbim.PINStatus{Type: mbim.PINTypePIN1, State: mbim.PINStateLocked, RemainingAttempts: 2}, modem.ErrWrongPIN},
		{"not tried", mbim.StatusBusy, &mbim.PINStatus{Type: mbim.PINTypePIN1, State: mbim.PINStateLocked, RemainingAttempts: 3}, mbim.StatusBusy},
		{"SIM drawn", mbim.StatusSIMNotInserted, mbim.CmdPIN, modem.ErrNoSIM},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				f.says(mbim.CmdSubscriberReadyStatus, mbim.Query, &mbim.SubscriberReady{State: mbim.ReadyStateDeviceLocked})
				f.says(mbim.CmdPIN, mbim.Query, &mbim.PINStatus{Type: mbim.PINTypePIN1, State: mbim.PINStateLocked, RemainingAttempts: 3})
				var got []mbim.PINRequest
				f.on(mbim.CmdPIN, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
					got = append(got, *q.(*mbim.PINRequest))
					return tt.status, tt.answer
				})
				err := f.open().EnterPIN(t.Context(), "4711")
				if !errors.Is(err, tt.want) || (err != nil) != (tt.want != nil) || tt.want == modem.ErrWrongPIN && errors.Is(err, modem.ErrNoSIM) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				if want := []mbim.PINRequest{{Type: mbim.PINTypePIN1, PIN: "4711"}}; !reflect.DeepEqual(got, want) {
					t.Errorf("the SIM was told %d things", len(got))
				}
				if strings.Contains(f.log.String(), "4711") || err != nil && strings.Contains(err.Error(), "4711") {
					t.Error("the PIN was told to others")
				}
			})
		})
	}
}

// TestNoPINWhereNoneIsWanted: not while the SIM starts, nor when it wants its PUK.
func TestNoPINWhereNoneIsWanted(t *testing.T) {
	for name, state := range map[string]mbim.ReadyState{"starting": mbim.ReadyStateNotInitialized, "ready": ready, "blocked": mbim.ReadyStateDeviceLocked} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				f.says(mbim.CmdSubscriberReadyStatus, mbim.Query, &mbim.SubscriberReady{State: state})
				f.says(mbim.CmdPIN, mbim.Query, &mbim.PINStatus{Type: mbim.PINTypePUK1, State: mbim.PINStateLocked, RemainingAttempts: 10})
				f.on(mbim.CmdPIN, mbim.Set, func(mbim.Body) (mbim.Status, mbim.Body) {
					t.Error("a PIN was sent")
					return mbim.StatusFailure, mbim.CmdPIN
				})
				if err := f.open().EnterPIN(t.Context(), "4711"); err == nil {
					t.Error("a PIN was taken")
				}
			})
		})
	}
}

func TestSlots(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		f.says(mbim.CmdSubscriberReadyStatus, mbim.Query, &mbim.SubscriberReady{State: ready, SIMICCID: "8949"})
		m := f.open()
		if got, err := m.Slots(t.Context()); err != nil || !reflect.DeepEqual(got, []modem.Slot{{Number: 1, Active: true, Filled: true, ICCID: "8949"}}) {
			t.Errorf("of a modem that does not tell: %+v, %v", got, err)
		}
		if err := m.UseSlot(t.Context(), 2); !errors.Is(err, modem.ErrUnsupported) {
			t.Errorf("%v, want %v", err, modem.ErrUnsupported)
		}
		m.Close()
	})
	bubble(t, func(t *testing.T, f *fake) {
		mapped := []uint32{1, 0}
		f.says(mbim.CmdSubscriberReadyStatus, mbim.Query, &mbim.SubscriberReady{State: mbim.ReadyStateSIMNotInserted})
		f.says(mbim.CmdSysCaps, mbim.Query, &mbim.SysCaps{Executors: 2, Slots: 4})
		f.on(mbim.CmdDeviceSlotMappings, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) {
			return mbim.StatusOK, &mbim.SlotMappings{Slots: mapped}
		})
		f.on(mbim.CmdDeviceSlotMappings, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
			mapped = q.(*mbim.SlotMappings).Slots
			return mbim.StatusOK, q
		})
		f.on(mbim.CmdSlotInfoStatus, mbim.Query, func(q mbim.Body) (mbim.Status, mbim.Body) {
			slot := q.(*mbim.SlotInfoQuery).Slot
			return mbim.StatusOK, &mbim.SlotInfo{Slot: slot, State: map[uint32]mbim.UICCSlotState{0: mbim.UICCSlotStateActive, 2: mbim.UICCSlotStateOffEmpty, 3: mbim.UICCSlotStateOff}[slot]}
		})
		m := f.open()
		want := []modem.Slot{{Number: 1, Filled: true}, {Number: 2, Active: true}, {Number: 3}, {Number: 4, Filled: true}}
		if got, err := m.Slots(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
		for _, step := range []struct {
			slot int
			want []uint32
		}{{2, []uint32{1, 0}}, {1, []uint32{0, 1}}, {4, []uint32{3, 1}}} {
			if err := m.UseSlot(t.Context(), step.slot); err != nil || !reflect.DeepEqual(mapped, step.want) {
				t.Errorf("slot %d: %v, %v, want %v", step.slot, mapped, err, step.want)
			}
		}
	})
}
