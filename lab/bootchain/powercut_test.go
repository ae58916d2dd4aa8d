//go:build disk

package bootchain

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/internal/gpt"
	"github.com/farspoke/farspoke/lab/bootchain/writelog"
)

// cutsWhole has a box started after every power cut, which takes hours.
var cutsWhole = flag.Bool("cuts.whole", false, "start a box after every power cut, in place of a sample")

// cutsSeed chooses what a disk has of what it was not told to keep, and the sample.
const cutsSeed = 20260

// startedAfter is how many boxes are started for each part of the disk.
const startedAfter = 2

// TestPowerCuts records all that a box writes to its disk in a life and cuts the
// power after each write. Whatever the disk has then, a box starts from it and has
// all it was promised. Every disk is inspected; from a sample of them, boxes start.
func TestPowerCuts(t *testing.T) {
	t.Parallel()
	l := live(t)
	i := newInspector(l, t.TempDir())
	t.Run("inspected", func(t *testing.T) { inspectAll(t, i) })
	t.Run("faults are found", func(t *testing.T) { findFaults(t, i) })
	t.Run("started", func(t *testing.T) { startSome(t, l) })
}

// inspectAll inspects the disk of every cut.
func inspectAll(t *testing.T, i *inspector) {
	disks := 0
	for cut, disk := range writelog.Cuts(bytes.Clone(i.life.begin), i.life.log, cutsSeed) {
		p, _ := i.life.promised(cut.After)
		if err := i.inspect(disk, p); err != nil {
			t.Errorf("%v: %v", cut, err)
		}
		disks++
	}
	t.Logf("%d writes and flushes, %d disks, %d data partitions", len(i.life.log), disks, len(i.known))
}

// startSome starts boxes from a sample of disks.
func startSome(t *testing.T, l life) {
	sample := sampleOf(t, l)
	for cut, disk := range writelog.Cuts(bytes.Clone(l.begin), l.log, cutsSeed) {
		if !*cutsWhole && !slices.Contains(sample, cut) {
			continue
		}
		p, _ := l.promised(cut.After)
		file := filepath.Join(t.TempDir(), "disk")
		writeSparse(t, file, disk)
		t.Run(cut.String(), func(t *testing.T) {
			if !*cutsWhole { // whose disks would not fit beside each other
				t.Parallel()
			}
			defer os.Remove(file)
			startsWith(t, file, p)
		})
	}
}

// sampleOf chooses some cuts for each part of the disk that a box writes to.
func sampleOf(t *testing.T, l life) (sample []writelog.Cut) {
	parts := make(map[string][]writelog.Cut)
	for i, e := range l.log {
		if e.Flush() || e.Sector == promiseSector {
			continue
		}
		part := partOf(t, l.begin, e)
		for _, kind := range []writelog.Kind{writelog.Clean, writelog.Torn, writelog.Random} {
			parts[part] = append(parts[part], writelog.Cut{After: i, Kind: kind})
		}
	}
	random := rand.New(rand.NewPCG(cutsSeed, 0))
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		for range startedAfter {
			sample = append(sample, parts[name][random.IntN(len(parts[name]))])
		}
	}
	return sample
}

// startsWith starts a box from a disk and wants it to be well, with no less than was
// promised.
func startsWith(t *testing.T, disk string, p promise) {
	t.Helper()
	box := start(t, disk)
	box.see(`milestone=slot$`)
	box.see("^life: begins with")
	for _, l := range box.Console.Since(0) {
		var has promise
		if strings.Contains(l.Text, "milestone=slot") && !well.MatchString(l.Text) {
			t.Errorf("it starts so: %s", l.Text)
		}
		if _, err := fmt.Sscanf(l.Text, "life: begins with record %d and hostname: life-%d", &has.record, &has.configuration); err == nil &&
			(has.record < p.record || has.configuration < p.configuration) {
			t.Errorf("it has %+v, want %+v", has, p)
		}
	}
	if n := box.count("runs without its disk"); n != 0 {
		t.Error("it could not use the disk")
	}
}

// well is how PID 1 reports on a start that nobody has to worry about.
var well = regexp.MustCompile(`standing=(good|"on trial") trust="verified`)

// partOf names the part of a disk that is written to.
func partOf(t *testing.T, disk []byte, e writelog.Entry) string {
	for _, name := range []string{"state", "slotA", "slotB"} {
		if p := partitionOf(t, disk, name); e.Sector >= p.First && e.Sector <= p.Last {
			return name
		}
	}
	if e.Sector > partitionOf(t, disk, "slotB").Last && e.Sector < uint64(len(disk)/gpt.Sector)-gpt.TailSectors {
		return "data"
	}
	return "the partition table"
}

// findFaults is of boxes that do it wrong, which the inspection must find.
func findFaults(t *testing.T, i *inspector) {
	right := i.life
	t.Run("nothing is flushed", func(t *testing.T) {
		wrong := right
		wrong.log = slices.DeleteFunc(slices.Clone(right.log), writelog.Entry.Flush)
		expectFault(t, *i, wrong)
	})
	t.Run("an update goes over the slot that runs", func(t *testing.T) {
		slotA, slotB := partitionOf(t, right.begin, "slotA"), partitionOf(t, right.begin, "slotB")
		wrong := right
		wrong.begin = bytes.Clone(right.begin)
		copy(wrong.begin[slotA.Offset():], right.older) // or it would write what is there
		wrong.log = nil
		for _, e := range right.log {
			if e.Sector >= slotB.First && e.Sector <= slotB.Last {
				e.Sector -= slotB.First - slotA.First
			}
			wrong.log = append(wrong.log, e)
		}
		expectFault(t, *i, wrong)
	})
}

// expectFault wants a life in which a power cut does harm.
func expectFault(t *testing.T, i inspector, l life) {
	t.Helper()
	i.life = l
	for cut, disk := range writelog.Cuts(bytes.Clone(l.begin), l.log, cutsSeed) {
		p, _ := l.promised(cut.After)
		if err := i.inspect(disk, p); err != nil {
			t.Logf("%v: %v", cut, err)
			return
		}
	}
	t.Error("no power cut does any harm")
}

// partitionOf returns a partition of a disk in memory.
func partitionOf(t *testing.T, disk []byte, name string) gpt.Partition {
	t.Helper()
	table, err := gpt.Read(bytes.NewReader(disk), uint64(len(disk)/gpt.Sector))
	if err != nil {
		t.Fatal(err)
	}
	p, ok := table.Find(name)
	if !ok {
		t.Fatalf("there is no partition %s", name)
	}
	return p
}

// writeSparse writes a disk with holes where nothing is.
func writeSparse(t *testing.T, name string, disk []byte) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	nothing := make([]byte, 1<<20)
	for offset := 0; offset < len(disk); offset += len(nothing) {
		piece := disk[offset:min(offset+len(nothing), len(disk))]
		if bytes.Equal(piece, nothing[:len(piece)]) {
			continue
		}
		if _, err := file.WriteAt(piece, int64(offset)); err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Truncate(int64(len(disk))); err != nil {
		t.Fatal(err)
	}
}
