package siit

import (
	"bytes"
	"testing"
)

// FuzzToIPv6: whatever becomes a packet of IPv6 is one, by its lengths, and says the
// same when it is read again.
func FuzzToIPv6(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.v4)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 20 {
			// Let the fuzzer past the two addresses that guard the rest.
			from := ours4.As4()
			b = bytes.Clone(b)
			copy(b[12:], from[:])
		}
		got, err := to6(translator(t, wkp), b)
		if err != nil {
			return
		}
		h, err := parse6(got)
		if err != nil || h.start+h.size != len(got) || h.from != ours6.As16() {
			t.Errorf("%x is %x: %+v, %v", b, got, h, err)
		}
		for range Fragments(got, ID(b), 1280) {
		}
	})
}

// FuzzToIPv4 is the same in the other direction.
func FuzzToIPv4(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.v6)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= 40 {
			to := ours6.As16()
			b = bytes.Clone(b)
			copy(b[24:], to[:])
		}
		got, err := to4(translator(t, wkp), b)
		if err != nil {
			return
		}
		h, err := parse4(got)
		if err != nil || h.start+h.size != len(got) || h.to != ours4.As4() || onesComplement(got[:20]) != 0xffff {
			t.Errorf("%x is %x: %+v, %v", b, got, h, err)
		}
	})
}
