package writelog

import (
	"fmt"
	"iter"
	"math/rand/v2"
)

// Kind is what a disk has of the writes that were not flushed when the power went.
type Kind string

const (
	// Clean is all of them.
	Clean Kind = "clean"
	// Torn is all of them, but some sectors of the last.
	Torn Kind = "torn"
	// Random is some of them.
	Random Kind = "random"
)

// Cut is a moment and a way for the power to go.
type Cut struct {
	// After is the index of the last write that the disk was told.
	After int
	Kind  Kind
}

func (c Cut) String() string { return fmt.Sprintf("%s after write %d", c.Kind, c.After) }

// Cuts yields all cuts of a log and, for each, the disk as it was left. It begins
// with the given disk, which is changed and is what all cuts yield: what was yielded
// lasts until the next. The same seed leaves the same disks. Writes beyond the disk
// are an error of the log, and a panic.
func Cuts(disk []byte, log []Entry, seed uint64) iter.Seq2[Cut, []byte] {
	return func(yield func(Cut, []byte) bool) {
		// What was written since the last flush, and what was there before.
		var pending, before []Entry
		for i, e := range log {
			if e.Flush() {
				pending, before = nil, nil
				continue
			}
			before = append(before, Entry{e.Sector, append([]byte(nil), at(disk, e)...)})
			pending = append(pending, e)
			// Each cut has its own numbers: one alone can be made again.
			random := rand.New(rand.NewPCG(seed, uint64(i)))

			scatter(disk, e, random)
			if !yield(Cut{i, Torn}, disk) {
				return
			}
			undo(disk, before)
			for _, p := range pending {
				if random.IntN(2) == 0 {
					copy(at(disk, p), p.Data)
				}
			}
			if !yield(Cut{i, Random}, disk) {
				return
			}
			undo(disk, before)
			for _, p := range pending {
				copy(at(disk, p), p.Data)
			}
			if !yield(Cut{i, Clean}, disk) {
				return
			}
		}
	}
}

// at is where on the disk an entry's data goes.
func at(disk []byte, e Entry) []byte { return disk[e.Sector*Sector:][:len(e.Data)] }

// scatter writes some sectors of an entry.
func scatter(disk []byte, e Entry, random *rand.Rand) {
	target := at(disk, e)
	for i := 0; i < len(target); i += Sector {
		if random.IntN(2) == 0 {
			copy(target[i:][:Sector], e.Data[i:])
		}
	}
}

// undo takes writes back, the last first.
func undo(disk []byte, before []Entry) {
	for i := len(before) - 1; i >= 0; i-- {
		copy(at(disk, before[i]), before[i].Data)
	}
}
