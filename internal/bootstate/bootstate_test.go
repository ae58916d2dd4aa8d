package bootstate

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// records are what U-Boot 2023.01 writes for a trial with two starts left.
var records = map[string]struct {
	record   Record
	checksum string
	text     string
}{
	"counted":           {Record{Sequence: 0x2a, Good: A, Starts: 3, Trial: B, Tries: 2}, "f69fc92a", "good=A\x00seq=2a\x00starts=3\x00trial=B\x00tries=2\x00"},
	"of older firmware": {Record{Sequence: 0x2a, Good: A, Starts: Uncounted, Trial: B, Tries: 2}, "97fae732", "good=A\x00seq=2a\x00trial=B\x00tries=2\x00"},
}

func octets(checksum, text string) []byte {
	octets, err := hex.DecodeString(checksum + hex.EncodeToString([]byte(text)))
	if err != nil {
		panic(err)
	}
	return append(octets, make([]byte, Size-len(octets))...)
}

func recordOctets() []byte { return octets(records["counted"].checksum, records["counted"].text) }

func TestMarshal(t *testing.T) {
	for name, c := range records {
		if got := c.record.Marshal(); !bytes.Equal(got, octets(c.checksum, c.text)) {
			t.Errorf("%s: got %x", name, got)
		}
	}
}

func TestUnmarshal(t *testing.T) {
	for name, c := range records {
		if got, err := Unmarshal(octets(c.checksum, c.text)); err != nil || got != c.record {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for i := range Size {
		broken := recordOctets()
		broken[i] ^= 1
		if r, err := Unmarshal(broken); err == nil {
			t.Errorf("with octet %d changed it is still the record %+v", i, r)
		}
	}
}

func TestUnmarshalRefusesWhatMakesNoSense(t *testing.T) {
	for _, r := range []Record{
		{Sequence: 1, Good: "C", Trial: None},
		{Sequence: 1, Good: None, Trial: A},
		{Sequence: 1, Good: A, Trial: A, Tries: 1},
		{Sequence: 1, Good: A, Trial: "B; reset"},
		{Sequence: 1, Good: A, Trial: B, Tries: MaxTries + 1},
		{Sequence: 1 << 31, Good: A, Trial: None},
		{Sequence: 1, Good: A, Starts: Rescued + 1, Trial: None},
		{Sequence: 1, Good: A, Starts: -2, Trial: None},
	} {
		if _, err := Unmarshal(r.Marshal()); err == nil {
			t.Errorf("%+v is taken for a record", r)
		}
	}
}

func TestNewestWins(t *testing.T) {
	older, newer, garbage := Fresh().Marshal(), Fresh().Try(B).Marshal(), make([]byte, Size)
	for _, c := range []struct {
		name    string
		copies  [2][]byte
		want    Record
		replace int
	}{
		{"first", [2][]byte{newer, older}, Fresh().Try(B), 1},
		{"second", [2][]byte{older, newer}, Fresh().Try(B), 0},
		{"only first", [2][]byte{older, garbage}, Fresh(), 1},
		{"only second", [2][]byte{garbage, older}, Fresh(), 0},
	} {
		if got, replace, err := Newest(c.copies); err != nil || got != c.want || replace != c.replace {
			t.Errorf("%s: %+v, replace %d, %v", c.name, got, replace, err)
		}
	}
	if got, _, err := Newest([2][]byte{garbage, nil}); err == nil || got.Good != A {
		t.Errorf("of two that are none: %+v, %v", got, err)
	}
}

func TestTrialsEnd(t *testing.T) {
	trial := Fresh().Try(B)
	if !trial.OnTrial(B) || trial.OnTrial(A) || trial.Good != A || trial.Tries != MaxTries {
		t.Errorf("the trial is %+v", trial)
	}
	for _, slot := range []Slot{A, B} {
		if end := trial.Settle(slot); end.Good != slot || end.Trial != None || end.Sequence <= trial.Sequence {
			t.Errorf("settled for %s it is %+v", slot, end)
		}
	}
}

// TestOnlyLifeClearsTheStarts gives up a trial, which says nothing of the good slot.
func TestOnlyLifeClearsTheStarts(t *testing.T) {
	trial := Record{Sequence: 7, Good: A, Starts: 2, Trial: B}
	if got, want := trial.GiveUp(), (Record{Sequence: 8, Good: A, Starts: 2, Trial: None}); got != want {
		t.Errorf("a trial given up leaves %+v, want %+v", got, want)
	}
	for _, starts := range []int{Uncounted, MaxStarts, Rescued} {
		trial.Starts = starts
		if got := trial.Settle(A).Starts; got != 0 {
			t.Errorf("after a life %d starts have become %d", starts, got)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	for _, c := range records {
		f.Add(octets(c.checksum, c.text))
	}
	f.Add(Fresh().Marshal())
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Unmarshal(data)
		if err != nil {
			return
		}
		if again, err := Unmarshal(r.Marshal()); err != nil || again != r {
			t.Errorf("got %+v, %v, want %+v", again, err, r)
		}
	})
}
