package qmi

import (
	"reflect"
	"testing"
)

// FuzzParse: whatever is read can be written and is the same octets again but for
// the QMUX flags; so are the contents of the kinds spoken here.
func FuzzParse(f *testing.F) {
	for _, v := range vectors() {
		f.Add(octetsOf(f, v.octets))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Size(b)
		m, err := Parse(b)
		if err != nil {
			return
		}
		_ = m.String()
		written, err := m.Marshal()
		if err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		b[3] = m.frameFlags()
		if !reflect.DeepEqual(written, b) {
			t.Fatalf("written as it was not read:\n% x\n% x", b, written)
		}
		if body := Empty(m.Kind); body != nil {
			checkBody(t, m, body)
		}
	})
}

// FuzzDecode: the same for the TLVs of each kind, past the headers that guard
// them.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors() {
		k := v.body.Kind()
		headers := frameLen + Message{Kind: k}.headerLen()
		f.Add(uint8(k.Service), k.ID, uint8(k.Class), octetsOf(f, v.octets)[headers:])
	}
	f.Fuzz(func(t *testing.T, service uint8, id uint16, class uint8, b []byte) {
		body := Empty(Kind{Service(service), id, Class(class)})
		if body == nil || len(b) > MaxLen-frameLen-headerLen {
			return
		}
		tlvs, err := parseTLVs(b, 0)
		if err != nil {
			return
		}
		checkBody(t, Message{Kind: body.Kind(), TLVs: tlvs}, body)
	})
}

// checkBody demands that what m says, if it says something, is said again by
// what is written of it.
func checkBody(t *testing.T, m Message, body Body) {
	t.Helper()
	err := m.Decode(body)
	if _, refused := Refused(err); err != nil && !refused {
		return
	}
	written, writeErr := New(m.Client, m.Transaction, body)
	if writeErr != nil {
		t.Fatalf("read but not written: %v", writeErr)
	}
	again := empty(body)
	if againErr := written.Decode(again); (againErr == nil) != (err == nil) {
		t.Fatalf("read: %v, and read again: %v", err, againErr)
	}
	if !reflect.DeepEqual(body, again) {
		t.Fatalf("written as it was not read:\n%+v\n%+v", body, again)
	}
}
