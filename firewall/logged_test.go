package firewall

import (
	"strings"
	"testing"
)

func TestPrefix(t *testing.T) {
	for _, test := range []struct {
		decision Decision
		prefix   string
	}{
		{Decision{"drop", "outside", "self", "default"}, "drop outside self default"},
		{Decision{"inspect", "inside", "outside", "inspect web, dns: udp/67>68"}, "inspect inside outside inspect web, dns: udp/67>68"},
		{Decision{"reject", "Guest_2", "in-side", " two  spaces "}, "reject Guest_2 in-side  two  spaces "},
		{Decision{"pass", "a", "b", ""}, "pass a b "},
		// What no policy is about has no zones.
		{Decision{"drop", "", "", "default"}, "drop   default"},
	} {
		if got := test.decision.Prefix(); got != test.prefix {
			t.Errorf("%+v has the prefix %q, want %q", test.decision, got, test.prefix)
		}
		if got, ok := ParsePrefix(test.prefix); !ok || got != test.decision {
			t.Errorf("%q is %+v, %t, want %+v", test.prefix, got, ok, test.decision)
		}
	}
}

func TestPrefixOfOthers(t *testing.T) {
	for _, prefix := range []string{"", "drop", "drop outside self", "accept outside self default", "IN=wan0 OUT= MAC= SRC=198.51.100.7", " drop a b c"} {
		if d, ok := ParsePrefix(prefix); ok {
			t.Errorf("%q is taken for %+v", prefix, d)
		}
	}
}

// TestLongPrefix has zones of the greatest length and a class beyond it.
func TestLongPrefix(t *testing.T) {
	zone, class := strings.Repeat("z", maxZoneName), strings.Repeat("c", 200)
	d := Decision{"inspect", zone, zone, class}
	prefix := d.Prefix()
	if len(prefix) != maxPrefix {
		t.Errorf("the prefix has %d octets, want %d", len(prefix), maxPrefix)
	}
	got, ok := ParsePrefix(prefix)
	if !ok || got.From != zone || got.To != zone || got.Class != class[:55] {
		t.Errorf("the long prefix is read as %+v, %t", got, ok)
	}
}

func FuzzParsePrefix(f *testing.F) {
	for _, prefix := range []string{"drop outside self default", "drop   default", "pass a b ", "accept a b c"} {
		f.Add(prefix)
	}
	f.Fuzz(func(t *testing.T, prefix string) {
		d, ok := ParsePrefix(prefix)
		if ok && d.Prefix() != prefix[:min(len(prefix), maxPrefix)] {
			t.Errorf("%q is read as %+v, whose prefix is %q", prefix, d, d.Prefix())
		}
	})
}
