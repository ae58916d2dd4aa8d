package xfrm

// Modules are the kernel modules that the SAs need, in the order to load them:
// the crypto layer asks for some of them by algorithm, which nobody answers on
// a box without modprobe.
var Modules = []string{
	"xfrm_user", "esp4",
	// AES-GCM; AES itself, CBC, HMAC, SHA-1 and SHA-256 are in the kernel.
	"ctr", "ghash_generic", "gcm",
	"sha512_generic", "authenc", "authencesn",
	// The IV generators, and the random numbers they start from.
	"sha3_generic", "jitterentropy_rng", "drbg", "seqiv", "echainiv",
}

// CPUModules are faster implementations of the same. A module whose
// instructions the CPU lacks refuses to load with ENODEV, which is no fault.
// They help the SAs that are added after them.
var CPUModules = []string{
	"aes_neon_blk", "aes_ce_blk", "ghash_ce",
	"sha1_ce", "sha256_arm64", "sha2_ce", "sha512_arm64", "sha512_ce",
}
