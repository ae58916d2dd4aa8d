package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/ikev2/session"
)

func TestLeaks(t *testing.T) {
	// Nine steps of a box in good order, with one that has much to do.
	ordinary := func(n int) sample {
		s := sample{Pss: 10 * mebibyte, Goroutines: 40, Descriptors: 30, SAs: 2, HubSAs: 2, Counters: session.Counters{ChildRekeys: uint64(n)}}
		if n == 8 {
			s.Pss, s.Goroutines, s.SAs = 20*mebibyte, 60, 6
		}
		return s
	}
	for _, test := range []struct {
		name   string
		change func(n int, s *sample)
		want   string
	}{
		{"good order", func(int, *sample) {}, ""},
		{"memory", func(n int, s *sample) { s.Pss += float64(n) * mebibyte }, "memory"},
		{"goroutines", func(n int, s *sample) { s.Goroutines += 2 * n }, "goroutines"},
		{"descriptors", func(n int, s *sample) { s.Descriptors += 2 * n }, "descriptors"},
		{"SAs of the box", func(n int, s *sample) { s.SAs += 2 * n }, "SAs are left behind"},
		{"SAs of the hub", func(n int, s *sample) { s.HubSAs += 2 * n }, "SAs are left behind"},
		{"no rekey", func(_ int, s *sample) { s.Counters = session.Counters{} }, "no SA was ever renewed"},
	} {
		var samples []sample
		for n := range 9 {
			s := ordinary(n)
			test.change(n, &s)
			samples = append(samples, s)
		}
		got := ""
		if err := errors.Join(leaks(samples)...); err != nil {
			got = err.Error()
		}
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) || strings.Contains(got, "\n") {
			t.Errorf("%s: got %q, want one finding that says %q", test.name, got, test.want)
		}
	}
}
