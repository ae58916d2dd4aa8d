package mbimside

import (
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
)

// host is a host in the same bubble as its modem.
type host struct {
	*testing.T
	modem       *virtual.Modem
	side        *Side
	version     mbim.Version
	transaction uint32
	frames      [][]byte
	heard       []mbim.Message
}

// inBubble runs f with a host and its modem, which has registered. The channel is
// not open.
func inBubble(t *testing.T, s virtual.Scenario, f func(h *host)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m, err := virtual.New(t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		h := &host{T: t, modem: m, version: mbim.V1}
		fragments := mbim.Reassembler{Limit: 1 << 16}
		h.side = New(m, func(frame []byte) {
			h.frames = append(h.frames, frame)
			message, err := fragments.Add(frame)
			if err != nil {
				t.Errorf("the modem says % x: %v", frame, err)
			}
			if message != nil {
				h.heard = append(h.heard, *message)
			}
		})
		h.pass(2 * time.Second)
		f(h)
	})
}

func (h *host) pass(d time.Duration) {
	h.modem.Do(func() {}) // what it says next comes after what was read of it by now
	time.Sleep(d)
	synctest.Wait()
}

// say sends a message in fragments of at most length octets.
func (h *host) say(m mbim.Message, length int) {
	h.Helper()
	frames, err := m.Frames(length)
	if err != nil {
		h.Fatal(err)
	}
	for _, f := range frames {
		h.side.Receive(f)
	}
}

// answer takes the answer to a transaction out of what was heard.
func (h *host) answer(transaction uint32) (mbim.Message, bool) {
	h.pass(time.Second)
	for i, m := range h.heard {
		if m.Transaction == transaction && m.Type != mbim.IndicateStatus {
			h.heard = append(h.heard[:i], h.heard[i+1:]...)
			return m, true
		}
	}
	return mbim.Message{}, false
}

func (h *host) open(length uint32) {
	h.Helper()
	h.transaction++
	h.say(mbim.Message{Type: mbim.Open, Transaction: h.transaction, MaxTransfer: length}, 4096)
	if m, ok := h.answer(h.transaction); !ok || m.Type != mbim.OpenDone || m.Status != mbim.StatusOK {
		h.Fatalf("not opened: %v", m)
	}
}

// ask queries or sets and reads the answer.
func (h *host) ask(set bool, request, answer mbim.Body) error {
	h.Helper()
	h.transaction++
	write := h.version.Query
	if set {
		write = h.version.Set
	}
	m, err := write(h.transaction, request)
	if err != nil {
		h.Fatal(err)
	}
	h.say(m, 4096)
	done, ok := h.answer(h.transaction)
	if !ok {
		h.Fatalf("%v: no answer", m)
	}
	return h.version.Decode(done, answer)
}

func (h *host) must(set bool, request, answer mbim.Body) {
	h.Helper()
	if err := h.ask(set, request, answer); err != nil {
		h.Fatal(err)
	}
}

func (h *host) refused(want mbim.Status, set bool, request, answer mbim.Body) {
	h.Helper()
	if err := h.ask(set, request, answer); !errors.Is(err, want) {
		h.Errorf("%v, want %v", err, want)
	}
}

// told takes the indications about a command out of what was heard.
func (h *host) told(about mbim.Command) (all []mbim.Message) {
	rest := h.heard[:0]
	for _, m := range h.heard {
		if m.Type == mbim.IndicateStatus && m.Command == about {
			all = append(all, m)
		} else {
			rest = append(rest, m)
		}
	}
	h.heard = rest
	return all
}

func activate(session uint32) *mbim.Connect {
	return &mbim.Connect{
		Session: session, Command: mbim.ActivationCommandActivate, AccessString: "internet",
		IPType: mbim.ContextIPTypeIPv4v6, ContextType: mbim.ContextTypeInternet,
	}
}

func TestNothingGoesBeforeOpen(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		m, err := mbim.V1.Query(7, mbim.CmdDeviceCaps)
		if err != nil {
			h.Fatal(err)
		}
		h.say(m, 4096)
		if got, ok := h.answer(7); !ok || got.Type != mbim.FunctionError || got.Error != mbim.ErrorNotOpened {
			h.Errorf("%v", got)
		}
		h.modem.Do(func() { _ = h.modem.SetRadio(false) })
		if len(h.heard) > 0 {
			h.Errorf("indications to nobody: %v", h.heard)
		}
		h.say(mbim.Message{Type: mbim.Open, Transaction: 8, MaxTransfer: 32}, 4096)
		if got, ok := h.answer(8); !ok || got.Error != mbim.ErrorMaxTransfer {
			h.Errorf("%v", got)
		}
	})
}

func TestFragmentsBothWays(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.open(64)
		h.frames = nil
		h.transaction++
		m, err := mbim.V1.Set(h.transaction, activate(0))
		if err != nil {
			h.Fatal(err)
		}
		h.say(m, 64)
		if done, ok := h.answer(h.transaction); !ok || done.Status != mbim.StatusOK {
			h.Errorf("%v", done)
		}
		h.must(false, mbim.CmdDeviceServices, &mbim.DeviceServices{})
		for _, f := range h.frames {
			if len(f) > 64 {
				h.Errorf("a fragment of %d octets", len(f))
			}
		}
	})
}

func TestFragmentsThatDoNotCome(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.open(4096)
		m, err := mbim.V1.Set(9, activate(0))
		if err != nil {
			h.Fatal(err)
		}
		frames, err := m.Frames(64)
		if err != nil {
			h.Fatal(err)
		}
		h.side.Receive(frames[0])
		if got, ok := h.answer(9); ok {
			h.Errorf("answered within a second: %v", got)
		}
		if got, ok := h.answer(9); !ok || got.Error != mbim.ErrorTimeoutFragment {
			h.Errorf("after two seconds: %v", got)
		}
		h.side.Receive(frames[0])
		h.side.Receive(frames[2])
		if got, ok := h.answer(9); !ok || got.Error != mbim.ErrorFragmentOutOfSequence {
			h.Errorf("out of sequence: %v", got)
		}
	})
}

func TestATransactionInUse(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.open(4096)
		for range 2 {
			m, err := mbim.V1.Query(77, &mbim.Scan{})
			if err != nil {
				h.Fatal(err)
			}
			h.say(m, 4096)
		}
		if got, ok := h.answer(77); !ok || got.Error != mbim.ErrorDuplicatedTID {
			h.Errorf("%v", got)
		}
		h.pass(5 * time.Second)
		if got, ok := h.answer(77); !ok || got.Status != mbim.StatusOK {
			h.Errorf("the first one: %v", got)
		}
	})
}

func TestBusyOpen(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.modem.Do(func() { h.side.BusyOpens(1) })
		h.say(mbim.Message{Type: mbim.Open, Transaction: 1, MaxTransfer: 4096}, 4096)
		if got, ok := h.answer(1); !ok || got.Status != mbim.StatusBusy {
			h.Errorf("%v", got)
		}
		h.open(4096)
	})
}

func TestStatuses(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.open(4096)
		h.refused(mbim.StatusContextNotActivated, false, &mbim.IPConfiguration{Session: 1}, &mbim.IPConfiguration{})
		h.refused(mbim.StatusContextNotActivated, false, mbim.CmdPacketStatistics, &mbim.PacketStatistics{})
		off := activate(0)
		off.Command = mbim.ActivationCommandDeactivate
		h.refused(mbim.StatusContextNotActivated, true, off, &mbim.Connection{})
		h.refused(mbim.StatusInvalidParameters, true, activate(8), &mbim.Connection{})
		voice := activate(0)
		voice.ContextType = mbim.UUID{1}
		h.refused(mbim.StatusContextNotSupported, true, voice, &mbim.Connection{})
		unknown := activate(0)
		unknown.AccessString = "nowhere"
		var why mbim.Connection
		h.refused(mbim.StatusInvalidAccessString, true, unknown, &why)
		if why.NwError != 27 || why.State != mbim.ActivationStateDeactivated {
			h.Errorf("the network's cause is %d, %v", why.NwError, why.State)
		}
		h.must(true, activate(0), &mbim.Connection{})
		h.refused(mbim.StatusMaxActivatedContexts, true, activate(0), &mbim.Connection{})
		h.must(true, off, &mbim.Connection{})
		h.modem.Do(func() { h.modem.DrawSIM(0) })
		h.refused(mbim.StatusSIMNotInserted, true, activate(0), &mbim.Connection{})
		h.refused(mbim.StatusSIMNotInserted, false, mbim.CmdHomeProvider, &mbim.HomeProvider{})
	})
}

func TestStartingSIMLooksLocked(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.open(4096)
		h.modem.Do(func() {
			h.modem.InsertSIM(0, h.modem.DrawSIM(0))
			if s := h.side.subscriber(); s.State != mbim.ReadyStateNotInitialized {
				h.Errorf("a SIM that starts is %v", s.State)
			}
			if p := h.side.pinStatus(); p.Type != mbim.PINTypePIN1 || p.State != mbim.PINStateLocked {
				h.Errorf("and its PIN %+v", p)
			}
		})
		h.pass(time.Second)
		var states []mbim.ReadyState
		for _, m := range h.told(mbim.CmdSubscriberReadyStatus) {
			var s mbim.SubscriberReady
			if err := mbim.V1.Decode(m, &s); err != nil {
				h.Error(err)
			}
			states = append(states, s.State)
		}
		if len(states) != 3 || states[0] != mbim.ReadyStateSIMNotInserted || states[1] != mbim.ReadyStateNotInitialized || states[2] != mbim.ReadyStateInitialized {
			h.Errorf("told %v", states)
		}
	})
}

func TestTheNetworkTakesAConnectionAway(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.open(4096)
		h.must(true, activate(0), &mbim.Connection{})
		if told := append(h.told(mbim.CmdConnect), h.told(mbim.CmdIPConfiguration)...); len(told) != 0 {
			h.Errorf("told of what was answered: %v", told)
		}
		h.modem.Do(func() {
			if err := errors.Join(h.modem.SetMTU(0, 1280), h.modem.Drop(0, 36)); err != nil {
				h.Error(err)
			}
		})
		var changed mbim.IPConfiguration
		if told := h.told(mbim.CmdIPConfiguration); len(told) != 1 || mbim.V1.Decode(told[0], &changed) != nil || changed.IPv4.MTU != 1280 {
			h.Errorf("told of the MTU: %v, %+v", told, changed)
		}
		var lost mbim.Connection
		if told := h.told(mbim.CmdConnect); len(told) != 1 || mbim.V1.Decode(told[0], &lost) != nil || lost.State != mbim.ActivationStateDeactivated || lost.NwError != 36 {
			h.Errorf("told of the end: %v, %+v", told, lost)
		}
	})
}

func TestSubscriptionReplacesWhatIsTold(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.open(4096)
		list := &mbim.SubscribeList{Events: []mbim.EventEntry{
			{Service: mbim.BasicConnect, CIDs: []uint32{mbim.CmdRegisterState.CID}},
			{Service: mbim.BasicConnectExtensions, CIDs: []uint32{mbim.CmdLTEAttachInfo.CID}},
		}}
		h.must(true, list, &mbim.SubscribeList{})
		h.modem.Do(func() { _ = h.modem.SetRadio(false) })
		if len(h.told(mbim.CmdRadioState)) != 0 || len(h.told(mbim.CmdRegisterState)) != 1 || len(h.told(mbim.CmdLTEAttachInfo)) != 1 {
			h.Errorf("told otherwise than asked for: %v", h.heard)
		}
	})
}

func TestNegotiationChangesTheLayout(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.open(4096)
		var own mbim.Versions
		h.must(false, &mbim.Versions{MBIM: 0x0100, Extended: 0x0300}, &own)
		if own.Extended != mbim.V2 {
			h.Errorf("the modem has MBIMEx %v", own.Extended)
		}
		h.version = mbim.V2
		var signal mbim.SignalState
		h.must(false, mbim.CmdSignalState, &signal)
		if len(signal.Technologies) != 1 || signal.Technologies[0].SystemType != mbim.DataClassLTE {
			h.Errorf("%+v", signal)
		}
		h.version = mbim.V1
		h.open(4096)
		h.must(false, mbim.CmdSignalState, &mbim.SignalState{})
	})
}

func TestResetEndsConversationAndConnections(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.open(4096)
		h.must(true, activate(0), &mbim.Connection{})
		h.side.Reset()
		h.modem.Do(func() {
			if len(h.modem.Sessions()) != 0 || h.side.open {
				h.Error("something is left")
			}
		})
		if len(h.heard) != 0 {
			h.Errorf("told after the end: %v", h.heard)
		}
	})
}

func TestDeviceReset(t *testing.T) {
	inBubble(t, virtual.Default(), func(h *host) {
		h.open(4096)
		h.must(true, mbim.CmdDeviceReset, mbim.CmdDeviceReset)
		h.modem.Do(func() {
			if h.modem.OnBus() {
				h.Error("the modem is still there")
			}
		})
		h.pass(5 * time.Second)
		h.open(4096)
	})
}

func TestAttachAPN(t *testing.T) {
	s := virtual.Default()
	s.Networks[0].Attach = []string{"iot"}
	inBubble(t, s, func(h *host) {
		h.open(4096)
		var registration mbim.Registration
		h.must(false, mbim.CmdRegisterState, &registration)
		if registration.State != mbim.RegisterStateDenied || registration.NwError != 19 {
			h.Errorf("%v, %d", registration.State, registration.NwError)
		}
		var settings mbim.LTEAttachConfiguration
		h.must(false, mbim.CmdLTEAttachConfiguration, &settings)
		if len(settings.Settings) != 3 {
			h.Fatalf("%d entries", len(settings.Settings))
		}
		settings.Settings[0].AccessString = "iot"
		h.refused(mbim.StatusInvalidParameters, true, &mbim.SetLTEAttachConfiguration{Settings: settings.Settings[:1]}, &mbim.LTEAttachConfiguration{})
		h.must(true, &mbim.SetLTEAttachConfiguration{Settings: settings.Settings}, &settings)
		h.must(false, mbim.CmdRegisterState, &registration)
		if registration.State != mbim.RegisterStateHome {
			h.Errorf("with the right attach APN: %v, %d", registration.State, registration.NwError)
		}
	})
}

// FuzzReceive: whatever a host sends, the modem's answers can be read.
func FuzzReceive(f *testing.F) {
	for service, last := range map[mbim.UUID]uint32{mbim.BasicConnect: 23, mbim.BasicConnectExtensions: 16, mbim.UICCLowLevelAccess: 11} {
		for cid := range last {
			for _, set := range []bool{false, true} {
				m := mbim.Message{Type: mbim.CommandMessage, Transaction: 2, Command: mbim.Command{Service: service, CID: cid}, Set: set, Info: make([]byte, 64)}
				if frames, err := m.Frames(4096); err == nil {
					f.Add(frames[0])
				}
			}
		}
	}
	m, err := virtual.New(f.Context(), virtual.Default())
	if err != nil {
		f.Fatal(err)
	}
	open := binary.LittleEndian.AppendUint32([]byte{1, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0}, 4096)
	f.Fuzz(func(t *testing.T, frame []byte) {
		fragments := mbim.Reassembler{Limit: 1 << 20}
		side := New(m, func(frame []byte) {
			if _, err := fragments.Add(frame); err != nil {
				t.Errorf("the modem says % x: %v", frame, err)
			}
		})
		defer side.Close()
		side.Receive(open)
		side.Receive(frame)
	})
}
