//go:build vm

package interop

import (
	"time"

	"github.com/farspoke/farspoke/ikev2"
)

// proposals are the same algorithms in the words of all three.
type proposals struct {
	name                  string
	ours                  ikev2.Profile
	strongSwan, libreswan words
}

type words struct{ ike, esp string }

var (
	// modern is what a new hub has, with PFS.
	modern = proposals{
		name:       "AES-GCM, PFS",
		ours:       ikev2.Profile{IKE: []string{"aes256gcm16-prfsha384-ecp384"}, ESP: []string{"aes256gcm16"}, PFS: true},
		strongSwan: words{"aes256gcm16-prfsha384-ecp384", "aes256gcm16-ecp384"},
		libreswan:  words{"aes_gcm256-sha2_384;dh20", "aes_gcm256;dh20"},
	}
	// modernNoPFS has neither a key exchange at rekeying nor a group in ESP.
	modernNoPFS = proposals{
		name:       "AES-CBC with SHA-256, no PFS",
		ours:       ikev2.Profile{IKE: []string{"aes128-sha256-curve25519"}, ESP: []string{"aes256-sha256"}},
		strongSwan: words{"aes128-sha256-x25519", "aes256-sha256"},
		libreswan:  words{"aes128-sha2_256;dh31", "aes256-sha2_256"},
	}
	// articleIKEv1 is "crypto isakmp policy 10: encryption aes, group 5",
	// "transform-set esp-aes esp-sha-hmac", "set pfs group5" and "set
	// security-association lifetime seconds 300", brought to IKEv2.
	articleIKEv1 = proposals{
		name: "esp-aes esp-sha-hmac, group 5, PFS group 5, 300 s",
		ours: ikev2.Profile{
			IKE: []string{"legacy-aes128-sha1-modp1536"}, ESP: []string{"legacy-aes128-sha1-modp1536"},
			PFS: true, Lifetime: 300 * time.Second,
		},
		strongSwan: words{"aes128-sha1-modp1536", "aes128-sha1-modp1536"},
		libreswan:  words{"aes128-sha1;dh5", "aes128-sha1;dh5"},
	}
	// articleIKEv2 is "transform-set esp-aes 256 esp-sha-hmac", "mode transport",
	// without PFS, and with IOS's own choice for IKE, of which our first guess at a
	// group is not part.
	articleIKEv2 = proposals{
		name:       "esp-aes 256 esp-sha-hmac, no PFS",
		ours:       ikev2.Profile{ESP: []string{"aes256-sha1"}},
		strongSwan: words{"aes256-sha512-modp2048", "aes256-sha1"},
		libreswan:  words{"aes256-sha2_512;dh14", "aes256-sha1"},
	}
)
