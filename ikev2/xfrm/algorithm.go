package xfrm

import (
	"fmt"
	"log/slog"
)

// Algorithm is a kernel crypto algorithm with its key. Printing or logging it
// shows the name and the key's length; encoding/json carries the key, because a
// checkpoint of an SA needs it.
type Algorithm struct {
	// Name is the kernel's, such as "rfc4106(gcm(aes))", "cbc(aes)" or
	// "hmac(sha1)".
	Name string
	// Key is the key material, for rfc4106 including the 4 octets of salt.
	Key []byte
	// ICVBits is the length of the integrity check value (AEAD and Auth).
	ICVBits int
}

// Format implements fmt.Formatter for every verb, so that none prints the key.
func (a Algorithm) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%s, key of %d bits", a.Name, 8*len(a.Key))
}

// LogValue implements slog.LogValuer: handlers that marshal would carry the key.
func (a Algorithm) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(a)) }
