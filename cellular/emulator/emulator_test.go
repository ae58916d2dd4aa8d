package emulator

import (
	"context"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// quick is a modem without waiting.
func quick() virtual.Scenario {
	s := virtual.Default()
	const soon = virtual.Duration(5 * time.Millisecond)
	s.Timing = virtual.Timing{Boot: soon, SIM: soon, Register: soon, Retry: soon, Scan: soon, Connect: soon}
	return s
}

// controlled starts a modem and connects to its control socket.
func controlled(t *testing.T, profile usb.Profile, s virtual.Scenario) (*Emulator, *Client) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	e, err := New(ctx, profile, s)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "control")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- e.Control(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c, err := Dial(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return e, c
}

// await waits until the modem is as wanted.
func await(t *testing.T, c *Client, wanted func(State) bool) State {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		s, err := c.State()
		if err != nil {
			t.Fatal(err)
		}
		if wanted(s) {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("the modem stays %+v", s)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func home(s State) bool { return s.Registration.State == modem.Home }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestOrders(t *testing.T) {
	e, c := controlled(t, usb.MBIM, quick())
	await(t, c, home)

	must(t, c.Deny("", 11))
	await(t, c, func(s State) bool { return s.Registration.State == modem.Denied && s.Registration.Cause == 11 })
	must(t, c.Deny("", 0))
	await(t, c, home)
	must(t, c.AcceptAttach("", "fleet"))
	await(t, c, func(s State) bool { return s.Registration.Cause == 19 })
	must(t, c.AcceptAttach(""))
	await(t, c, home)
	must(t, c.Cover("00101", false))
	await(t, c, func(s State) bool { return s.Registration.State == modem.Searching })
	must(t, c.Cover("00101", true))
	await(t, c, home)
	must(t, c.Signal("", modem.Signal{RSRP: new(-120.0)}))

	must(t, c.DrawSIM(0))
	await(t, c, func(s State) bool { return s.SIM == modem.SIMAbsent && s.Registration.State == modem.NotRegistered })
	must(t, c.InsertSIM(0))
	await(t, c, home)
	must(t, c.LockSIM(0, "4711", 1))
	await(t, c, func(s State) bool { return s.SIM == modem.SIMLocked && s.PINAttempts == 1 })
	must(t, c.LockSIM(0, "4711", 0))
	await(t, c, func(s State) bool { return s.SIM == modem.SIMBlocked })
	e.Modem.Do(func() {
		must(t, e.Modem.UnblockPIN("12345678", "4711"))
		must(t, e.Modem.EnablePIN(false, "4711"))
	})
	await(t, c, home)

	e.Modem.Do(func() { must(t, e.Modem.Connect(2, modem.APN{}, func(error) {})) })
	up := await(t, c, func(s State) bool { return len(s.Sessions) == 1 && s.Sessions[0].Up })
	must(t, c.Readdress(2))
	must(t, c.SetMTU(2, 1300))
	now, err := c.State()
	must(t, err)
	if a := now.Sessions[0].Connection; a.MTU != 1300 || a.Address4 == up.Sessions[0].Connection.Address4 {
		t.Errorf("the connection is %+v", a)
	}
	must(t, c.Drop(2, 36))
	await(t, c, func(s State) bool { return len(s.Sessions) == 0 })

	must(t, c.Bounce(5*time.Millisecond))
	await(t, c, func(s State) bool { return s.OnBus && home(s) })
	must(t, c.HangUp())
	must(t, c.Restart())
	if s, err := c.State(); err != nil || s.OnBus {
		t.Errorf("it has hung up and is there: %v", err)
	}
	must(t, c.Power(false))
	must(t, c.Power(true))
	await(t, c, home)
	must(t, c.RadioSwitch(false))
	await(t, c, func(s State) bool { return !s.Radio })
}

func TestOrdersThatAreWrong(t *testing.T) {
	_, c := controlled(t, usb.QMI, quick())
	for want, err := range map[string]error{
		"only MBIM has OPEN":       c.BusyOpens(1),
		"no slot 7":                c.DrawSIM(7),
		"no SIM was drawn":         c.InsertSIM(0),
		"no SIM in this slot":      c.LockSIM(1, "0000", 3),
		"no network 99999":         c.Deny("99999", 3),
		"has no APN nowhere":       c.Refuse("", "nowhere", 27),
		"no such connection":       c.Drop(4, 0),
		"only on a bus":            c.Move(1, 0),
		"no order \"make coffee\"": c.do(order{Do: "make coffee"}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// TestCures has a modem hang, and demands that nothing weaker than the cure heals it.
func TestCures(t *testing.T) {
	e, err := New(t.Context(), usb.MBIM, quick())
	must(t, err)
	boots := 0
	e.Modem.Do(func() {
		e.Modem.Listen(func(event virtual.Event) {
			if event.Change == virtual.BusChanged && e.Modem.OnBus() {
				boots++
			}
		})
	})
	// boot waits until the modem has started after what f does.
	boot := func(f func()) {
		before, now := 0, 0
		e.Modem.Do(func() {
			before = boots
			f()
		})
		for deadline := time.Now().Add(time.Minute); now <= before; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the modem does not start")
			}
			e.Modem.Do(func() { now = boots })
		}
	}
	open, err := mbim.Message{Type: mbim.Open, Transaction: 1, MaxTransfer: 4096}.Frames(4096)
	must(t, err)
	treatments := []func(){
		func() { e.fromHost(open[0]) },
		func() { e.Modem.Do(func() { e.healByReset(usb.BusReset) }) },
		func() { e.Modem.Do(func() { e.healByReset(usb.Configuration) }) },
		func() { boot(e.Modem.Restart) },
		func() {
			boot(func() {
				e.Modem.SetPower(false)
				e.Modem.SetPower(true)
			})
		},
	}
	for cure := ByOpening; cure <= ByPower; cure++ {
		e.Modem.Do(func() { e.HangUntil(cure) })
		for i, treat := range treatments[:cure] {
			if !e.hangs() {
				t.Errorf("a hang-up until %v is healed before %v", cure, Cure(i+1))
			}
			treat()
		}
		if e.hangs() {
			t.Errorf("a hang-up until %v outlives it", cure)
		}
	}
}

func (e *Emulator) hangs() (hangs bool) {
	e.Modem.Do(func() { hangs = e.control.hung })
	return hangs
}

// TestSpoils sends messages over a link that spoils them.
func TestSpoils(t *testing.T) {
	m, err := virtual.New(t.Context(), quick())
	must(t, err)
	message := func(transaction uint32) []byte {
		frames, err := mbim.Message{Type: mbim.CloseDone, Transaction: transaction}.Frames(4096)
		must(t, err)
		return frames[0]
	}
	got := make(chan []byte, 16)
	l := &link{modem: m, transaction: mbimTransaction, out: func(b []byte) { got <- b }}
	m.Do(func() {
		l.spoils = []Spoil{{Drop: true}, {Twice: true}, {Cut: 3}, {Behind: true}, {}, {Stale: true}, {Delay: virtual.Duration(time.Millisecond)}}
		for transaction := uint32(1); transaction <= 8; transaction++ {
			l.send(message(transaction))
		}
		l.hung = true
		l.send(message(9))
	})
	var transactions []byte
	for range 8 {
		b := <-got
		transactions = append(transactions, b[8])
		if want := map[bool]int{true: 13, false: 16}[b[8] == 3]; len(b) != want {
			t.Errorf("message %d has %d octets", b[8], len(b))
		}
	}
	if want := []byte{2, 2, 3, 5, 4, 5, 8, 7}; !slices.Equal(transactions, want) {
		t.Errorf("the host has %v, want %v", transactions, want)
	}
	if len(got) != 0 {
		t.Error("a link that hangs brings something")
	}
}
