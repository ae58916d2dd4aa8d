package probe

import (
	"testing"
	"time"
)

func TestOutage(t *testing.T) {
	const interval = 50 * time.Millisecond
	for _, test := range []struct {
		answers   string // a packet each, "." if unanswered
		mark, end int
		want      time.Duration
	}{
		{"!!!!!", 0, 5, interval},
		{"!!..!!", 0, 6, 3 * interval},
		{"!.!...!", 0, 7, 4 * interval},
		{"....!!", 2, 6, 2 * interval},    // counted from the mark
		{"!!....", 0, 6, 4 * interval},    // not over yet
		{"......", 0, 6, 5 * interval},    // never answered
		{"!!!!", 4, 9, 0},                 // nothing sent yet
		{"!...!!!", 4, 100, interval},     // the end is not reached yet
		{"!.!.!.!.!", 0, 9, 2 * interval}, // a loss here and there
	} {
		ping := new(Ping)
		start := time.Now()
		for i, answer := range test.answers {
			ping.sent = append(ping.sent, start.Add(time.Duration(i)*interval))
			round := time.Duration(0)
			if answer == '!' {
				round = time.Millisecond
			}
			ping.round = append(ping.round, round)
		}
		if got := ping.Outage(test.mark, test.end); got != test.want {
			t.Errorf("%s from %d to %d: outage of %v, want %v", test.answers, test.mark, test.end, got, test.want)
		}
	}
}
