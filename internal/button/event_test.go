package button

import (
	"testing"
	"time"
)

// down is the key of these tests going down 1 h 0.25 s after the start of the kernel.
var down = []byte{
	0x10, 0x0e, 0, 0, 0, 0, 0, 0,
	0x90, 0xd0, 0x03, 0, 0, 0, 0, 0,
	1, 0, 0x98, 1,
	1, 0, 0, 0,
}

func TestParse(t *testing.T) {
	want := Event{Time: time.Hour + 250*time.Millisecond, Type: evKey, Code: restart, Value: keyDown}
	if got, err := parse(down); err != nil || got != want {
		t.Errorf("parse = %+v, %v", got, err)
	}
	for name, data := range map[string][]byte{
		"nothing":                   nil,
		"half":                      down[:12],
		"two":                       append(down[:eventSize:eventSize], down...),
		"before the start":          append([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, down[8:]...),
		"a million of microseconds": append(append(down[:8:8], 0x40, 0x42, 0x0f, 0, 0, 0, 0, 0), down[16:]...),
	} {
		if e, err := parse(data); err == nil {
			t.Errorf("%s is taken for %+v", name, e)
		}
	}
}

// FuzzParse looks for events that have no sensible time, and for presses that reset
// without having been held.
func FuzzParse(f *testing.F) {
	f.Add(down)
	f.Add(make([]byte, eventSize))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := parse(data)
		if err != nil {
			return
		}
		if e.Time < 0 || e.Time > maxTime+time.Second {
			t.Errorf("%x is at %v", data, e.Time)
		}
		held := press{down: true, since: time.Minute}
		if key := held; key.handle(e, restart) && (e.Time-held.since < Hold || e.Time-held.since >= Limit || e.Value != keyUp) {
			t.Errorf("%+v resets", e)
		}
		if up := (press{}); up.handle(e, restart) {
			t.Errorf("%+v resets without a press", e)
		}
	})
}
