package sim

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
)

func newBox(right modem.PIN) *box {
	b := &box{model: newModel(right)}
	b.start()
	return b
}

// want calls Unlock and demands an error with the words, or none.
func (b *box) want(t *testing.T, pin modem.PIN, words string) {
	t.Helper()
	_, err := b.unlock(pin)
	if (err == nil) != (words == "") || err != nil && !strings.Contains(err.Error(), words) {
		t.Fatalf("Unlock: %v, want %q", err, words)
	}
}

func TestRightPINAfterEachPowerCycle(t *testing.T) {
	b := newBox("1234")
	for n := 1; n <= 5; n++ {
		b.want(t, "1234", "")
		if !b.unlocked || b.deliveries["1234"] != n {
			t.Fatalf("cycle %d: unlocked %v after %d deliveries", n, b.unlocked, b.deliveries["1234"])
		}
		b.want(t, "1234", "") // a ready SIM wants nothing
		b.powerUp()
		b.start()
	}
}

func TestWrongPINIsTriedOnce(t *testing.T) {
	b := newBox("1234")
	b.want(t, "9999", "wrong")
	for range 3 {
		b.want(t, "9999", "this SIM has refused it (2 attempts left): configure the right one")
		b.powerUp()
		b.start()
		b.pass(time.Hour)
	}
	if b.deliveries["9999"] != 1 {
		t.Errorf("delivered %d times", b.deliveries["9999"])
	}
	// Somebody has put the SIM into a phone: three attempts again.
	b.attempts = 3
	b.want(t, "9999", "has refused it")
	// Another PIN is another matter.
	b.want(t, "1234", "")
}

func TestOneAttemptIsLeftForAPerson(t *testing.T) {
	b := newBox("1234")
	b.want(t, "1111", "wrong")
	b.want(t, "2222", "wrong")
	b.want(t, "1234", "has 1 attempt left, which is kept for a person: enter the right PIN in a phone")
	if b.attempts != 1 {
		t.Errorf("%d attempts left", b.attempts)
	}
}

// TestUnknownResult: the power goes or the modem falls silent at the worst moments.
func TestUnknownResult(t *testing.T) {
	for _, test := range []struct {
		name, fault string
		pin         modem.PIN
		// now is what is said at once, later after the SIM was watched.
		now, later string
	}{
		{"wrong PIN, cut after it", "power cut after the PIN", "9999", "has refused it", "has refused it"},
		{"wrong PIN, no answer", "no answer", "9999", "has refused it", "has refused it"},
		{"wrong PIN, false answer", "answers that all is well", "9999", "has refused it", "has refused it"},
		{"wrong PIN, odd answer", "answers something else", "9999", "has refused it", "has refused it"},
		{"wrong PIN, cut before it", "power cut before the PIN", "9999", "not known what became of the last attempt", "says that the PIN is wrong"},
		{"wrong PIN, late", "PIN late", "9999", "not known what became of the last attempt", "has refused it"},
		{"right PIN, cut after it", "power cut after the PIN", "1234", "not known what became of the last attempt", ""},
		{"right PIN, cut before it", "power cut before the PIN", "1234", "not known what became of the last attempt", ""},
		{"right PIN, lost", "PIN lost", "1234", "not known what became of the last attempt", ""},
		{"right PIN, no answer", "no answer", "1234", "", ""},
		{"right PIN, late", "PIN late", "1234", "not known what became of the last attempt", ""},
		{"right PIN, cut before the disk", "power cut before the disk", "1234", "", ""},
		{"right PIN, cut after the disk", "power cut after the disk", "1234", "not known what became of the last attempt", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBox("1234")
			b.fault = once(test.fault)
			b.unlock(test.pin)
			b.want(t, test.pin, test.now)
			if test.fault != "power cut after the disk" && b.deliveries[test.pin] > 1 && test.now != "" {
				t.Errorf("delivered twice at once")
			}
			b.pass(settle)
			b.want(t, test.pin, test.later)
			if test.pin == "9999" && b.deliveries["9999"] != 1 {
				t.Errorf("the wrong PIN was delivered %d times", b.deliveries["9999"])
			}
		})
	}
}

// once makes a fault happen the first time.
func once(what string) func(string) bool {
	happened := false
	return func(point string) bool {
		now := point == what && !happened
		happened = happened || now
		return now
	}
}

// TestDoubtLastsForEveryProcess: a process that is killed again and again never
// watches the SIM for long enough to try once more.
func TestDoubtLastsForEveryProcess(t *testing.T) {
	b := newBox("1234")
	b.fault = once("PIN lost")
	b.unlock("9999")
	for range 10 {
		b.start()
		b.want(t, "9999", "not known what became of the last attempt")
		b.pass(settle - time.Second)
	}
	if b.deliveries["9999"] != 0 {
		t.Errorf("delivered %d times", b.deliveries["9999"])
	}
}

// TestAnotherPINWaitsForOneOnItsWay: else both might reach a SIM that has two attempts.
func TestAnotherPINWaitsForOneOnItsWay(t *testing.T) {
	b := newBox("1234")
	b.attempts = 2
	b.fault = once("PIN late")
	b.unlock("1111")
	b.want(t, "2222", "not known what became of the last attempt")
	b.pass(settle)
	b.want(t, "2222", "has 1 attempt left")
}

func TestNothingIsSentThatIsNotOnTheDisk(t *testing.T) {
	b := newBox("1234")
	b.fault = func(what string) bool { return what == "disk full" }
	b.want(t, "1234", "no space left")
	if b.deliveries["1234"] != 0 {
		t.Error("the PIN was sent")
	}
}

func TestDamagedLedgerGivesNoPIN(t *testing.T) {
	b := newBox("1234")
	b.disk[recordName] = []byte(`{"key":`)
	if l, err := Open(b.model); err == nil || l != nil {
		t.Errorf("Open: %v, %v", l, err)
	}
}

func TestPINIsNotOnTheDisk(t *testing.T) {
	b := newBox("1234")
	b.want(t, "98765432", "wrong")
	if text := string(b.disk[recordName]); strings.Contains(text, "98765432") || !strings.Contains(text, b.iccid) {
		t.Errorf("on the disk: %s", text)
	}
	other := newBox("1234")
	other.want(t, "98765432", "wrong")
	if b.ledger.book.Entries[0].PIN == other.ledger.book.Entries[0].PIN {
		t.Error("two boxes have the same hash of a PIN")
	}
}

func TestPlaceStandsForAnUnreadableSIM(t *testing.T) {
	b := newBox("1234")
	b.iccid = ""
	b.want(t, "9999", "wrong")
	b.start()
	b.want(t, "9999", "has refused it")
	b.want(t, "1234", "")
	// The SIM tells its ICCID once it is unlocked: the place's entry must go even so.
	b.powerUp()
	b.fault = once("no answer")
	b.unlock("1234")
	b.iccid = "8949020000000000001"
	b.want(t, "1234", "")
	b.powerUp()
	b.iccid = ""
	b.want(t, "1234", "")
}

func TestLedgerIsBounded(t *testing.T) {
	b := newBox("1234")
	for n := range 3 * maxEntries {
		b.iccid, b.attempts = strings.Repeat("8", n+1), 3
		b.want(t, "9999", "wrong")
	}
	b.start()
	if n := len(b.ledger.book.Entries); n != maxEntries {
		t.Errorf("%d entries", n)
	}
}

func TestWithheldInWords(t *testing.T) {
	for _, test := range []struct {
		sim  modem.SIM
		pin  modem.PIN
		past past
		want string
	}{
		{modem.SIM{State: modem.SIMLocked, Attempts: 3}, "1234", never, ""},
		{modem.SIM{State: modem.SIMLocked, Attempts: 2}, "12345678", never, ""},
		{modem.SIM{State: modem.SIMLocked, Attempts: 3}, "1234", unspent, ""},
		{modem.SIM{State: modem.SIMLocked, Attempts: 3}, "", never, "the SIM wants its PIN and none is configured"},
		{modem.SIM{State: modem.SIMLocked, Attempts: 3}, "123", never, "the configured PIN is not sent, as a PIN has four to eight digits"},
		{modem.SIM{State: modem.SIMLocked, Attempts: 3}, "123456789", never, "the configured PIN is not sent, as a PIN has four to eight digits"},
		{modem.SIM{State: modem.SIMLocked, Attempts: 3}, "12a4", never, "the configured PIN is not sent, as a PIN has four to eight digits"},
		{modem.SIM{State: modem.SIMLocked, Attempts: -1}, "1234", never, "the configured PIN is not sent, as the modem does not say how many attempts the SIM has left: switch the PIN off in a phone"},
		{modem.SIM{State: modem.SIMLocked, Attempts: 0}, "1234", never, "the configured PIN is not sent, as the SIM has 0 attempts left, which is kept for a person: enter the right PIN in a phone"},
		{modem.SIM{State: modem.SIMLocked, Attempts: 3}, "1234", doubtful, "the configured PIN is not sent yet, as it is not known what became of the last attempt: the SIM's count is watched"},
		{modem.SIM{State: modem.SIMStarting, Attempts: 3}, "1234", never, "the modem has not read the SIM yet"},
		{modem.SIM{State: modem.SIMBlocked, Attempts: 10}, "1234", never, "the SIM is blocked and wants its PUK, which is never sent from here: put the SIM into a phone and enter the PUK there, or ask the operator for another SIM"},
		{modem.SIM{State: modem.SIMFailed}, "1234", never, "the SIM does not work, or is blocked for good: replace it"},
		{modem.SIM{State: modem.SIMNetworkLocked}, "1234", never, "the modem takes the SIMs of another operator alone: have it unlocked, or use such a SIM"},
	} {
		got := ""
		if err := withhold(test.sim, test.pin, test.past); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%v, %d attempts: %q, want %q", test.sim.State, test.sim.Attempts, got, test.want)
		}
	}
	if err := withhold(modem.SIM{State: modem.SIMAbsent}, "1234", never); !errors.Is(err, modem.ErrNoSIM) {
		t.Errorf("no SIM: %v", err)
	}
}

// faults are all that can happen, with how often in a thousand.
var faults = map[string]int{
	"power cut before the PIN": 100, "power cut after the PIN": 100, "power cut before the disk": 50, "power cut after the disk": 100,
	"PIN lost": 100, "PIN late": 100, "no answer": 150, "answers that all is well": 150, "answers something else": 200,
	"SIM unread": 100, "disk full": 50, "only the process dies": 250,
}

// TestNeverPUK configures wrong PINs and right ones, kills the process and cuts the
// power at any moment, lets the modem lie about what it did, be late and be silent, and
// demands that the SIM always has an attempt left, and that without another PIN
// configured a wrong one reaches it once.
func TestNeverPUK(t *testing.T) {
	runs := 20000
	if testing.Short() {
		runs = 2000
	}
	var unlockedRuns, spentRuns int
	for seed := range runs {
		r := rand.New(rand.NewPCG(uint64(seed), 1))
		b := newBox("1234")
		b.attempts = 1 + r.IntN(3)
		if r.IntN(4) == 0 {
			b.iccid = ""
		}
		severity := r.IntN(3)
		b.fault = func(what string) bool { return r.IntN(1000) < faults[what]*severity }
		pins := []modem.PIN{"1111", "2222", "1234"}
		pin := pins[r.IntN(len(pins))]
		changes := r.IntN(3)
		unlocked := false
		for range 40 {
			before := b.attempts
			b.unlock(pin)
			unlocked = unlocked || b.unlocked
			if b.blocked || b.attempts < 1 {
				t.Fatalf("seed %d: the SIM is blocked, which had %d attempts", seed, before)
			}
			if pin != b.right && changes == 0 && b.deliveries[pin] > 1 {
				t.Fatalf("seed %d: the wrong PIN %s reached the SIM %d times", seed, string(pin), b.deliveries[pin])
			}
			if pin != b.right && b.attempts < before && before < reserve {
				t.Fatalf("seed %d: the last attempt but one was used", seed)
			}
			switch r.IntN(6) {
			case 0:
				b.start() // killed
			case 1:
				b.powerUp()
				b.start()
			case 2:
				if changes > 0 {
					changes--
					pin = pins[r.IntN(len(pins))]
					clear(b.deliveries)
				}
			case 3:
				b.starting = !b.starting
			}
			b.pass(time.Duration(r.IntN(90)) * time.Second)
		}
		if unlocked {
			unlockedRuns++
		}
		if b.attempts < 3 {
			spentRuns++
		}
	}
	// The test must have got somewhere.
	if unlockedRuns < runs/10 || spentRuns < runs/4 {
		t.Errorf("of %d runs %d ended unlocked and %d with attempts spent", runs, unlockedRuns, spentRuns)
	}
}

// TestRightPINIsNotLost: after any of these faults have ended, the right PIN unlocks
// the SIM by itself.
func TestRightPINIsNotLost(t *testing.T) {
	for seed := range 5000 {
		r := rand.New(rand.NewPCG(uint64(seed), 2))
		b := newBox("1234")
		b.fault = func(what string) bool { return r.IntN(1000) < 2*faults[what] }
		for range 20 {
			b.unlock("1234")
			if r.IntN(3) == 0 {
				b.powerUp()
				b.start()
			}
			b.pass(time.Duration(r.IntN(90)) * time.Second)
		}
		b.fault = func(string) bool { return false }
		for range 4 {
			if b.unlocked {
				break
			}
			b.unlock("1234")
			b.pass(settle)
		}
		if !b.unlocked {
			_, err := b.unlock("1234")
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
