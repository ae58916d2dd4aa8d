package nhrp

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestGroup reads and writes the name of a group.
func TestGroup(t *testing.T) {
	long := strings.Repeat("g", MaxGroup)
	for name, test := range map[string]struct {
		value string // in hexadecimal
		want  string
		ours  bool // is what we write
	}{
		"one attribute":      {"00000c 0001 0004 67726e31", "grn1", true},
		"the longest":        {"00000c 0001 0040" + hex.EncodeToString([]byte(long)), long, true},
		"among others":       {"00000c 0007 0001 ff 0001 0002 6731 0002 0000", "g1", false},
		"closed by a zero":   {"00000c 0001 0003 673100", "g1", false},
		"by itself":          {"00000c 6731", "g1", false},
		"by itself, padded":  {"00000c 6731 0000", "g1", false},
		"too long":           {"00000c 0001 0041" + hex.EncodeToString([]byte(long+"g")), "", false},
		"longer than it is":  {"00000c 0001 0005 67726e31", "", false},
		"nothing":            {"00000c", "", false},
		"an empty one":       {"00000c 0001 0000", "", false},
		"with a blank":       {"00000c 0001 0003 672031", "", false},
		"none of it":         {"00000c 0002 0002 6731", "", false},
		"of another vendor":  {"00000d 0001 0004 67726e31", "", false},
		"half of its header": {"00000c 0001 00", "", false},
		"half of its vendor": {"0000", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			value, err := hex.DecodeString(strings.ReplaceAll(test.value, " ", ""))
			if err != nil {
				t.Fatal(err)
			}
			e := Extension{Type: VendorPrivate, Value: value}
			if got, ok := e.Group(); got != test.want || ok != (test.want != "") {
				t.Errorf("Group = %q, %v, want %q", got, ok, test.want)
			}
			if test.ours {
				if got := NewGroup(test.want); got.Compulsory || got.Type != VendorPrivate || hex.EncodeToString(got.Value) != hex.EncodeToString(value) {
					t.Errorf("NewGroup = %x", got.Value)
				}
			}
		})
	}
	if _, ok := (Extension{Type: NATAddress, Value: NewGroup("g1").Value}).Group(); ok {
		t.Error("another extension names a group")
	}
}
