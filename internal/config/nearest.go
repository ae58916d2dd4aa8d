package config

// foreign holds the words of other systems and of IKEv1 that people type from
// habit, with what to write here.
var foreign = map[string]string{
	// IKEv1. There is no support for it on purpose: IKEv2 does the same with
	// fewer messages, and NAT traversal and cookies are part of it.
	"ikev1":           "this box speaks IKEv2 alone: describe the peer under ipsec with ike, esp, local and remote",
	"isakmp":          "this box speaks IKEv2 alone: ISAKMP policies become the list ike of a profile under ipsec",
	"version":         "no version is chosen: IKE is always IKEv2; remove the line and set the hub to IKEv2",
	"ike-version":     "no version is chosen: IKE is always IKEv2; remove the line and set the hub to IKEv2",
	"keyexchange":     "no version is chosen: IKE is always IKEv2; remove the line and set the hub to IKEv2",
	"aggressive":      "IKEv2 has no aggressive mode: remove the line",
	"aggressive-mode": "IKEv2 has no aggressive mode: remove the line",
	"main-mode":       "IKEv2 has no main mode: remove the line",
	"phase1":          "IKEv2 has no phases: phase 1 proposals are the list ike",
	"phase2":          "IKEv2 has no phases: phase 2 proposals are the list esp",
	"quick-mode":      "IKEv2 has no quick mode: its proposals are the list esp",
	"xauth":           "IKEv2 has no XAUTH: remove the line",
	// IOS.
	"transform-set":  "write the list esp, such as esp: [aes256gcm16]",
	"transform":      "write the list esp, such as esp: [aes256gcm16]",
	"keyring":        "write the key at the profile: local: {psk: {secret: NAME}}",
	"pre-shared-key": "write psk: {secret: NAME}",
	"group":          "the group is part of each proposal, such as aes256-sha256-modp2048",
	"dpd":            "dead peers are always detected; there is nothing to set",
	"nhs":            "write servers, a list of {address, nbma, multicast}",
	"holdtime":       "write holding-time",
	"redirect":       "hubs send redirects; a spoke writes shortcut: true",
	"adjust-mss":     "write mss",
	"tcp-mss":        "write mss",
	"tunnel-key":     "write key",
	"tunnel-vrf":     "write underlay with the name of the front-door VRF",
	"source":         "write underlay with the name of the front-door VRF; the source address follows the uplink",
	"ip":             "write ipv4",
	"vrf-forwarding": "write vrf",
	"zone-member":    "write zone",
	"zone-pairs":     "write policies, a list of {from, to, inspect, pass}",
	"zones":          "zones come into being by being named at an interface or a tunnel",
	"class-maps":     "write services, lists such as mgmt: [tcp/22]",
	"<<":             "merge keys are not used here; write the keys themselves",
}

// maxSuggested bounds the names that are compared with a mistyped one.
const maxSuggested = 40

// nearest returns the one of known that word is most likely a misspelling of.
func nearest(word string, known []string) (string, bool) {
	best, distance := "", 3
	if len(word) < 5 {
		distance = 2
	}
	if len(word) > maxSuggested {
		return "", false
	}
	for _, k := range known {
		if d := editDistance(word, k); d < distance && d < len(k) {
			best, distance = k, d
		}
	}
	return best, best != ""
}

// editDistance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment).
func editDistance(a, b string) int {
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := previous[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			current[j] = min(previous[j]+1, current[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
