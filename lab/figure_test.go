package main

import (
	"strings"
	"testing"
)

func TestFigureLine(t *testing.T) {
	for _, test := range []struct {
		figure Figure
		want   string
	}{
		{Figure{ID: "boot-to-ping", Ours: 3, Peer: 8, Target: 0.4}, "boot-to-ping ours=3.00 peer=8.00 ratio=0.38 target=0.4 met"},
		{Figure{ID: "boot-to-ping", Ours: 4, Peer: 8, Target: 0.4}, "boot-to-ping ours=4.00 peer=8.00 ratio=0.50 target=0.4 missed"},
		{Figure{ID: "fault-recovery/a", Ours: 1.2, Peer: 45, Target: 1, Limit: 10, Cap: 45}, "fault-recovery/a ours=1.20 peer=>45 ratio=<0.03 target=1 met"},
		{Figure{ID: "fault-recovery/a", Ours: 45, Peer: 20, Target: 1, Limit: 10, Cap: 45}, "fault-recovery/a ours=>45 peer=20.00 ratio=>2.25 target=1 missed"},
		{Figure{ID: "fault-recovery/a", Ours: 45, Peer: 45, Target: 1, Limit: 10, Cap: 45}, "fault-recovery/a ours=>45 peer=>45 ratio=- target=1 missed"},
		{Figure{ID: "fault-recovery/a", Ours: 11, Peer: 20, Target: 1, Limit: 10}, "fault-recovery/a ours=11.00 peer=20.00 ratio=0.55 target=1 missed"},
		{Figure{ID: "fault-recovery/a", Ours: 0.4, Peer: 0.1, Target: 1, Slack: 0.5}, "fault-recovery/a ours=0.40 peer=0.10 ratio=4.00 target=1 met"},
		{Figure{ID: "rekey-loss", Absolute: true}, "rekey-loss ours=0.00 peer=0.00 ratio=- target=0 met"},
		{Figure{ID: "rekey-loss", Ours: 0.5, Peer: 1, Absolute: true}, "rekey-loss ours=0.50 peer=1.00 ratio=0.50 target=0 missed"},
		{Figure{ID: "ike-handshakes", Ours: 1800, Peer: 1000, Target: 1.5, AtLeast: true}, "ike-handshakes ours=1800.00 peer=1000.00 ratio=1.80 target=≥1.5 met"},
		{Figure{ID: "ike-handshakes", Ours: 1400, Peer: 1000, Target: 1.5, AtLeast: true}, "ike-handshakes ours=1400.00 peer=1000.00 ratio=1.40 target=≥1.5 missed"},
		{Figure{ID: "image-size", Ours: 17.81, Target: 32}, "image-size ours=17.81 peer=- ratio=- target=32 met"},
	} {
		if got := test.figure.String(); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestReplaceBlockTouchesOneFigureOnly(t *testing.T) {
	text := "# Performance\n"
	text = replaceBlock(text, "a", "old $1")
	text = replaceBlock(text, "b", "kept")
	text = replaceBlock(text, "a", "new $1")
	if strings.Contains(text, "old") || strings.Count(text, "new $1") != 1 || !strings.Contains(text, "kept") {
		t.Errorf("got %s", text)
	}
	if strings.Count(text, "## a") != 1 {
		t.Errorf("the heading is there %d times", strings.Count(text, "## a"))
	}
}

func TestMedian(t *testing.T) {
	if got := median([]float64{9, 1, 5}); got != 5 {
		t.Errorf("median of three = %v, want 5", got)
	}
	if got := median([]float64{4, 1, 2, 9}); got != 3 {
		t.Errorf("median of four = %v, want 3", got)
	}
}
