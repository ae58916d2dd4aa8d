package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/farspoke/farspoke/ikev2/session"
)

// sample is what a box holds at one moment, and what the hub holds for it.
type sample struct {
	// Pss is the memory of the router process in octets, Descriptors are its
	// open files and those of PID 1.
	Pss                     float64
	Goroutines, Descriptors int
	// SAs and HubSAs are those in the kernels.
	SAs, HubSAs int
	Counters    session.Counters
}

func (s sample) String() string {
	return fmt.Sprintf("%.1f MiB, %d goroutines, %d descriptors, %d SAs (the hub %d), %d+%d rekeys, %d authentications",
		s.Pss/mebibyte, s.Goroutines, s.Descriptors, s.SAs, s.HubSAs,
		s.Counters.ChildRekeys, s.Counters.IKERekeys, s.Counters.Authentications)
}

// takeSample asks box and hub.
func takeSample(ctx context.Context, lab *Lab, spoke *Spoke) (s sample, err error) {
	if s.Pss, err = spoke.pss(ctx, "router"); err != nil {
		return s, err
	}
	status, err := boxStatus(ctx, spoke)
	if err != nil {
		return s, err
	}
	s.Goroutines = status.Goroutines
	for _, ipsec := range status.IPsec {
		for _, peer := range ipsec.Peers {
			s.Counters = peer.Counters // the lab's box has one
		}
	}
	router, err := spoke.pidOf(ctx, "router")
	if err != nil {
		return s, err
	}
	for _, pid := range []int{1, router} {
		files, err := spoke.Run(ctx, fmt.Sprintf("echo /proc/%d/fd/*", pid))
		if err != nil {
			return s, err
		}
		s.Descriptors += len(strings.Fields(files))
	}
	if s.SAs, err = count(spoke.Run(ctx, "sas")); err != nil {
		return s, err
	}
	s.HubSAs, err = count(lab.Hub.Run(ctx, "ip xfrm state | grep -c ^src || true"))
	return s, err
}

// count reads the number that a command has printed.
func count(out string, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

const (
	// maxSAs is what may be in a kernel at once: a pair in use, one that
	// replaces it, one that is on its way out, and what a hub that was killed
	// left.
	maxSAs = 12
	// Growth between the first and the last samples that is no leak yet: what a
	// moment's work needs.
	maxMoreGoroutines  = 8
	maxMoreDescriptors = 8
	maxMoreMemory      = 4 * mebibyte
)

// leaks returns what has grown from the first third of the samples to the last.
func leaks(samples []sample) (found []error) {
	for _, s := range samples {
		if s.SAs > maxSAs || s.HubSAs > maxSAs {
			found = append(found, fmt.Errorf("SAs are left behind: %v", s))
			break
		}
	}
	if len(samples) == 0 || samples[len(samples)-1].Counters.ChildRekeys == 0 {
		found = append(found, fmt.Errorf("no SA was ever renewed in %d steps: nothing was tried", len(samples)))
	}
	third := len(samples) / 3
	if third == 0 {
		return found
	}
	for _, kind := range []struct {
		name  string
		value func(sample) float64
		most  float64
	}{
		{"goroutines", func(s sample) float64 { return float64(s.Goroutines) }, maxMoreGoroutines},
		{"open descriptors", func(s sample) float64 { return float64(s.Descriptors) }, maxMoreDescriptors},
		{"octets of memory", func(s sample) float64 { return s.Pss }, maxMoreMemory},
	} {
		before, after := least(samples[:third], kind.value), least(samples[len(samples)-third:], kind.value)
		if after-before > kind.most {
			found = append(found, fmt.Errorf("%s have grown from %.0f to %.0f", kind.name, before, after))
		}
	}
	return found
}

// least returns the smallest value among the samples: what is never given back.
func least(samples []sample, value func(sample) float64) float64 {
	return value(slices.MinFunc(samples, func(a, b sample) int { return cmp.Compare(value(a), value(b)) }))
}
