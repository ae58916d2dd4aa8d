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

// record is a Memory as a file is one.
type record struct{ octets []byte }

func (r *record) Load() (s State) {
	if r.octets != nil && json.Unmarshal(r.octets, &s) != nil {
		panic("what was stored cannot be read")
	}
	return s
}

func (r *record) Store(s State) { r.octets, _ = json.Marshal(s) }

// kill ends m's process, which says no farewell.
func kill(t *testing.T, m *Modem) {
	t.Helper()
	if err := m.talk.close(); err != nil {
		t.Fatal(err)
	}
}

// resume resumes the conversation with v.
func (f *firmware) resume(t *testing.T, r *record) *Modem {
	t.Helper()
	m, err := Resume(t.Context(), f.plug(t), Path{}, r, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// connected runs test with an emulated modem that is connected and a record of it.
func connected(t *testing.T, test func(t *testing.T, v *firmware, m *Modem, r *record)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := new(record)
		v := newFirmware(t, virtual.Default())
		m := v.resume(t, r)
		awaitRegistration(t, m, modem.Home)
		if err := m.Connect(t.Context(), 0, modem.APN{Name: "internet"}); err != nil {
			t.Fatal(err)
		}
		test(t, v, m, r)
	})
}

// Killing the process costs the connection nothing, however often it is done.
func TestCallsGoOnInTheNextProcess(t *testing.T) {
	connected(t, func(t *testing.T, v *firmware, m *Modem, r *record) {
		want, err := m.Connection(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			kill(t, m)
			m = v.resume(t, r)
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
			if err := v.Drop(1, 38); err != nil {
				t.Error(err)
			}
		})
		await(t, m, func(c modem.Connection) bool { return !c.Address6.IsValid() }, func() (modem.Connection, error) { return m.Connection(t.Context(), 0) })
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
	connected(t, func(t *testing.T, v *firmware, m *Modem, r *record) {
		want, err := m.Connection(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := v.resume(t, r).Connection(t.Context(), 0); err != nil || !got.Equal(want) {
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
			connected(t, func(t *testing.T, v *firmware, m *Modem, r *record) {
				kill(t, m)
				end(v)
				m = v.resume(t, r)
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
		s, r := newScript(t), new(record)
		r.Store(State{Clients: []qmi.ClientID{{Service: qmi.NAS, Client: 7}}})
		m, err := Resume(t.Context(), s.wire, Path{}, r, quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		if n := s.count((*qmi.SyncRequest)(nil).Kind()); n != 1 || !m.RawIP() {
			t.Errorf("%d times in step, raw IP %t", n, m.RawIP())
		}
		if state := r.Load(); len(state.Calls) != 0 || !reflect.DeepEqual(state.Clients, []qmi.ClientID{{Service: qmi.WDA, Client: 1}}) {
			t.Errorf("%+v", state)
		}
	})
}

// A path that is to be divided from now on takes new calls.
func TestResumeOnAnotherPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newChannelScript(t), new(record)
		r.Store(State{Calls: []Call{{Family: qmi.FamilyIPv4, Client: 1}}, RawIP: true})
		m, err := Resume(t.Context(), s.wire, divided, r, quiet())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = m.Close() })
		if n := s.count((*qmi.GetPacketStatusRequest)(nil).Kind()); n != 0 {
			t.Errorf("asked for the old call %d times", n)
		}
		if n := s.count((*qmi.SyncRequest)(nil).Kind()); n != 1 {
			t.Errorf("%d times in step", n)
		}
	})
}

// A modem that is slow with one call is asked again, and one that says nothing of it at
// all begins anew: half a connection is not taken over.
func TestResumeOfASlowModem(t *testing.T) {
	for name, test := range map[string]struct{ silences, calls, syncs int }{
		"once":   {1, 2, 0},
		"always": {100, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, r := newScript(t), new(record)
				state := State{RawIP: true}
				for i, family := range families {
					client := uint8(i + 1)
					s.clients[qmi.ClientID{Service: qmi.WDS, Client: client}], s.calls[client], s.last = true, family, client
					state.Calls = append(state.Calls, Call{Family: family, Client: client})
				}
				r.Store(state)
				good := s.answers[(*qmi.GetPacketStatusRequest)(nil).Kind()]
				on(s, func(client uint8, request *qmi.GetPacketStatusRequest) any {
					if s.calls[client] == qmi.FamilyIPv6 && test.silences > 0 {
						test.silences--
						return nil
					}
					return good(client, request)
				})
				m, err := Resume(t.Context(), s.wire, Path{}, r, quiet())
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = m.Close() })
				if n := len(r.Load().Calls); n != test.calls || len(m.callsOf(0)) != n || len(s.calls) != n {
					t.Errorf("%d calls are kept, of %d in the modem, want %d", n, len(s.calls), test.calls)
				}
				if n := s.count((*qmi.SyncRequest)(nil).Kind()); n != test.syncs {
					t.Errorf("%d times in step, want %d", n, test.syncs)
				}
			})
		})
	}
}

// Who opens a modem again because it did not answer wants it to come to its senses.
func TestCallsOfASilentModemAreNotTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r := newScript(t), new(record)
		m, err := Resume(t.Context(), s.wire, Path{}, r, quiet())
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Connect(t.Context(), 0, modem.APN{}); err != nil {
			t.Fatal(err)
		}
		always[qmi.GetServingSystemRequest](s, nil)
		if _, err := m.Registration(t.Context()); !errors.Is(err, modem.ErrSilent) {
			t.Errorf("%v", err)
		}
		if n := len(r.Load().Calls); n != 2 {
			t.Errorf("%d calls are kept while nobody gives up", n)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
		if n := len(r.Load().Calls); n != 0 {
			t.Errorf("%d calls are kept", n)
		}
	})
}

// What has ended is not kept.
func TestRecordEndsWithTheCalls(t *testing.T) {
	connected(t, func(t *testing.T, v *firmware, m *Modem, r *record) {
		if n := len(r.Load().Calls); n != 2 {
			t.Errorf("%d calls are kept", n)
		}
		if err := m.Disconnect(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if n := len(r.Load().Calls); n != 0 {
			t.Errorf("%d calls are kept", n)
		}
	})
}
