package mbim

import (
	"reflect"
	"testing"
)

// FuzzReassembler: whatever is read of two frames can be written, in fragments of
// the least size, and is read as the same again; so is what it says.
func FuzzReassembler(f *testing.F) {
	for _, tt := range messages {
		f.Add(octetsOf(f, tt.frames[0]), octetsOf(f, tt.frames[len(tt.frames)-1]))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r := Reassembler{Limit: 4096}
		for _, frame := range [][]byte{first, second} {
			m, _ := r.Add(frame)
			if m == nil {
				continue
			}
			_ = m.String()
			frames, err := m.Frames(MinTransfer)
			if err != nil {
				t.Fatalf("read but not written: %v", err)
			}
			again := Reassembler{Limit: 4096}
			var got *Message
			for _, part := range frames {
				if got, err = again.Add(part); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(got, m) {
				t.Fatalf("read %v again as %v", m, got)
			}
			if body := Empty(m.Kind()); body != nil && m.Type.fragmented() {
				checkBody(t, V1, *m, body)
			}
		}
	})
}

// FuzzDecode: the same for what each kind of message says, past the headers that
// guard it.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors() {
		k := Kind{v.body.about(), v.class}
		f.Add(k.Service[:], k.CID, uint8(k.Class), uint16(v.version), octetsOf(f, v.octets))
	}
	f.Fuzz(func(t *testing.T, service []byte, cid uint32, class uint8, version uint16, info []byte) {
		if len(service) != len(UUID{}) {
			return
		}
		body := Empty(Kind{Command{UUID(service), cid}, Class(class)})
		if body == nil {
			return
		}
		m, err := message(Version(version), Class(class), body)
		if err != nil {
			m = Message{Type: CommandMessage, Command: body.about(), Set: Class(class) == Set}
		}
		m.Info = info
		checkBody(t, Version(version), m, Empty(m.Kind()))
	})
}

// checkBody demands that what m says, if it can be read, is said again by what is
// written of it.
func checkBody(t *testing.T, v Version, m Message, body Body) {
	t.Helper()
	m.Status = StatusOK
	if err := v.Decode(m, body); err != nil {
		return
	}
	written, err := message(v, m.Kind().Class, body)
	if err != nil {
		t.Fatalf("read but not written: %v", err)
	}
	again := Empty(m.Kind())
	if err := v.Decode(written, again); err != nil {
		t.Fatalf("written but not read: %v", err)
	}
	if !reflect.DeepEqual(body, again) {
		t.Fatalf("written as it was not read:\n%+v\n%+v", body, again)
	}
}
