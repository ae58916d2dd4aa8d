package cellular

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/internal/link"
)

func TestAnySIMComesUp(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		w.expectUp(goodGrant)
		s := w.station.Status()
		if s.Phase != Up || s.Registration.Operator != "Telekom.de" || s.Signal.RSRP == nil || s.Connections[0].APN == "" || s.Connections[0].Counters == nil {
			t.Errorf("status is %+v", s)
		}
	})
}

// TestModemWaitsForWhatIsMissing goes through a start in which everything is late:
// the modem, its SIM, the radio, the signal, packet service.
func TestModemWaitsForWhatIsMissing(t *testing.T) {
	late := func(w *world) {
		w.unplugged()
		w.sim = modem.SIM{State: modem.SIMStarting}
		w.radio = modem.Radio{Software: true}
		w.registration = modem.Registration{State: modem.Searching}
	}
	play(t, Config{}, late, func(w *world) {
		w.expectDown(Absent, "the modem is not there yet")
		time.Sleep(time.Hour)
		w.plug()
		synctest.Wait()
		w.expectDown(Card, "the SIM starts")
		time.Sleep(time.Hour)
		w.change(0, func() { w.sim = goodSIM }) // of which this modem does not tell
		time.Sleep(startPause)
		synctest.Wait()
		w.expectDown(Radio, "the modem's radio is switched off in hardware: check the switch or the slot's W_DISABLE pin")
		w.change(modem.RadioChanged, func() { w.radio = modem.Radio{Hardware: true} })
		w.expectDown(Registering, "the modem searches a network")
		time.Sleep(24 * time.Hour)
		w.change(modem.RegistrationChanged, func() { w.registration = homeCell; w.registration.Attached = false })
		w.expectUp(goodGrant)
	})
}

// unplugged is unplug before anything runs.
func (w *world) unplugged() {
	w.present = make(chan struct{})
	w.devices = make(map[string]*device)
}

func TestWhatIsLostIsWithdrawnAtOnce(t *testing.T) {
	for name, lose := range map[string]func(w *world){
		"the connection": func(w *world) {
			w.change(modem.ConnectionChanged, func() {
				delete(w.connections, 0)
				w.grant = func(int, modem.APN) (modem.Connection, error) {
					return modem.Connection{}, modem.Refusal{Cause: 26}
				}
			})
		},
		"the network": func(w *world) {
			w.change(modem.RegistrationChanged, func() { w.registration = modem.Registration{State: modem.Searching} })
		},
		"the SIM":   func(w *world) { w.change(modem.SIMChanged, func() { w.sim = modem.SIM{State: modem.SIMAbsent} }) },
		"the modem": func(w *world) { w.unplug() },
		"the radio": func(w *world) { w.change(modem.RadioChanged, func() { w.radio = modem.Radio{Software: true} }) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, Config{}, nil, func(w *world) {
				w.expectUp(goodGrant)
				began := time.Now()
				lose(w)
				if s := w.state(); s.Up {
					t.Fatalf("still offers %+v", s)
				}
				if d := w.devices["lte"]; d != nil && (d.has.Address.IsValid() || len(d.has.Routes) > 0) {
					t.Fatalf("the device still has %+v", d.has)
				}
				if took := time.Since(began); took > 0 {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// TestLostNetworkComesBack: the connection has outlived the loss, and is not made
// anew.
func TestLostNetworkComesBack(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		w.change(modem.RegistrationChanged, func() { w.registration = modem.Registration{} })
		w.expectDown(Registering, "no network serves the modem: check the antenna")
		w.change(modem.RegistrationChanged, func() { w.registration = homeCell })
		w.expectUp(goodGrant)
		if n := w.asked["connect"]; n != 1 {
			t.Errorf("it was connected %d times", n)
		}
	})
}

func TestLostIndicationIsFoundOut(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		time.Sleep(2 * steady)
		w.change(0, func() { delete(w.connections, 0) })
		time.Sleep(pollInterval)
		synctest.Wait()
		if n := w.asked["connect"]; n != 2 {
			t.Errorf("it was connected %d times within a minute", n)
		}
		w.expectUp(goodGrant)
	})
}

func TestChangeOfAddress(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		moved := goodGrant
		moved.Address4, moved.MTU = netip.MustParsePrefix("100.70.1.9/30"), 1358
		w.change(modem.ConnectionChanged, func() { w.connections[0] = moved })
		w.expectUp(moved)
	})
}

// TestRestartOfTheProcess finds the connection and leaves it alone, or what an
// earlier process left of one that is no more, and removes it.
func TestRestartOfTheProcess(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		w.end()
		w.expectUpStays()
		w.start(Config{})
		w.expectUp(goodGrant)
		if n := w.asked["connect"]; n != 1 {
			t.Errorf("it was connected %d times", n)
		}
		w.end()
		w.change(0, func() { delete(w.connections, 0); w.registration = modem.Registration{} })
		w.start(Config{})
		w.expectDown(Registering, "")
	})
}

// expectUpStays fails the test unless the end of the process has left everything.
func (w *world) expectUpStays() {
	w.Helper()
	if d := w.devices["lte"]; d == nil || !d.has.Address.IsValid() {
		w.Errorf("the end of the process took the address away: %+v", d)
	}
}

func TestModemComesBack(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		for range 10 {
			w.unplug()
			w.expectDown(Absent, "the modem has left the bus")
			w.plug()
			time.Sleep(2 * time.Second)
			synctest.Wait()
			w.expectUp(goodGrant)
		}
	})
}

// TestDeviceGoesMeanwhile: the network device may leave while what the network gave is
// taken back from it.
func TestDeviceGoesMeanwhile(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		w.change(0, func() {
			w.meanwhile = func(link.Addressing) { clear(w.devices) }
			w.present = make(chan struct{})
			w.bell.Close()
		})
		w.expectDown(Absent, "the modem has left the bus")
		w.change(0, func() { w.meanwhile = nil; clear(w.connections) })
		w.plug()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.expectUp(goodGrant)
	})
}

func TestSilentModemIsBroughtToItsSenses(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		w.change(modem.SignalChanged, func() { w.silent, w.cure = true, "power" })
		if s := w.state(); !s.Up {
			t.Error("the address went with the first answer that did not come")
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		w.expectUp(goodGrant)
		if resets := slices.DeleteFunc(w.did, func(s string) bool { return strings.HasPrefix(s, "connect") }); !slices.Equal(resets, []string{"reset", "power"}) {
			t.Errorf("remedies were %v", resets)
		}
		w.change(modem.SignalChanged, func() { w.silent, w.cure, w.did = true, "", nil })
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := len(w.did); n < 50 || n > 1000 {
			t.Errorf("a day of silence had %d remedies", n)
		}
		w.change(0, func() { w.silent = false })
		time.Sleep(longestPause + time.Minute)
		synctest.Wait()
		w.expectUp(goodGrant)
	})
}

func TestModemThatGoesOnRefusingIsBroughtToItsSenses(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		w.expectUp(goodGrant)
		w.change(modem.ConnectionChanged, func() { w.broken, w.cure = true, "reset" })
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		w.expectUp(goodGrant)
		if !slices.Contains(w.did, "reset") {
			t.Errorf("it was cured by %q", w.did)
		}
	})
}

func TestAPNIsFound(t *testing.T) {
	only := func(name string) func(w *world) {
		return func(w *world) {
			w.grant = func(_ int, a modem.APN) (modem.Connection, error) {
				if a.Name != name {
					return modem.Connection{}, modem.Refusal{Cause: 27}
				}
				return goodGrant, nil
			}
		}
	}
	play(t, Config{}, only("internet.telekom"), func(w *world) {
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		w.expectUp(goodGrant)
		if s := w.station.Status(); !strings.Contains(s.Connections[0].APN, "internet.telekom") || len(s.Connections[0].Failed) == 0 || !strings.Contains(s.Connections[0].Failed[0], "cause 27") {
			t.Errorf("status does not tell how the APN was found: %+v", s.Connections[0])
		}
	})
	// Who has configured one is not second-guessed.
	play(t, Config{SIMs: []SIM{{APN: &APN{Name: "corp"}}}}, only("internet.telekom"), func(w *world) {
		time.Sleep(time.Hour)
		synctest.Wait()
		for _, did := range w.did {
			if did != "connect 0 corp" {
				t.Errorf("the modem was told to %s", did)
			}
		}
		if n := len(w.did); n < 2 || n > 60 {
			t.Errorf("it was tried %d times in an hour", n)
		}
		if s := w.station.Status(); s.Phase != Connecting || !strings.Contains(s.Text, "cause 27") {
			t.Errorf("the modem is %v: %q", s.Phase, s.Text)
		}
	})
}

func TestRoamingPolicy(t *testing.T) {
	abroad := homeCell
	abroad.State, abroad.PLMN, abroad.Operator = modem.Roaming, "22801", "Swisscom"
	roam := func(w *world) { w.registration = abroad }
	play(t, Config{}, roam, func(w *world) { w.expectUp(goodGrant) })
	play(t, Config{Roaming: new(false)}, roam, func(w *world) {
		w.expectDown(Registering, "roaming in Swisscom, which the configuration forbids (modems.m2.roaming)")
		w.change(modem.RegistrationChanged, func() { w.registration = homeCell })
		w.expectUp(goodGrant)
	})
}

// TestAttachAPN: the modem's own is left alone until a network refuses it.
func TestAttachAPN(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		if n := w.asked["set attach APN"]; n > 0 {
			t.Error("the attach APN was changed although it works")
		}
		w.change(modem.RegistrationChanged, func() {
			w.registration = modem.Registration{State: modem.Denied, PLMN: "26201", Cause: 19}
		})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if !slices.ContainsFunc(w.did, func(s string) bool { return strings.HasPrefix(s, "attach") }) {
			t.Errorf("another attach APN was not tried: %v; status %+v", w.did, w.station.Status())
		}
		w.change(modem.RegistrationChanged, func() { w.registration = homeCell })
		w.expectUp(goodGrant)
	})
	play(t, Config{SIMs: []SIM{{Attach: &APN{Name: "attach.example"}}}}, nil, func(w *world) {
		if w.attach.Name != "attach.example" {
			t.Errorf("the attach APN is %q", w.attach.Name)
		}
	})
}

func TestSelection(t *testing.T) {
	play(t, Config{Operator: "26202"}, nil, func(w *world) {
		if len(w.selection) != 1 || w.selection[0].PLMN != "26202" {
			t.Errorf("the modem was told to use %v", w.selection)
		}
	})
}

// TestSelectionIsLeftToTheModem: what somebody selected before, and the modem has
// kept, is given up where the configuration selects nothing. A modem that does not
// take that connects all the same.
func TestSelectionIsLeftToTheModem(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		if len(w.selection) != 1 || !w.selection[0].Equal(modem.Selection{}) {
			t.Errorf("the modem was told to use %v", w.selection)
		}
	})
	play(t, Config{}, func(w *world) { w.refuses = []string{"select"} }, func(w *world) {
		w.expectUp(goodGrant)
	})
}

func TestDemotion(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		u := w.station.Underlays()[0]
		for _, want := range []struct {
			demoted bool
			metric  int
		}{{true, 200 + 1<<20}, {false, 200}} {
			u.Demote(want.demoted)
			synctest.Wait()
			if got := w.devices["lte"].has.Routes[0].Metric; got != want.metric || w.state().Metric != want.metric {
				t.Errorf("metric is %d, and %d is announced, want %d", got, w.state().Metric, want.metric)
			}
		}
		w.expectUp(goodGrant)
	})
}

// TestDemotedMeanwhile: it takes effect if it comes while the routes are made, too.
func TestDemotedMeanwhile(t *testing.T) {
	play(t, Config{}, func(w *world) {
		w.meanwhile = func(want link.Addressing) {
			if len(want.Routes) > 0 {
				w.station.Underlays()[0].Demote(true)
			}
		}
	}, func(w *world) {
		want := lte.Metric + lte.Demoted
		if got := w.device("lte").has.Routes[0].Metric; got != want || w.state().Metric != want {
			t.Errorf("metric is %d, and %d is announced, want %d", got, w.state().Metric, want)
		}
	})
}

func TestConnectionThatDoesNotLastIsNotPestered(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		for range 600 {
			w.change(modem.ConnectionChanged, func() { delete(w.connections, 0) })
			time.Sleep(time.Second)
		}
		if n := w.asked["connect"]; n > 40 {
			t.Errorf("it was connected %d times in ten minutes", n)
		}
	})
}

// TestSeveralConnections: each has a device and a place of its own.
func TestSeveralConnections(t *testing.T) {
	play(t, Config{}, nil, func(w *world) {
		w.end()
		w.change(0, func() {
			w.grant = func(session int, a modem.APN) (modem.Connection, error) {
				c := goodGrant
				c.Address4 = netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, byte(session), 5}), 29)
				return c, nil
			}
			w.connections = map[int]modem.Connection{}
		})
		cfg := Config{PDNs: map[string]APN{"management": {Name: "mgmt.example"}}}
		w.start(cfg, Interface{Name: "control", PDN: "management", VRF: "management", Metric: 100}, lte)
		for i, name := range []string{"lte", "control"} {
			u := w.station.Underlays()[i]
			s, _ := u.State().Load()
			if u.Name != name || !s.Up || s.Link != name || s.Address.Addr().As4()[2] != byte(i) || w.devices[name] == nil {
				t.Errorf("connection %d is %s and offers %+v", i, u.Name, s)
			}
		}
		if !slices.Contains(w.did, "connect 1 mgmt.example") {
			t.Errorf("the modem was told to %v", w.did)
		}
	})
}

func TestModemThatStaysAwayGetsItsPowerBack(t *testing.T) {
	play(t, Config{}, func(w *world) { w.unplugged(); w.cure = "power" }, func(w *world) {
		time.Sleep(absence)
		synctest.Wait()
		w.expectUp(goodGrant)
	})
}

// TestNetworkWithoutIPv4: its IPv6 carries IPv4, until there is another address or
// none.
func TestNetworkWithoutIPv4(t *testing.T) {
	six := modem.Connection{Address6: netip.MustParsePrefix("2001:db8:72:1::5/64"), MTU: 1430}
	play(t, Config{}, func(w *world) {
		w.grant = func(int, modem.APN) (modem.Connection, error) { return six, nil }
	}, func(w *world) {
		if s := w.station.Status(); s.Phase != Connecting || w.state().Up {
			t.Errorf("before the NAT64 is found the modem is %v: %q, and offers %+v", s.Phase, s.Text, w.state())
		}
		time.Sleep(nat64Time)
		synctest.Wait()
		s := w.state()
		if !s.Up || s.Link != "clat-lte" || s.Index != 99 || s.Address != netip.MustParsePrefix("192.0.0.1/32") || s.MTU != 1410 {
			t.Errorf("it offers %+v", s)
		}
		if phase := w.station.Status().Phase; phase != Up {
			t.Errorf("the modem is %v", phase)
		}
		six.Address6 = netip.MustParsePrefix("2001:db8:72:2::5/64")
		w.change(modem.ConnectionChanged, func() { w.connections[0] = six })
		time.Sleep(nat64Time)
		synctest.Wait()
		w.change(modem.ConnectionChanged, func() { w.connections[0] = goodGrant })
		w.expectUp(goodGrant)
		w.change(modem.ConnectionChanged, func() { w.connections[0] = six })
		time.Sleep(nat64Time)
		w.unplug()
		want := []string{"connect 0 ", "translate for 2001:db8:72:1::5/64", "translate no more", "translate for 2001:db8:72:2::5/64", "translate no more", "translate for 2001:db8:72:2::5/64", "translate no more"}
		if !slices.Equal(w.did, want) {
			t.Errorf("what was done is %q, want %q", w.did, want)
		}
	})
}
