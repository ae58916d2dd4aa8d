package siit

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// TestFragments sends a packet larger than the link in parts, and such a part again
// over a narrower one. Put together they are the payload, and each fits.
func TestFragments(t *testing.T) {
	payload := make([]byte, 3000)
	for i := range payload {
		payload[i] = byte(i * 7)
	}
	b := append(make([]byte, header4), payload...)
	put4(b, header4, packet4{header: header{hops: 64, protocol: 50, id: 0x1234, size: len(payload)}, from: ours4.As4(), to: far4.As4()}, false)
	if !MayFragment(b) || ID(b) != 0x1234 {
		t.Errorf("may be fragmented: %t, identification %x", MayFragment(b), ID(b))
	}
	whole, err := to6(translator(t, wkp), b)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(payload))
	count, ends := 0, 0
	for wide := range Fragments(whole, ID(b), 1500) {
		if len(wide) > 1500 {
			t.Errorf("a fragment has %d octets", len(wide))
		}
		for narrow := range Fragments(wide, 99, 1280) {
			count++
			h, err := parse6(narrow)
			if err != nil || len(narrow) > 1280 || h.id != 0x1234 || h.protocol != 50 || h.hops != 64 || h.start+h.size != len(narrow) {
				t.Fatalf("fragment %x: %+v, %v", narrow, h, err)
			}
			copy(got[h.offset*8:], narrow[h.start:])
			if !h.more {
				ends++
				if int(h.offset)*8+h.size != len(payload) {
					t.Errorf("the last fragment ends at %d", int(h.offset)*8+h.size)
				}
			}
		}
	}
	if !bytes.Equal(got, payload) || count != 5 || ends != 1 {
		t.Errorf("%d fragments, %d of them the last, are the payload: %t", count, ends, bytes.Equal(got, payload))
	}
}

// TestMayFragment: a packet may not that says so, nor what is none.
func TestMayFragment(t *testing.T) {
	p := make([]byte, header4)
	binary.BigEndian.PutUint16(p[6:], 0x4000)
	if MayFragment(p) || MayFragment(nil) {
		t.Error("what may not be fragmented is")
	}
}

// TestFragmentsOfNoPacket: nothing comes of it, nor of a link too narrow for any.
func TestFragmentsOfNoPacket(t *testing.T) {
	for range Fragments([]byte{1, 2, 3}, 0, 1280) {
		t.Error("there is a fragment of no packet")
	}
	whole := packet(t, "60000000 0000 32 40"+back6)
	for range Fragments(whole, 0, 50) {
		t.Error("there is a fragment without room")
	}
}
