package mbim

import (
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// vector is an information buffer as octets and as what it means.
type vector struct {
	name    string
	version Version
	class   Class
	body    Body
	octets  string // hexadecimal, spaces anywhere
}

func vectors() []vector {
	return slices.Concat(deviceVectors, simVectors, networkVectors, connectionVectors)
}

func octetsOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// message returns the message of the given class that says body.
func message(v Version, class Class, body Body) (Message, error) {
	switch class {
	case Query:
		return v.Query(1, body)
	case Set:
		return v.Set(1, body)
	case Answer:
		return v.Answer(1, StatusOK, body)
	}
	return v.Indication(body)
}

func TestVectorsBothWays(t *testing.T) {
	for _, v := range vectors() {
		t.Run(strings.TrimSpace(name(v.body)+" "+v.class.String()+" "+v.name), func(t *testing.T) {
			octets := octetsOf(t, v.octets)
			m, err := message(v.version, v.class, v.body)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(m.Info, octets) {
				t.Errorf("written:\n% x\nwant:\n% x", m.Info, octets)
			}
			m.Info = octets
			body := Empty(m.Kind())
			if body == nil {
				t.Fatalf("no %v", m.Kind())
			}
			if err := v.version.Decode(m, body); err != nil {
				t.Error(err)
			}
			if !reflect.DeepEqual(body, v.body) {
				t.Errorf("read:\n%+v\nwant:\n%+v", body, v.body)
			}
		})
	}
}

// TestEachKindHasAVector keeps the tables whole.
func TestEachKindHasAVector(t *testing.T) {
	tested := make(map[Kind]bool)
	for _, v := range vectors() {
		tested[Kind{v.body.about(), v.class}] = true
	}
	for k := range bodies() {
		if !tested[k] {
			t.Errorf("%v has no vector", k)
		}
	}
}

// TestCutShort cuts each vector anywhere: an error or a shorter meaning, but the
// fixed part must be there.
func TestCutShort(t *testing.T) {
	for _, v := range vectors() {
		octets := octetsOf(t, v.octets)
		m, err := message(v.version, v.class, v.body)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(octets) {
			m.Info = octets[:n]
			body := Empty(m.Kind())
			err := v.version.Decode(m, body)
			if err == nil && reflect.DeepEqual(body, v.body) && len(octets)-n > 3 {
				t.Errorf("%s: nothing is missed at %d of %d octets", name(v.body), n, len(octets))
			}
		}
	}
}
