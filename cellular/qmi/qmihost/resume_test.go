package qmihost

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// kill ends m's process, which says no farewell, and returns what it has left.
func kill(t *testing.T, m *Modem) State {
	t.Helper()
	record, err := json.Marshal(m.State())
	if err != nil {
		t.Fatal(err)
	}
	if err := m.talk.close(); err != nil {
		t.Fatal(err)
	}
	var state State
	if err := json.Unmarshal(record, &state); err != nil {
		t.Fatal(err)
	}
	return state
}

// resume resumes the conversation with v.
func (f *firmware) resume(t *testing.T, state State) *Modem {
	t.Helper()
	m, err := Resume(t.Context(), f.plug(), Path{}, state, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// Killing the process costs the connection nothing, however often it is done.
func TestCallsGoOnInTheNextProcess(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		awaitRegistration(t, m, modem.Home)
		if err := m.Connect(t.Context(), 0, modem.APN{Name: "internet"}); err != nil {
			t.Fatal(err)
		}
		want, err := m.Connection(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			m = v.resume(t, kill(t, m))
			if got, err := m.Connection(t.Context(), 0); err != nil || !got.Equal(want) {
				t.Fatalf("%+v, %v, want %+v", got, err, want)
			}
			awaitSIM(t, m, modem.SIMReady)
			awaitRegistration(t, m, modem.Home)
		}
		if !m.RawIP() {
			t.Error("packets are no longer bare IP")
		}
		v.Do(func() {
			if err := v.Drop(0, 38); err != nil {
				t.Error(err)
			}
		})
		await(t, m, func(c modem.Connection) bool { return !c.Address4.IsValid() }, func() (modem.Connection, error) { return m.Connection(t.Context(), 0) })
		if err := m.Disconnect(t.Context(), 0); err != nil {
			t.Error(err)
		}
		v.Do(func() {
			if n := len(v.Sessions()); n != 0 {
				t.Errorf("%d calls are left", n)
			}
		})
	})
}

func TestCallsGoOnAfterClose(t *testing.T) {
	with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
		awaitRegistration(t, m, modem.Home)
		if err := m.Connect(t.Context(), 0, modem.APN{Name: "internet"}); err != nil {
			t.Fatal(err)
		}
		want, err := m.Connection(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		state := m.State()
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := v.resume(t, state).Connection(t.Context(), 0); err != nil || !got.Equal(want) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	})
}

// What the network or the modem has ended in the meantime is not taken over.
func TestCallsThatAreNoMore(t *testing.T) {
	for name, end := range map[string]func(*firmware){
		"the network ended them": func(v *firmware) {
			v.Do(func() { _, _ = v.Drop(0, 38), v.Drop(1, 38) })
		},
		"the modem started anew": func(v *firmware) {
			v.Do(func() { v.Bounce(virtual.Duration(time.Second)) })
			time.Sleep(2 * time.Second)
			synctest.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, virtual.Default(), func(t *testing.T, v *firmware, m *Modem) {
				awaitRegistration(t, m, modem.Home)
				if err := m.Connect(t.Context(), 0, modem.APN{Name: "internet"}); err != nil {
					t.Fatal(err)
				}
				state := kill(t, m)
				end(v)
				m = v.resume(t, state)
				if _, err := m.Connection(t.Context(), 0); !errors.Is(err, modem.ErrNotConnected) {
					t.Errorf("%v", err)
				}
				awaitRegistration(t, m, modem.Home)
				if err := m.Connect(t.Context(), 0, modem.APN{Name: "internet"}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestResumeWithoutCallsIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		m, err := Resume(t.Context(), s.wire, Path{}, State{Clients: []qmi.ClientID{{Service: qmi.NAS, Client: 7}}}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		if n := s.count((*qmi.SyncRequest)(nil).Kind()); n != 1 || !m.RawIP() {
			t.Errorf("%d times in step, raw IP %t", n, m.RawIP())
		}
		if state := m.State(); len(state.Calls) != 0 || !reflect.DeepEqual(state.Clients, []qmi.ClientID{{Service: qmi.WDA, Client: 1}}) {
			t.Errorf("%+v", state)
		}
	})
}

// A state from a path that was divided has sessions that this one has not.
func TestResumePassesOverOtherSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t)
		m, err := Resume(t.Context(), s.wire, Path{}, State{Calls: []Call{{Session: 3, Family: qmi.FamilyIPv4, Client: 1}}}, quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		if n := s.count((*qmi.GetPacketStatusRequest)(nil).Kind()); n != 0 {
			t.Errorf("asked %d times", n)
		}
	})
}
