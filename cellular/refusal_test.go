package cellular

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/port"
	"github.com/farspoke/farspoke/internal/secret"
)

// What networks and SIMs refuse, through everything from the Station to the emulated
// modem: the box comes up when they no longer do, and meanwhile is no nuisance.
const (
	// asksPerHour is how often the network may be asked for a connection that it
	// refuses. QMI asks for each family.
	asksPerHour = 40
	// ordersPerHour is how often a modem may be told something while a network refuses
	// to register it.
	ordersPerHour = 12
	// longestWait is for the refusals after which the box waits longest: for a day and
	// a quarter, see package apn.
	longestWait = 31 * time.Hour
)

// A wait of a day for the network is none for all the rest.
func TestLongWaitIsNotDeaf(t *testing.T) {
	byEach(t, Config{}, func(s *virtual.Scenario) { s.Networks[0].APNs[0].Refuse = 8 }, func(r *rig) {
		r.pass(5 * time.Hour)
		r.do(r.order.Spoil(slices.Repeat([]emulator.Spoil{{Drop: true}}, 8)...))
		r.do(r.order.DrawSIM(0))
		r.holds(3*pollInterval, Card, "absent")
	})
}

// sessionCauses are those of TS 24.301, 9.9.4.4, TS 24.008 and TS 24.501, one that is
// in no table, and 0 for none.
func sessionCauses() (all []modem.SessionCause) {
	for c := range 256 {
		if cause := modem.SessionCause(c); c == 200 || fmt.Sprintf("cause %d", c) != cause.String() {
			all = append(all, cause)
		}
	}
	return all
}

func TestRefusedWithEachCause(t *testing.T) {
	causes := sessionCauses()
	if len(causes) < 50 {
		t.Fatalf("only %d causes", len(causes))
	}
	// All protocols have the same rules above them, and each its own way to tell a
	// cause.
	some := []modem.SessionCause{8, 27, 29, 33, 51}
	for _, protocol := range []port.Protocol{port.MBIM, port.QMI, port.AT} {
		t.Run(protocol.String(), func(t *testing.T) {
			t.Parallel()
			for _, cause := range causes {
				if protocol == port.MBIM || slices.Contains(some, cause) {
					refused(t, protocol, cause)
				}
			}
		})
	}
}

// refused runs a test with an APN that refuses everybody with a cause for a while.
func refused(t *testing.T, protocol port.Protocol, cause modem.SessionCause) {
	by(t, protocol, Config{}, func(s *virtual.Scenario) { s.Networks[0].APNs[0].Refuse = cause }, func(r *rig) {
		r.where = fmt.Sprintf("cause %d: ", cause)
		r.pass(time.Hour)
		r.clean()
		if s := r.station.Status(); s.Phase != Connecting || len(s.Connections[0].Failed) == 0 {
			r.Errorf("%sthe modem is %v: %q", r.where, s.Phase, s.Text)
		}
		if n := r.busiest(); n > asksPerHour {
			r.Errorf("%sthe network was asked %d times in an hour", r.where, n)
		}
		r.do(r.order.Refuse("", "internet", 0))
		r.up(longestWait)
	})
}

func TestDeniedWithEachCause(t *testing.T) {
	some := []modem.RejectCause{8, 15, 19, 22}
	for _, protocol := range []port.Protocol{port.MBIM, port.QMI, port.AT} {
		t.Run(protocol.String(), func(t *testing.T) {
			t.Parallel()
			by(t, protocol, Config{}, nil, func(r *rig) {
				r.up(bringUp)
				for c := range 128 {
					cause := modem.RejectCause(c)
					if fmt.Sprintf("cause %d", c) == cause.String() || protocol != port.MBIM && !slices.Contains(some, cause) {
						continue
					}
					r.where = fmt.Sprintf("cause %d: ", c)
					r.denied(cause)
				}
			})
		})
	}
}

// denied denies the modem the network for a cause and a while, and demands that it is
// back soon after that.
func (r *rig) denied(cause modem.RejectCause) {
	r.do(r.order.Deny("", cause))
	r.down(atOnce)
	before := r.ordered()
	r.holds(2*time.Minute, Registering, "refused by")
	r.pass(time.Hour)
	r.clean()
	if n := r.ordered() - before; n > ordersPerHour {
		r.Errorf("%sthe modem was told %d things in an hour", r.where, n)
	}
	r.do(r.order.Deny("", 0))
	switch cause {
	case 8: // after which a modem does not try again by itself (TS 24.301, 5.5.1.2.5)
		r.up(longestWait)
	case 3, 6, 7: // neither after these, for which there is no time here
		r.do(r.order.Restart())
		r.pass(time.Second)
		r.up(2 * bringUp)
	default:
		r.up(2 * bringUp)
	}
	r.pass(2 * steady)
}

// A network that gives a connection and takes it away is not asked for ever new ones.
func TestConnectionsThatDoNotLast(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		for end := time.Now().Add(2 * time.Hour); time.Now().Before(end); r.pass(5 * time.Second) {
			if r.state().Up {
				r.drop(36)
			}
		}
		if n := r.busiest(); n > asksPerHour {
			r.Errorf("the network was asked %d times in an hour", n)
		}
		r.up(time.Hour)
	})
}

// A SIM that wants its PUK is left alone, for a day and over restarts.
func TestSIMThatWantsItsPUK(t *testing.T) {
	byEach(t, withPIN("4711"), nil, func(r *rig) {
		r.expect(10) // as there are none from the start
		r.do(r.order.LockSIM(0, "4711", 0))
		r.holds(time.Minute, Card, "PUK")
		before := r.ordered()
		r.pass(24 * time.Hour)
		r.do(r.order.Bounce(time.Second))
		r.pass(time.Minute)
		r.restart(withPIN("4711"))
		r.holds(time.Minute, Card, "PUK")
		r.clean()
		if n := r.ordered() - before; n > 0 {
			r.Errorf("a blocked SIM's modem was told %d things", n)
		}
		r.emulator.Modem.Do(func() {
			if card := r.emulator.Modem.Card(); card.PUKAttempts != 10 {
				r.Errorf("%d attempts at the PUK are left", card.PUKAttempts)
			}
			r.emulator.Modem.InsertSIM(0, virtual.NewCard(virtual.Default().Slots[0].SIM))
		})
		r.expect(3)
		r.up(time.Minute)
	})
}

// One attempt at the PIN is left for a person, whatever the box has been told.
func TestOneAttemptIsLeft(t *testing.T) {
	for _, attempts := range []int{1, 2} {
		byEach(t, withPIN("0000"), func(s *virtual.Scenario) {
			s.Slots[0].SIM.PIN, s.Slots[0].SIM.PINAttempts = "4711", attempts
		}, func(r *rig) {
			for wrong := range 10 {
				r.pass(time.Hour)
				r.restart(withPIN(fmt.Sprintf("000%d", wrong)))
			}
			if left := r.attempts(0); left != 1 {
				r.Errorf("of %d attempts %d are left", attempts, left)
			}
		})
	}
}

// Another SIM is another subscription: with its own APN, and nothing of the other's.
func TestSIMIsChangedWhileUp(t *testing.T) {
	byEach(t, Config{SIMs: []SIM{{PIN: new(secret.New("sim", "4711"))}}}, nil, func(r *rig) {
		first := r.up(bringUp)
		r.do(r.order.DrawSIM(0))
		r.down(atOnce)
		second := *virtual.Default().Slots[0].SIM
		second.ICCID, second.PIN = "8988211000000530999", "4711"
		r.emulator.Modem.Do(func() { r.emulator.Modem.InsertSIM(0, virtual.NewCard(&second)) })
		if s := r.up(time.Minute); s.Address == first.Address || r.station.Status().SIM.ICCID != second.ICCID {
			r.Errorf("the underlay offers %+v with %+v", s, r.station.Status().SIM)
		}
	})
}

// The network may change what it gave, without a word on the carrier.
func TestOtherAddress(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		for range 5 {
			before := r.up(bringUp)
			r.do(r.order.Readdress(0))
			r.pass(atOnce)
			if s := r.up(0); s.Address == before.Address {
				r.Errorf("the address is %v still", s.Address)
			}
			r.pass(2 * steady)
		}
	})
}

// A modem that comes back by another name has the interface's name again.
func TestModemIsRenamed(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		for place := range 4 {
			r.up(2 * bringUp)
			r.do(r.order.Move(place+1, time.Second))
			r.down(atOnce)
			r.up(2 * bringUp)
			if s := r.station.Status(); s.Device != fmt.Sprintf("1-%d", place+1) || len(r.devices) != 1 {
				r.Errorf("it is at %s, with %d devices", s.Device, len(r.devices))
			}
		}
	})
}

// A modem that is not done with its last conversation refuses OPEN for a while.
func TestModemIsBusyAtFirst(t *testing.T) {
	by(t, port.MBIM, Config{}, nil, func(r *rig) {
		r.up(bringUp)
		for _, busy := range []int{1, 20, 200} {
			r.do(r.order.BusyOpens(busy))
			r.do(r.order.Bounce(time.Second))
			r.down(atOnce)
			r.up(10 * time.Minute)
		}
	})
}
