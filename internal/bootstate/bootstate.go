// Package bootstate is the record by which the boot loader, which reads it
// without a file system, knows which slot to start: one slot is good, and a
// second may be on trial for a number of starts. The boot loader takes one off
// that number before each of them; the firmware confirms the slot, which makes it
// the good one.
//
// The boot loader also counts the starts of the good slot, before each of them, and
// the firmware clears that number when it lives. After MaxStarts without that, the
// other slot has one start as a rescue, then the good one again, and so on. Who
// reads a record without that number has one of a firmware that would not clear
// it: such starts are not counted.
//
// The record lies twice in the partition "state". The newer valid copy counts,
// and whoever writes replaces the other, so that a power cut at any moment leaves
// one. It is not signed: it chooses between slots that are.
//
// A record is what U-Boot calls an exported environment with a checksum: the
// CRC-32 of the rest, little-endian, then "name=value" in the order of the names,
// each followed by a zero, and zeros up to Size.
package bootstate

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"strconv"
)

const (
	// Partition is the name of the partition that holds the record.
	Partition = "state"
	// Size is the length of a copy in octets, a sector of the disk.
	Size = 512
	// PartitionSize is what the partition needs, in octets.
	PartitionSize = 1 << 20
	// MaxTries is how often a slot on trial is started at most.
	MaxTries = 3
	// MaxStarts is how often the good slot is started in a row without having lived,
	// before the other is started once. It bears people who pull the plug in the
	// first minute, again and again; more would only make a box wait longer that
	// loses minutes with each start which hangs.
	MaxStarts = 5
	// Rescued is the number of starts when the other slot has had its one, which
	// followed MaxStarts of the good one. After it comes MaxStarts again.
	Rescued = MaxStarts + 1
	// Uncounted is the number of starts when nobody counts them.
	Uncounted = -1

	// maxSequence leaves room to count on.
	maxSequence = 1<<31 - 1
)

// Offsets are where the copies begin in the partition, in octets: far enough
// apart that no single erase block of a flash holds both.
var Offsets = [2]int64{0, PartitionSize / 2}

// Slot is one of the two places for firmware.
type Slot string

const (
	A Slot = "A"
	B Slot = "B"
	// None is in the place of a slot on trial when there is none.
	None Slot = "none"
)

// Other returns the other slot.
func (s Slot) Other() Slot {
	if s == A {
		return B
	}
	return A
}

// Partition is the name of the slot's partition.
func (s Slot) Partition() string { return "slot" + string(s) }

// Record is what the boot loader needs to know.
type Record struct {
	// Sequence is higher in the newer record.
	Sequence uint32
	// Good is started unless another slot is on trial.
	Good Slot
	// Starts is how often the good slot was started since it last lived, from 0 to
	// MaxStarts, or Rescued, or Uncounted.
	Starts int
	// Trial is the slot on trial, or None, and Tries how many starts it has left.
	Trial Slot
	Tries int
}

// Fresh is the record of a new disk.
func Fresh() Record { return Record{Sequence: 1, Good: A, Trial: None} }

// Try returns the record that follows when slot is to be tried.
func (r Record) Try(slot Slot) Record {
	return Record{Sequence: r.Sequence + 1, Good: slot.Other(), Trial: slot, Tries: MaxTries}
}

// GiveUp returns the record that follows when the trial has failed.
func (r Record) GiveUp() Record {
	return Record{Sequence: r.Sequence + 1, Good: r.Good, Starts: r.Starts, Trial: None}
}

// Settle returns the record that follows when slot lives, and so is good.
func (r Record) Settle(slot Slot) Record {
	return Record{Sequence: r.Sequence + 1, Good: slot, Trial: None}
}

// OnTrial says whether slot is the one on trial.
func (r Record) OnTrial(slot Slot) bool { return r.Trial == slot }

func (r Record) String() string {
	if r.Trial == None {
		return fmt.Sprintf("slot %s is good", r.Good)
	}
	return fmt.Sprintf("slot %s is good, slot %s on trial with %d starts left", r.Good, r.Trial, r.Tries)
}

// Marshal returns the record as it lies on the disk.
func (r Record) Marshal() []byte {
	out := make([]byte, Size)
	starts := ""
	if r.Starts != Uncounted {
		starts = fmt.Sprintf("starts=%d\x00", r.Starts)
	}
	copy(out[4:], fmt.Sprintf("good=%s\x00seq=%x\x00%strial=%s\x00tries=%d\x00", r.Good, r.Sequence, starts, r.Trial, r.Tries))
	binary.LittleEndian.PutUint32(out, crc32.ChecksumIEEE(out[4:]))
	return out
}

// Unmarshal reads a copy. What is not exactly a record is an error.
func Unmarshal(data []byte) (Record, error) {
	r, err := unmarshal(data)
	if err != nil {
		return Record{}, fmt.Errorf("read boot record: %w", err)
	}
	return r, nil
}

func unmarshal(data []byte) (Record, error) {
	if len(data) != Size {
		return Record{}, fmt.Errorf("%d octets, want %d", len(data), Size)
	}
	if binary.LittleEndian.Uint32(data) != crc32.ChecksumIEEE(data[4:]) {
		return Record{}, errors.New("wrong checksum")
	}
	fields := make(map[string]string)
	for _, field := range bytes.Split(bytes.TrimRight(data[4:], "\x00"), []byte{0}) {
		name, value, _ := bytes.Cut(field, []byte("="))
		fields[string(name)] = string(value)
	}
	sequence, err := strconv.ParseUint(fields["seq"], 16, 32)
	if err != nil || sequence > maxSequence {
		return Record{}, fmt.Errorf("sequence number %q", fields["seq"])
	}
	tries, err := strconv.ParseUint(fields["tries"], 10, 8)
	if err != nil || tries > MaxTries {
		return Record{}, fmt.Errorf("number of starts %q", fields["tries"])
	}
	starts := Uncounted
	if text, counted := fields["starts"]; counted {
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil || n > Rescued {
			return Record{}, fmt.Errorf("number of starts of the good slot %q", text)
		}
		starts = int(n)
	}
	r := Record{Sequence: uint32(sequence), Good: Slot(fields["good"]), Starts: starts, Trial: Slot(fields["trial"]), Tries: int(tries)}
	if r.Good != A && r.Good != B {
		return Record{}, fmt.Errorf("good slot %q", r.Good)
	}
	if !slices.Contains([]Slot{A, B, None}, r.Trial) || r.Trial == r.Good {
		return Record{}, fmt.Errorf("slot on trial %q, while %q is good", r.Trial, r.Good)
	}
	return r, nil
}

// Newest returns the record that counts, and the index of the copy to replace
// next. Without a valid copy it returns an error and the record of a new disk.
func Newest(copies [2][]byte) (r Record, replace int, err error) {
	first, firstErr := Unmarshal(copies[0])
	second, secondErr := Unmarshal(copies[1])
	switch {
	case firstErr != nil && secondErr != nil:
		return Record{Good: A, Starts: Uncounted, Trial: None}, 0, errors.Join(firstErr, secondErr)
	case secondErr != nil, firstErr == nil && first.Sequence >= second.Sequence:
		return first, 1, nil
	default:
		return second, 0, nil
	}
}
