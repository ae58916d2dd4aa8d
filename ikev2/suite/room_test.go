package suite

import (
	"testing"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// TestRoom holds Room against what the kernel was seen to carry: an inner packet
// behind a GRE header with key, through ESP in UDP.
func TestRoom(t *testing.T) {
	const greWithKey = 8
	for _, test := range []struct {
		link, cbc, gcm int
	}{
		{1500, 1414, 1430},
		{1440, 1366, 1370},
		{1428, 1350, 1358},
		{1358, 1270, 1286},
	} {
		for text, want := range map[string]int{"aes256-sha1": test.cbc, "aes256gcm16": test.gcm} {
			esp := espOf(t, text)
			if got := esp.Room(test.link, true) - greWithKey; got != want {
				t.Errorf("link of %d, %s: %d octets fit, want %d", test.link, text, got, want)
			}
			if bare, inUDP := esp.Room(test.link, false), esp.Room(test.link-udpHeader, false); inUDP != esp.Room(test.link, true) || bare < inUDP {
				t.Errorf("link of %d, %s: %d octets fit without UDP, %d with 8 octets less", test.link, text, bare, inUDP)
			}
		}
	}
	if room := espOf(t, "aes256-sha512").Room(20, true); room >= 0 {
		t.Errorf("%d octets fit into an empty packet", room)
	}
}

func espOf(t *testing.T, text string) ESP {
	t.Helper()
	p, err := ParseESP(text)
	if err != nil {
		t.Fatal(err)
	}
	return NewESP(wire.Proposal{Transforms: p})
}
