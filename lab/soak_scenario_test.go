//go:build lab

package main

import (
	"testing"
	"time"
)

// TestSoak: lifetimes of a minute, one packet in ten lost, a NAT that moves and a
// hub that restarts, for three minutes; traffic is never gone for long, and
// nothing grows. `make soak` is the same for hours.
func TestSoak(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, testedBox(lab.images, lab.images.Box, shortLivedSite()))
	s := &soak{lab: lab, spoke: spoke, step: 20 * time.Second, allowed: time.Minute, progress: t.Output()}
	if err := s.run(t.Context(), 3*time.Minute); err != nil {
		t.Error(err)
	}
}
