package nhrp

import (
	"bytes"
	"testing"
)

// FuzzParse: whatever is read can be written, and reads the same again.
func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.packet)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= fixedHeaderLen && len(b) <= 0xffff {
			// Let the fuzzer past the two fields that guard the rest.
			b[10], b[11] = byte(len(b)>>8), byte(len(b))
			sum(b)
		}
		p, err := Parse(b)
		if err != nil {
			return
		}
		for _, e := range p.Extensions {
			_, _ = e.CIEs(p.Family, p.Protocol)
			_, _, _ = e.Vendor()
		}
		first, err := p.Marshal()
		if err != nil {
			if len(b) > 0xffff-4 {
				return // no room for the End that was missing
			}
			t.Fatalf("read but not written: %v", err)
		}
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("written but not read: %v", err)
		}
		second, err := again.Marshal()
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%v\n%x\n%x", err, first, second)
		}
	})
}
