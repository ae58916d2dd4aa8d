//go:build lab

package main

import (
	"context"
	"os"
	"testing"
	"time"
)

// TestShortcutPeer: the box and a spoke of FRR and strongSwan find the direct path
// to each other, whoever asks first and whoever is behind a NAT, and stay on the
// hub where there can be none.
func TestShortcutPeer(t *testing.T) {
	lab := open(t)
	ours, theirs := openBox(lab), peer(lab.images, "spokes")
	for _, c := range natCases {
		t.Run("box calls, "+c.name, func(t *testing.T) { meetDirectly(t, lab, c, ours, theirs) })
		t.Run("peer calls, "+c.name, func(t *testing.T) { meetDirectly(t, lab, c, theirs, ours) })
	}
}

// TestShortcutBoxes: two boxes do the same without losing more than a packet.
func TestShortcutBoxes(t *testing.T) {
	lab := open(t)
	for _, c := range natCases {
		t.Run(c.name, func(t *testing.T) { meetDirectly(t, lab, c, openBox(lab), openBox(lab)) })
	}
}

// openBox is our box without authentication in NHRP.
func openBox(lab *Lab) kind { return testedBox(lab.images, lab.images.Box, openSite()) }

// meetDirectly lets two spokes find the direct path, if there can be one.
func meetDirectly(t *testing.T, lab *Lab, c natCase, caller, called kind) {
	ctx := context.Background()
	p, err := lab.bootPair(ctx, c, caller, called)
	if err != nil {
		t.Fatal(err)
	}
	m, err := p.meet(ctx)
	if err != nil {
		p.dump()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			p.dump()
			lab.show(ctx, os.Stderr)
		}
		for _, s := range []*Spoke{p.caller, p.called} {
			if err := s.NoClearGRE(); err != nil {
				t.Error(err)
			}
		}
		if err := m.stop(); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	if c.direct() {
		after, err := m.direct(limit(t, directLimit))
		lost, sent := m.lost()
		t.Logf("direct %v after the redirect; lost %d of %d packets, at %s", after, lost, sent, m.ping.Gaps(0, sent))
		if err != nil {
			t.Error(err)
		}
		return
	}
	stayed, err := m.onHub(ctx, 15*time.Second)
	lost, sent := m.lost()
	t.Logf("lost %d of %d packets, at %s", lost, sent, m.ping.Gaps(0, sent))
	if err != nil || !stayed {
		t.Errorf("traffic has left the hub (%v)", err)
	}
}
