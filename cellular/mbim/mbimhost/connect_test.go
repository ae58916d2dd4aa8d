package mbimhost

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

func TestConnect(t *testing.T) {
	apn := modem.APN{Name: "corp", User: "u", Password: "secret", Auth: modem.PAP, Families: modem.IPv4v6}
	for _, tt := range []struct {
		name   string
		status mbim.Status
		answer mbim.Body
		want   error // nil: connected
	}{
		{"connected", mbim.StatusOK, &mbim.Connection{Session: 2, State: mbim.ActivationStateActivated}, nil},
		{"refused, with the cause beside the status", mbim.StatusFailure, &mbim.Connection{Session: 2, State: mbim.ActivationStateDeactivated, NwError: 33},
			modem.Refusal{Cause: 33, Reason: "the modem failed (MBIM status 2)"}},
		{"refused, and the status says nothing of it", mbim.StatusOK, &mbim.Connection{Session: 2, State: mbim.ActivationStateDeactivated, NwError: 27},
			modem.Refusal{Cause: 27, Reason: "the modem says that the connection is deactivated"}},
		{"refused by the modem", mbim.StatusInvalidAccessString, mbim.CmdConnect, modem.Refusal{Reason: "the APN is wrong (MBIM status 18)"}},
		{"not asked for yet", mbim.StatusPacketServiceDetached, mbim.CmdConnect, mbim.StatusPacketServiceDetached},
		{"too many", mbim.StatusMaxActivatedContexts, &mbim.Connection{NwError: 65}, modem.Refusal{Cause: 65, Reason: "the modem has no more connections (MBIM status 13)"}},
		{"refused by a cause that is not 3GPP's", mbim.StatusFailure, &mbim.Connection{NwError: 70000},
			modem.Refusal{Reason: "the modem failed (MBIM status 2), the network's cause 70000"}},
		{"no SIM", mbim.StatusSIMNotInserted, mbim.CmdConnect, modem.ErrNoSIM},
		{"not supported", mbim.StatusNoDeviceSupport, mbim.CmdConnect, modem.ErrUnsupported},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				var got mbim.Connect
				f.on(mbim.CmdConnect, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
					got = *q.(*mbim.Connect)
					return tt.status, tt.answer
				})
				err := f.open().Connect(t.Context(), 2, apn)
				if !errors.Is(err, tt.want) || (err != nil) != (tt.want != nil) {
					t.Errorf("%v, want %v", err, tt.want)
				}
				want := mbim.Connect{Session: 2, Command: mbim.ActivationCommandActivate, AccessString: "corp", UserName: "u", Password: "secret",
					Auth: mbim.AuthProtocolPAP, IPType: mbim.ContextIPTypeIPv4v6, ContextType: mbim.ContextTypeInternet}
				if got != want {
					t.Errorf("asked for %+v, want %+v", got, want)
				}
			})
		})
	}
}

// TestConnectWaitsForAModemThatAnswersAtOnce, woken by what it tells, or else by
// asking now and then.
func TestConnectWaitsForAModemThatAnswersAtOnce(t *testing.T) {
	for _, tells := range []bool{true, false} {
		for _, end := range []mbim.ActivationState{mbim.ActivationStateActivated, mbim.ActivationStateDeactivated} {
			bubble(t, func(t *testing.T, f *fake) {
				f.says(mbim.CmdConnect, mbim.Query, &mbim.Connection{State: mbim.ActivationStateActivating})
				f.on(mbim.CmdConnect, mbim.Set, func(mbim.Body) (mbim.Status, mbim.Body) {
					time.AfterFunc(5500*time.Millisecond, func() {
						c := &mbim.Connection{State: end, NwError: 29}
						f.says(mbim.CmdConnect, mbim.Query, c)
						if tells {
							f.indicate(c)
						}
					})
					return mbim.StatusOK, &mbim.Connection{State: mbim.ActivationStateActivating}
				})
				m := f.open()
				begun := time.Now()
				err := m.Connect(t.Context(), 0, modem.APN{})
				var refusal modem.Refusal
				if end == mbim.ActivationStateActivated && err != nil || end != mbim.ActivationStateActivated && (!errors.As(err, &refusal) || refusal.Cause != 29) {
					t.Error(err)
				}
				if took := time.Since(begun); tells && took != 5500*time.Millisecond || !tells && took != 6*time.Second {
					t.Errorf("it took %v", took)
				}
				m.Close()
			})
		}
	}
}

func TestConnectDoesNotWaitForEver(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		c := mbim.Connection{State: mbim.ActivationStateActivating}
		f.says(mbim.CmdConnect, mbim.Query, &c)
		f.says(mbim.CmdConnect, mbim.Set, &c)
		begun := time.Now()
		m := f.open()
		if err := m.Connect(t.Context(), 0, modem.APN{}); !errors.Is(err, modem.ErrSilent) {
			t.Error(err)
		}
		if took := time.Since(begun); took < 180*time.Second || took > 185*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestDisconnect(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status mbim.Status
		answer mbim.Body
		want   error
	}{
		{"ended", mbim.StatusOK, &mbim.Connection{State: mbim.ActivationStateDeactivated}, nil},
		{"was not there", mbim.StatusContextNotActivated, mbim.CmdConnect, nil},
		{"refused", mbim.StatusBusy, mbim.CmdConnect, mbim.StatusBusy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, f *fake) {
				f.on(mbim.CmdConnect, mbim.Set, func(q mbim.Body) (mbim.Status, mbim.Body) {
					if want := (mbim.Connect{Session: 3, ContextType: mbim.ContextTypeInternet}); *q.(*mbim.Connect) != want {
						t.Errorf("asked for %+v, want %+v", q, want)
					}
					return tt.status, tt.answer
				})
				if err := f.open().Disconnect(t.Context(), 3); !errors.Is(err, tt.want) || (err != nil) != (tt.want != nil) {
					t.Errorf("%v, want %v", err, tt.want)
				}
			})
		})
	}
}

func TestConnection(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		state := mbim.ActivationStateActivated
		ip := mbim.IPConfiguration{
			IPv4: mbim.IPFamilyConfiguration{Available: 15, Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/30")},
				Gateway: netip.MustParseAddr("10.0.0.1"), DNS: []netip.Addr{netip.MustParseAddr("192.0.2.1")}, MTU: 1430},
			IPv6: mbim.IPFamilyConfiguration{Available: 13, Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8::2/64")},
				Gateway: netip.MustParseAddr("fe80::1"), DNS: []netip.Addr{netip.MustParseAddr("2001:db8::53")}, MTU: 1420},
		}
		f.on(mbim.CmdConnect, mbim.Query, func(q mbim.Body) (mbim.Status, mbim.Body) {
			return mbim.StatusOK, &mbim.Connection{Session: q.(*mbim.Connection).Session, State: state}
		})
		f.on(mbim.CmdIPConfiguration, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) { return mbim.StatusOK, &ip })
		m := f.open()
		check := func(want modem.Connection) {
			t.Helper()
			if got, err := m.Connection(t.Context(), 0); err != nil || !got.Equal(want) {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
		}
		want := modem.Connection{
			Address4: netip.MustParsePrefix("10.0.0.2/30"), Address6: netip.MustParsePrefix("2001:db8::2/64"),
			Gateway4: netip.MustParseAddr("10.0.0.1"), // the other is not said to be available
			DNS:      []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::53")}, MTU: 1420,
		}
		check(want)

		// The network changes the address: it is asked for anew.
		ip = mbim.IPConfiguration{IPv4: mbim.IPFamilyConfiguration{Available: 1, Addresses: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("10.0.0.9/0")}}}
		check(modem.Connection{Address4: netip.MustParsePrefix("10.0.0.9/32")})
		ip = mbim.IPConfiguration{IPv4: mbim.IPFamilyConfiguration{Available: 2 | 8, Gateway: netip.IPv4Unspecified(), MTU: 0, Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.9/32")}}}
		check(modem.Connection{})

		state = mbim.ActivationStateDeactivated
		if _, err := m.Connection(t.Context(), 0); !errors.Is(err, modem.ErrNotConnected) {
			t.Error(err)
		}
		state = mbim.ActivationStateActivated
		f.refuses(mbim.CmdIPConfiguration, mbim.Query, mbim.StatusContextNotActivated)
		if _, err := m.Connection(t.Context(), 0); !errors.Is(err, modem.ErrNotConnected) {
			t.Error(err)
		}
	})
}

// TestADropKeepsItsCause, which the modem tells once, until a new connection.
func TestADropKeepsItsCause(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		state := mbim.ActivationStateDeactivated
		f.on(mbim.CmdConnect, mbim.Query, func(mbim.Body) (mbim.Status, mbim.Body) { return mbim.StatusOK, &mbim.Connection{State: state} })
		f.on(mbim.CmdConnect, mbim.Set, func(mbim.Body) (mbim.Status, mbim.Body) {
			return mbim.StatusOK, &mbim.Connection{State: mbim.ActivationStateActivated}
		})
		m := f.open()
		drop := func() {
			f.indicate(&mbim.Connection{Session: 0, State: mbim.ActivationStateDeactivated, NwError: 36})
			if got := <-m.Events(); got != modem.ConnectionChanged {
				t.Errorf("%v", got)
			}
		}
		drop()
		_, err := m.Connection(t.Context(), 0)
		var refusal modem.Refusal
		if !errors.Is(err, modem.ErrNotConnected) || !errors.As(err, &refusal) || refusal.Cause != 36 {
			t.Error(err)
		}
		drop()
		if err := m.Connect(t.Context(), 0, modem.APN{}); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Connection(t.Context(), 0); !errors.Is(err, modem.ErrNotConnected) || errors.As(err, &refusal) {
			t.Errorf("a cause of the past: %v", err)
		}
	})
}

func TestConnectEndsWhenTheModemGoes(t *testing.T) {
	bubble(t, func(t *testing.T, f *fake) {
		c := mbim.Connection{State: mbim.ActivationStateActivating}
		f.says(mbim.CmdConnect, mbim.Query, &c)
		f.says(mbim.CmdConnect, mbim.Set, &c)
		m := f.open()
		result := make(chan error)
		go func() { result <- m.Connect(t.Context(), 0, modem.APN{}) }()
		synctest.Wait()
		f.conn.Close()
		if err := <-result; !errors.Is(err, modem.ErrGone) {
			t.Errorf("%v, want %v", err, modem.ErrGone)
		}
	})
}
