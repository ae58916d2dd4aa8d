//go:build lab

package main

import (
	"context"
	"fmt"
	"testing"
)

const swanctlConf = "/etc/swanctl/swanctl.conf"

// changeHub replaces a text of the hub's swanctl.conf and loads it; back takes
// it back, which happens when the test ends at the latest.
func changeHub(t *testing.T, lab *Lab, from, to string) (back func()) {
	t.Helper()
	replace := func(ctx context.Context, from, to string) {
		t.Helper()
		command := fmt.Sprintf("sed -i 's/%s/%s/' %s && swanctl --load-all --clear --noprompt", from, to, swanctlConf)
		if _, err := lab.Hub.Run(ctx, command); err != nil {
			t.Error(err)
		}
	}
	replace(t.Context(), from, to)
	t.Cleanup(func() { replace(context.Background(), to, from) })
	return func() { replace(t.Context(), to, from) }
}

// TestWrongPSK: the hub has another key; the box names peer and cause, and
// connects once the hub's key is right.
func TestWrongPSK(t *testing.T) {
	lab := open(t)
	back := changeHub(t, lab, "correct horse", "wrong horse")
	spoke := boot(t, lab, ordinaryBox(lab))
	says(t, spoke, 0, `peer hub1\.example\.net .*rejected our pre-shared key`)
	mark := spoke.Ping.Mark()
	back()
	answered(t, spoke, mark, recovery)
}

// TestNoProposal: the hub accepts none of the box's ciphers; the box says what
// it offered, and connects once the hub accepts them.
func TestNoProposal(t *testing.T) {
	lab := open(t)
	back := changeHub(t, lab, "aes256gcm16-prfsha384-ecp384", "aes256-sha512-ecp521")
	spoke := boot(t, lab, ordinaryBox(lab))
	says(t, spoke, 0, `peer hub1\.example\.net .*accepts none of the IKE proposals we offered.*aes256gcm16-prfsha384-ecp384`)
	mark := spoke.Ping.Mark()
	back()
	answered(t, spoke, mark, recovery)
}
