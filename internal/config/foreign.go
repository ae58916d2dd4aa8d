package config

import "strings"

// word is what a key of another system is here.
type word struct {
	// means is the key to write instead, where it exists; say is for
	// everything else.
	means, say string
	// in is the section where this is so, empty for everywhere.
	in string
}

// foreignWord returns what k is, which no field at path has for its name.
func foreignWord(k string, path []string) word {
	w := foreign[strings.ToLower(strings.ReplaceAll(k, "_", "-"))]
	if w.in != "" && (len(path) == 0 || path[0] != w.in) {
		return word{}
	}
	return w
}

// foreign holds the words of other systems and of IKEv1 that people type from
// habit.
var foreign = map[string]word{
	// IKEv1. There is no support for it on purpose: IKEv2 does the same with
	// fewer messages, and NAT traversal and cookies are part of it.
	"ikev1":           {say: "this box speaks IKEv2 alone: describe the peer under ipsec with ike, esp, local and remote"},
	"isakmp":          {say: "this box speaks IKEv2 alone: ISAKMP policies become the list ike of a profile under ipsec"},
	"isakmp-policy":   {say: "this box speaks IKEv2 alone: ISAKMP policies become the list ike of a profile under ipsec"},
	"isakmp-profile":  {say: "this box speaks IKEv2 alone: what an ISAKMP profile matches becomes remote: {id: …} of a profile under ipsec"},
	"isakmp-key":      {say: "this box speaks IKEv2 alone: write the key at a profile under ipsec, local: {psk: {secret: NAME}}"},
	"crypto":          {say: "write a profile under ipsec; IKE is always IKEv2, so that ISAKMP policies become its list ike"},
	"crypto-map":      {say: "write a profile under ipsec and name it at the tunnel, ipsec: NAME; there are no crypto maps"},
	"policy":          {in: "ipsec", say: "an ISAKMP policy becomes one text in the list ike, such as aes256-sha256-modp2048"},
	"encryption":      {in: "ipsec", say: "the cipher begins each proposal, such as aes256-sha256-modp2048"},
	"hash":            {in: "ipsec", say: "the hash is part of each proposal, such as sha256 in aes256-sha256-modp2048"},
	"integrity":       {in: "ipsec", say: "the integrity algorithm is part of each proposal, such as sha256 in aes256-sha256-modp2048"},
	"prf":             {in: "ipsec", say: "the pseudo-random function is part of each proposal, such as aes256gcm16-prfsha256-ecp256"},
	"authentication":  {in: "ipsec", say: "both sides prove themselves by a pre-shared key: local: {psk: {secret: NAME}}"},
	"mode":            {in: "ipsec", say: "remove the line: IKEv2 has neither main nor aggressive mode, and ESP is always in transport mode"},
	"exchange-mode":   {say: "IKEv2 has neither main nor aggressive mode: remove the line"},
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
	"mode-config":     {say: "a spoke's addresses are its own: remove the line"},
	"group":           {say: "the group is part of each proposal, such as aes256-sha256-modp2048"},
	// IOS.
	"ikev2-profile":        {say: "one entry of ipsec is IKEv2 profile and IPsec profile in one; name it at the tunnel, ipsec: NAME"},
	"protection":           {means: "ipsec", say: "write ipsec: NAME at the tunnel, with the name of a profile under ipsec"},
	"security-association": {say: "write lifetime: 1h, the lifetime of the ESP keys"},
	"transform-set":        {say: "write the list esp, such as esp: [aes256gcm16]"},
	"keyring":              {say: "write the key at the profile: local: {psk: {secret: NAME}}"},
	"pre-shared-key":       {means: "psk", say: "write the key at the profile: local: {psk: {secret: NAME}}"},
	"nhs":                  {say: "write servers, a list of {address, nbma, multicast}"},
	"holdtime":             {means: "holding-time"},
	"redirect":             {say: "hubs send redirects; a spoke writes shortcut: true"},
	"adjust-mss":           {means: "mss"},
	"tcp-mss":              {means: "mss"},
	"tunnel-key":           {means: "key"},
	"tunnel-vrf":           {means: "underlay"},
	"source":               {say: "write underlay with the name of the front-door VRF; the source address follows the uplink"},
	"ip":                   {means: "ipv4"},
	"vrf-forwarding":       {means: "vrf"},
	"zone-member":          {means: "zone"},
	"zone-pairs":           {say: "write policies, a list of {from, to, inspect, pass}"},
	"zones":                {say: "zones come into being by being named at an interface or a tunnel"},
	"class-maps":           {say: "write services, lists such as mgmt: [tcp/22]"},
}
