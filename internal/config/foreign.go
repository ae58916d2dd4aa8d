package config

// word is what a key of another system is here.
type word struct {
	// means is the key to write instead, where it exists; say is for
	// everything else.
	means, say string
}

// foreign holds the words of other systems and of IKEv1 that people type from
// habit.
var foreign = map[string]word{
	// IKEv1. There is no support for it on purpose: IKEv2 does the same with
	// fewer messages, and NAT traversal and cookies are part of it.
	"ikev1":           {say: "this box speaks IKEv2 alone: describe the peer under ipsec with ike, esp, local and remote"},
	"isakmp":          {say: "this box speaks IKEv2 alone: ISAKMP policies become the list ike of a profile under ipsec"},
	"version":         {say: "no version is chosen: IKE is always IKEv2; remove the line and set the hub to IKEv2"},
	"ike-version":     {say: "no version is chosen: IKE is always IKEv2; remove the line and set the hub to IKEv2"},
	"keyexchange":     {say: "no version is chosen: IKE is always IKEv2; remove the line and set the hub to IKEv2"},
	"aggressive":      {say: "IKEv2 has no aggressive mode: remove the line"},
	"aggressive-mode": {say: "IKEv2 has no aggressive mode: remove the line"},
	"main-mode":       {say: "IKEv2 has no main mode: remove the line"},
	"quick-mode":      {say: "IKEv2 has no quick mode: its proposals are the list esp"},
	"phase1":          {say: "IKEv2 has no phases: phase 1 proposals are the list ike"},
	"phase2":          {say: "IKEv2 has no phases: phase 2 proposals are the list esp"},
	"xauth":           {say: "IKEv2 has no XAUTH: remove the line"},
	"group":           {say: "the group is part of each proposal, such as aes256-sha256-modp2048"},
	// IOS.
	"transform-set":  {say: "write the list esp, such as esp: [aes256gcm16]"},
	"keyring":        {say: "write the key at the profile: local: {psk: {secret: NAME}}"},
	"pre-shared-key": {means: "psk", say: "write the key at the profile: local: {psk: {secret: NAME}}"},
	"nhs":            {say: "write servers, a list of {address, nbma, multicast}"},
	"holdtime":       {means: "holding-time"},
	"redirect":       {say: "hubs send redirects; a spoke writes shortcut: true"},
	"adjust-mss":     {means: "mss"},
	"tcp-mss":        {means: "mss"},
	"tunnel-key":     {means: "key"},
	"tunnel-vrf":     {means: "underlay"},
	"source":         {say: "write underlay with the name of the front-door VRF; the source address follows the uplink"},
	"ip":             {means: "ipv4"},
	"vrf-forwarding": {means: "vrf"},
	"zone-member":    {means: "zone"},
	"zone-pairs":     {say: "write policies, a list of {from, to, inspect, pass}"},
	"zones":          {say: "zones come into being by being named at an interface or a tunnel"},
	"class-maps":     {say: "write services, lists such as mgmt: [tcp/22]"},
}
