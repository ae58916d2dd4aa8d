//go:build disk

package bootchain

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/lab/bootchain/writelog"
)

// smallSize is that of a disk of which many copies are checked, in octets.
const smallSize = 144 << 20

// promiseSector is where testdata/life writes what it has been promised.
const promiseSector = 8 << 20 / writelog.Sector

// life is what a box did to its disk, from the first start to an update that is the
// good slot, and a start after that.
type life struct {
	// begin is the disk before it, and log what was written to it.
	begin []byte
	log   []writelog.Entry
	// images are what may be in a slot: the one that runs, which is in slot A at
	// first, and an older one, in slot B.
	running, older []byte
}

// promise is what a box was told to be on its disk.
type promise struct{ record, configuration int }

// promised returns the last promise up to an entry of the log, and whether there is
// one.
func (l life) promised(after int) (p promise, made bool) {
	for _, e := range slices.Backward(l.log[:after+1]) {
		if e.Sector == promiseSector && !e.Flush() {
			if _, err := fmt.Sscanf(string(e.Data), "record %d configuration %d\n", &p.record, &p.configuration); err == nil {
				return p, true
			}
		}
	}
	return promise{}, false
}

// live lets a box live and returns what it did.
func live(t *testing.T) life {
	t.Helper()
	image := variant(t, map[string][]byte{
		"/life":                       program(t, "life"),
		"/etc/farspoke/farspoke.yaml": []byte("hostname: life-0\n"),
	})
	image.Boards = slices.Clone(image.Boards)
	image.Boards[0].Args += " rdinit=/life"
	l := life{running: sign(t, image, built.key), older: built.signed}
	d := newDisk(t, smallSize)
	d.install(a, l.running)
	d.install(b, l.older)
	var err error
	if l.begin, err = os.ReadFile(d.path); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	logged := fmt.Sprintf(`json:{"driver":"raw","file":{"driver":"blklogwrites","file":{"driver":"file","filename":%q},"log":{"driver":"file","filename":%q}}}`, d.path, file)
	box := start(t, strings.ReplaceAll(logged, ",", ",,"))
	box.started(a, bootstate.Good)
	box.see("^life: has installed an update")
	box.started(b, bootstate.OnTrial)
	box.see("milestone=slot-good", "^life: has all it wanted")
	if err := box.Reset(); err != nil {
		t.Fatal(err)
	}
	box.started(b, bootstate.Good)
	box.see("^life: has all it wanted")
	d.awaitRecord(func(r bootstate.Record) bool { return r.Good == b && r.Starts == 0 })
	if err := box.Pause(); err != nil { // what is written is logged a moment later
		t.Fatal(err)
	}
	box.Stop()
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if l.log, err = writelog.Parse(written); err != nil {
		t.Fatal(err)
	}
	if p, made := l.promised(len(l.log) - 1); !made || p.record < 12 {
		t.Fatalf("of a whole life it was promised %+v", p)
	}
	// The log is all that was done.
	end, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	replayed := bytes.Clone(l.begin)
	for _, e := range l.log {
		copy(replayed[e.Sector*writelog.Sector:], e.Data)
	}
	if !bytes.Equal(replayed, end) {
		t.Fatal("the log does not make the disk that is there")
	}
	return l
}
