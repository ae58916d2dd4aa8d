package admission

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net/netip"
	"time"
)

const (
	// secretTime is how long a secret makes cookies. It recognizes them for as
	// long again.
	secretTime   = time.Minute
	secretLength = 32
)

// claim is what a cookie is about. A source that repeats its request must repeat
// all of it (RFC 7296 section 2.6).
type claim struct {
	remote netip.AddrPort
	spi    uint64
	nonce  []byte
}

// jar makes cookies and recognizes them: a version octet that tells the secret,
// and the HMAC-SHA256 of the claim under it.
type jar struct {
	random          io.Reader
	version         uint8
	current, former []byte
	// since is when current was drawn.
	since time.Duration
}

// cookie returns the cookie for a claim.
func (j *jar) cookie(now time.Duration, c claim) []byte {
	j.turn(now)
	return bake(j.current, j.version, c)
}

// recognizes reports whether a cookie was made for the claim not long ago.
func (j *jar) recognizes(now time.Duration, c claim, cookie []byte) bool {
	j.turn(now)
	if len(cookie) == 0 {
		return false
	}
	switch cookie[0] {
	case j.version:
		return hmac.Equal(cookie, bake(j.current, j.version, c))
	case j.version - 1:
		return j.former != nil && hmac.Equal(cookie, bake(j.former, j.version-1, c))
	}
	return false
}

// turn draws a new secret when it is time.
func (j *jar) turn(now time.Duration) {
	age := now - j.since
	if j.current != nil && age < secretTime {
		return
	}
	j.former = j.current
	if age >= 2*secretTime {
		j.former = nil
	}
	j.current, j.since = make([]byte, secretLength), now
	j.version++
	// The source is the kernel's, which does not fail (crypto/rand crashes the
	// process if it would).
	if _, err := io.ReadFull(j.random, j.current); err != nil {
		panic("admission: random source failed: " + err.Error())
	}
}

// bake returns a cookie. What has a fixed length comes first, so that no two
// claims read the same.
func bake(secret []byte, version uint8, c claim) []byte {
	mac := hmac.New(sha256.New, secret)
	address := c.remote.Addr().As16()
	fixed := append([]byte{version}, address[:]...)
	fixed = binary.BigEndian.AppendUint16(fixed, c.remote.Port())
	fixed = binary.BigEndian.AppendUint64(fixed, c.spi)
	mac.Write(fixed)
	mac.Write(c.nonce)
	return mac.Sum([]byte{version})
}
