package writelog

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"
)

// record returns the log of entries.
func record(entries ...Entry) []byte {
	head := make([]byte, Sector)
	le := binary.LittleEndian
	le.PutUint64(head, 0x6a736677736872)
	le.PutUint64(head[8:], 1)
	le.PutUint64(head[16:], uint64(len(entries)))
	le.PutUint32(head[24:], Sector)
	log := head
	for _, e := range entries {
		h := make([]byte, Sector)
		le.PutUint64(h, e.Sector)
		le.PutUint64(h[8:], uint64(len(e.Data)/Sector))
		if e.Flush() {
			le.PutUint64(h[16:], 1)
		}
		log = slices.Concat(log, h, e.Data)
	}
	return log
}

// write is one of whole sectors, each full of its letter.
func write(sector uint64, letters string) Entry {
	e := Entry{Sector: sector}
	for _, l := range []byte(letters) {
		e.Data = append(e.Data, bytes.Repeat([]byte{l}, Sector)...)
	}
	return e
}

var flush Entry

func TestParse(t *testing.T) {
	want := []Entry{write(7, "ab"), flush, write(9, "c")}
	log := record(want...)
	got, err := Parse(log)
	if err != nil || !reflect.DeepEqual(got[0], want[0]) || !got[1].Flush() || !reflect.DeepEqual(got[2], want[2]) {
		t.Fatalf("got %+v, %v", got, err)
	}
	// What QEMU has not counted yet may be there in part.
	if got, err := Parse(append(log, 1, 2, 3)); err != nil || len(got) != 3 {
		t.Errorf("with a tail: %d entries, %v", len(got), err)
	}
	le := binary.LittleEndian
	for name, damage := range map[string]func([]byte) []byte{
		"nothing":         func([]byte) []byte { return nil },
		"another magic":   func(b []byte) []byte { b[0]++; return b },
		"another version": func(b []byte) []byte { b[8]++; return b },
		"large sectors":   func(b []byte) []byte { le.PutUint32(b[24:], 4096); return b },
		"many entries":    func(b []byte) []byte { le.PutUint64(b[16:], 1<<63); return b },
		"one too many":    func(b []byte) []byte { b[16]++; return b },
		"an endless one":  func(b []byte) []byte { le.PutUint64(b[Sector+8:], 1<<60); return b },
		"a discard":       func(b []byte) []byte { b[Sector+16] = 4; return b },
		"an end within":   func(b []byte) []byte { return b[:len(b)-1] },
	} {
		if got, err := Parse(damage(bytes.Clone(log))); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// letters returns the first octet of each sector.
func letters(disk []byte) string {
	var text []byte
	for s := range slices.Chunk(disk, Sector) {
		text = append(text, s[0])
	}
	return string(text)
}

func TestCuts(t *testing.T) {
	log := []Entry{write(0, "ab"), flush, write(1, "c"), write(1, "DE"), flush, write(3, "f")}
	// What each cut may leave of a disk that held "...."; a clean one the last.
	may := map[int][]string{
		0: {"....", "a...", ".b..", "ab.."},
		2: {"ab..", "ac.."},
		3: {"ab..", "ac..", "aDE.", "aD..", "acE.", "aDE."},
		5: {"aDE.", "aDEf"},
	}
	seen := make(map[string]bool)
	for seed := range uint64(100) {
		disk := write(0, "....").Data
		n := 0
		for cut, left := range Cuts(disk, log, seed) {
			got := letters(left)
			allowed := may[cut.After]
			if !slices.Contains(allowed, got) || cut.Kind == Clean && got != allowed[len(allowed)-1] {
				t.Errorf("seed %d, %v: %s", seed, cut, got)
			}
			seen[string(cut.Kind)+got] = true
			n++
		}
		if n != 3*len(may) {
			t.Fatalf("%d cuts, want %d", n, 3*len(may))
		}
	}
	// The first write reordered, the second torn.
	for _, want := range []string{"randomaDE.", "randomac..", "tornacE.", "tornaD..", "random...."} {
		if !seen[want] {
			t.Errorf("no cut leaves %s", want)
		}
	}
}

func TestCutsCanBeMadeAgain(t *testing.T) {
	log := []Entry{write(0, "ab"), write(1, "cde"), write(0, "fg"), flush, write(2, "hij")}
	run := func() (all []string) {
		for cut, left := range Cuts(write(0, ".....").Data, log, 7) {
			all = append(all, cut.String()+letters(left))
		}
		return all
	}
	if one, two := run(), run(); !slices.Equal(one, two) {
		t.Errorf("%q is not %q", one, two)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(record(write(7, "ab"), flush, write(9, "c")))
	f.Add(record())
	f.Fuzz(func(t *testing.T, log []byte) {
		entries, err := Parse(log)
		if err != nil {
			return
		}
		again, err := Parse(record(entries...))
		if err != nil || len(again) != len(entries) {
			t.Errorf("%d entries have become %d, %v", len(entries), len(again), err)
		}
	})
}
