package cellular

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/internal/secret"
)

// TestPIN: a SIM gets its PIN once, and never its last attempt but one.
func TestPIN(t *testing.T) {
	locked := func(w *world) { w.sim = modem.SIM{State: modem.SIMLocked, Attempts: 3} }
	configured := func(pin string) Config { return Config{SIMs: []SIM{{PIN: new(secret.New("sim", pin))}}} }
	play(t, configured("1234"), locked, func(w *world) {
		w.expectUp(goodGrant)
		w.unplug()
		w.change(0, func() { locked(w) }) // as after each power-on
		w.plug()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		w.expectUp(goodGrant)
		if n := w.asked["PIN"]; n != 2 {
			t.Errorf("the PIN was entered %d times", n)
		}
	})
	play(t, configured("9999"), locked, func(w *world) {
		for range 10 {
			time.Sleep(time.Hour)
			w.end()
			w.unplug()
			w.plug()
			w.start(configured("9999"))
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := w.asked["PIN"]; n != 1 || w.sim.Attempts != 2 {
			t.Errorf("a wrong PIN was entered %d times, %d attempts are left", n, w.sim.Attempts)
		}
		if s := w.station.Status(); s.Phase != Card || !strings.Contains(s.Text, "PIN") {
			t.Errorf("the modem is %v: %q", s.Phase, s.Text)
		}
		why := w.station.Status().Text
		for range 10 { // somebody who looks again and again
			w.station.Refresh(w.Context())
			time.Sleep(time.Second)
			if text := w.station.Status().Text; text != why {
				t.Errorf("the modem says %q, and said %q before", text, why)
			}
		}
		w.end()
		w.start(configured("1234"))
		w.expectUp(goodGrant)
	})
	play(t, Config{}, locked, func(w *world) {
		time.Sleep(time.Hour)
		w.expectDown(Card, "")
		if w.asked["PIN"] > 0 {
			t.Error("a PIN was entered although there is none")
		}
		w.change(modem.SIMChanged, func() { w.sim = goodSIM }) // somebody did it by hand
		w.expectUp(goodGrant)
	})
}

// TestSecondSIM: the second one takes over while the first has no network, and the
// first is used again later.
func TestSecondSIM(t *testing.T) {
	cfg := Config{SIMs: []SIM{{Slot: 1}, {Slot: 2, APN: &APN{Name: "second"}}}}
	two := func(w *world) {
		w.slots = append(w.slots, modem.Slot{Number: 2, Filled: true, ICCID: "8941000000000000002"})
	}
	play(t, cfg, two, func(w *world) {
		w.expectUp(goodGrant)
		dead := true
		w.onSlot = func(slot int) {
			w.sim, w.registration = goodSIM, homeCell
			if slot == 2 {
				w.sim.ICCID = "8941000000000000002"
			} else if dead {
				w.registration = modem.Registration{State: modem.Searching}
			}
			w.connections = make(map[int]modem.Connection)
		}
		w.change(modem.RegistrationChanged, func() { w.registration = modem.Registration{State: modem.Searching} })
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		w.expectUp(goodGrant)
		if s := w.station.Status(); s.SIM.ICCID != "8941000000000000002" || !slices.Contains(w.did, "connect 0 second") {
			t.Errorf("the second SIM is not in use: %+v, %v", s.SIM, w.did)
		}
		w.change(0, func() { dead = false })
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		w.expectUp(goodGrant)
		if s := w.station.Status(); s.SIM.ICCID != goodSIM.ICCID {
			t.Errorf("the first SIM is not used again: %+v, %v", s.SIM, w.did)
		}
	})
}
