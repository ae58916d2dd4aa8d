// Package suite holds the cryptography of IKEv2: the algorithms and how
// operators name them, their negotiation (RFC 7296 section 3.3), the key
// exchange, the key derivation (section 2.14) and the protection of messages
// (section 3.14 and RFC 5282). It is pure: randomness is passed in, and keys
// are values that print as nothing but their length.
//
// What is weak is absent (RFC 8247): MD5, DES and 3DES, and Diffie-Hellman
// groups below 2048 bits, but for group 5 in proposals that are marked legacy.
package suite

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"slices"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// Transform identifiers (IANA, Internet Key Exchange Version 2 Parameters).
const (
	encryptionAESCBC   = 12
	encryptionAESGCM16 = 20

	integritySHA1   = 2
	integritySHA256 = 12
	integritySHA384 = 13
	integritySHA512 = 14

	prfSHA1   = 2
	prfSHA256 = 5
	prfSHA384 = 6
	prfSHA512 = 7

	esnOff = 0
	esnOn  = 1
)

// algorithm is one algorithm by the name operators give it, which is
// strongSwan's.
type algorithm struct {
	name      string
	transform wire.Transform
	// hash is that of an integrity algorithm or pseudo-random function, and
	// icv the octets of its output that are sent.
	hash func() hash.Hash
	icv  int
}

var algorithms = []algorithm{
	encryption("aes256gcm16", encryptionAESGCM16, 256),
	encryption("aes192gcm16", encryptionAESGCM16, 192),
	encryption("aes128gcm16", encryptionAESGCM16, 128),
	encryption("aes256", encryptionAESCBC, 256),
	encryption("aes192", encryptionAESCBC, 192),
	encryption("aes128", encryptionAESCBC, 128),

	{"sha512", wire.Transform{Type: wire.Integrity, ID: integritySHA512}, sha512.New, 32},
	{"sha384", wire.Transform{Type: wire.Integrity, ID: integritySHA384}, sha512.New384, 24},
	{"sha256", wire.Transform{Type: wire.Integrity, ID: integritySHA256}, sha256.New, 16},
	{"sha1", wire.Transform{Type: wire.Integrity, ID: integritySHA1}, sha1.New, 12},

	{"prfsha512", wire.Transform{Type: wire.PRF, ID: prfSHA512}, sha512.New, 0},
	{"prfsha384", wire.Transform{Type: wire.PRF, ID: prfSHA384}, sha512.New384, 0},
	{"prfsha256", wire.Transform{Type: wire.PRF, ID: prfSHA256}, sha256.New, 0},
	{"prfsha1", wire.Transform{Type: wire.PRF, ID: prfSHA1}, sha1.New, 0},

	group("ecp256", ECP256), group("ecp384", ECP384), group("ecp521", ECP521),
	group("curve25519", Curve25519),
	group(modp1536Name, MODP1536), group("modp2048", MODP2048), group("modp3072", MODP3072), group("modp4096", MODP4096),

	{name: "noesn", transform: wire.Transform{Type: wire.ESN, ID: esnOff}},
	{name: "esn", transform: wire.Transform{Type: wire.ESN, ID: esnOn}},
}

func encryption(name string, id, bits uint16) algorithm {
	return algorithm{name: name, transform: wire.Transform{Type: wire.Encryption, ID: id, KeyBits: bits}}
}

func group(name string, id GroupID) algorithm {
	return algorithm{name: name, transform: wire.Transform{Type: wire.Group, ID: uint16(id)}}
}

// aliases are other names for the same algorithms.
var aliases = map[string]string{
	"aes": "aes128", "aes256gcm128": "aes256gcm16", "aes192gcm128": "aes192gcm16", "aes128gcm128": "aes128gcm16",
	"sha": "sha1", "sha2_256": "sha256", "sha2_384": "sha384", "sha2_512": "sha512",
	"x25519": "curve25519",
}

// legacyWord begins a proposal that may hold the algorithms of legacy, which are
// there for hubs that have nothing better.
const legacyWord = "legacy"

const modp1536Name = "modp1536"

// legacy are algorithms below what RFC 8247 allows, with what is said about one
// that stands in a proposal not marked so.
var legacy = map[string]string{
	modp1536Name: "group 5 (1536 bits) is below what RFC 8247 allows; write modp2048 or ecp256, or put legacy- before the whole proposal if the hub has nothing better",
}

// refused are names that operators may know from elsewhere, with the reason
// why they are not ours and what to write instead.
var refused = map[string]string{
	"des":              "DES is broken; write aes256gcm16 or aes256",
	"3des":             "3DES is weak and slow; write aes256gcm16 or aes256",
	"md5":              "MD5 is broken; write sha256, or sha1 if the peer has nothing better",
	"prfmd5":           "MD5 is broken; write prfsha256",
	"modp768":          "a group of 768 bits is broken; write modp2048 or ecp256",
	"modp1024":         "group 2 (1024 bits) can be broken by large organisations; write modp2048 or ecp256",
	"chacha20poly1305": "ChaCha20-Poly1305 is not supported; write aes256gcm16",

	// IOS's transforms and its numbers of groups.
	"esp":     "IOS's transforms are one proposal here: esp-aes 256 esp-sha-hmac is aes256-sha1",
	"hmac":    "IOS's transforms are one proposal here: esp-aes 256 esp-sha-hmac is aes256-sha1",
	"cbc":     "write the cipher as one word, such as aes256",
	"gcm":     "write the cipher as one word, such as aes256gcm16",
	"group1":  "a group of 768 bits is broken; write modp2048 or ecp256",
	"group2":  "group 2 (1024 bits) can be broken by large organisations; write modp2048 or ecp256",
	"group5":  "write modp1536 for group 5, and legacy- before the whole proposal; better: modp2048 or ecp256",
	"group14": "write modp2048 for group 14",
	"group15": "write modp3072 for group 15",
	"group16": "write modp4096 for group 16",
	"group19": "write ecp256 for group 19",
	"group20": "write ecp384 for group 20",
	"group21": "write ecp521 for group 21",
	"group24": "RFC 8247 advises against group 24; write modp2048 or ecp256",

	"null":       "traffic would not be encrypted; write aes256gcm16",
	"aes256ctr":  "AES-CTR is not supported; write aes256gcm16 or aes256",
	"aes256ccm":  "AES-CCM is not supported; write aes256gcm16 or aes256",
	"aes128ctr":  "AES-CTR is not supported; write aes128gcm16 or aes128",
	"aesxcbc":    "AES-XCBC is not supported; write sha256",
	"prfaesxcbc": "AES-XCBC is not supported; write prfsha256",
}

func byName(name string) (algorithm, bool) {
	if real, ok := aliases[name]; ok {
		name = real
	}
	i := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.name == name })
	if i < 0 {
		return algorithm{}, false
	}
	return algorithms[i], true
}

func byTransform(t wire.Transform) (algorithm, bool) {
	i := slices.IndexFunc(algorithms, func(a algorithm) bool { return a.transform == t })
	if i < 0 {
		return algorithm{}, false
	}
	return algorithms[i], true
}

// Name returns how operators write the algorithm.
func Name(t wire.Transform) string {
	if a, ok := byTransform(t); ok {
		return a.name
	}
	kinds := map[wire.TransformType]string{
		wire.Encryption: "encryption", wire.PRF: "prf", wire.Integrity: "integrity",
		wire.Group: "group", wire.ESN: "esn",
	}
	if t.KeyBits != 0 {
		return fmt.Sprintf("%s-%d(%d bits)", kinds[t.Type], t.ID, t.KeyBits)
	}
	return fmt.Sprintf("%s-%d", kinds[t.Type], t.ID)
}
