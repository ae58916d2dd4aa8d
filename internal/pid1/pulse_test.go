package pid1

import (
	"testing"
	"time"
)

func TestPulse(t *testing.T) {
	boot := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	p := newPulse(boot)
	at := func(s float64) time.Time { return boot.Add(time.Duration(s * float64(time.Second))) }
	expect := func(when string, s float64, wantFeed, wantLost bool) {
		t.Helper()
		if feed, lost := p.judge(at(s)); feed != wantFeed || lost != wantLost {
			t.Errorf("%s: feed %v, lost %v, want %v, %v", when, feed, lost, wantFeed, wantLost)
		}
	}
	expect("at boot", 0, true, false)
	expect("before the router's first word", 299, true, false)
	expect("a router that never lived", 300, false, true)

	p.beat(at(10))
	expect("alive", 12, true, false)
	expect("late", 29, true, false)
	expect("hung", 30, false, false)
	expect("hung for long", 900, false, false)

	p.ended()
	expect("it was killed and starts again", 31, true, false)
	expect("it crashes again and again", 309, true, false)
	expect("it never came back", 310, false, true)

	p.beat(at(320))
	expect("it came back after all", 321, true, false)
	p.ended()
	expect("the grace counts from the last proof", 619, true, false)
	expect("and is used up", 620, false, true)
}

func TestCalmComesOnce(t *testing.T) {
	p := newPulse(time.Now())
	for i := range 5 {
		p.beat(time.Now())
		calm := false
		select {
		case <-p.calmed():
			calm = true
		default:
		}
		if want := i+1 >= calmBeats; calm != want {
			t.Errorf("after %d proofs of life calm is %v, want %v", i+1, calm, want)
		}
	}
}
