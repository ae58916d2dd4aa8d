// Package writelog reads what a machine wrote to its disk, write by write, as QEMU's
// block driver blklogwrites records it, and makes from it the disks that a power cut
// would have left.
//
// A disk keeps what it was told to flush. Of what was written since, it may have all,
// nothing or a part, in any order. QEMU logs what is done when it is done: what ended
// while a flush was on its way counts as flushed, although a disk could still lose
// it.
//
// Source: Documentation/admin-guide/device-mapper/log-writes.rst and
// drivers/md/dm-log-writes.c of Linux, whose format it is.
package writelog

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Sector is the length of a sector in octets, of the disk and of the log.
const Sector = 512

const (
	magic   = 0x6a736677736872
	version = 1

	flagFlush = 1 << 0
)

// Entry is one thing that the disk was told. Without data it is a flush: everything
// before it is kept whatever happens.
type Entry struct {
	// Sector is where the data goes on the disk.
	Sector uint64
	// Data is whole sectors, a part of the log.
	Data []byte
}

// Flush says whether the entry is a flush.
func (e Entry) Flush() bool { return len(e.Data) == 0 }

// Parse returns the entries of a log in their order. Only what QEMU writes for a
// machine that writes and flushes is understood: discards are an error.
func Parse(log []byte) ([]Entry, error) {
	entries, err := parse(log)
	if err != nil {
		return nil, fmt.Errorf("read write log: %w", err)
	}
	return entries, nil
}

func parse(log []byte) ([]Entry, error) {
	le := binary.LittleEndian
	if len(log) < Sector {
		return nil, errors.New("it has no beginning")
	}
	if le.Uint64(log) != magic || le.Uint64(log[8:]) != version {
		return nil, errors.New("it is none, or of another version")
	}
	count := le.Uint64(log[16:])
	if size := le.Uint32(log[24:]); size != Sector {
		return nil, fmt.Errorf("its sectors have %d octets, want %d", size, Sector)
	}
	rest := log[Sector:]
	if count > uint64(len(rest)/Sector) {
		return nil, fmt.Errorf("%d octets have no room for %d entries", len(rest), count)
	}
	entries := make([]Entry, count)
	for i := range entries {
		if len(rest) < Sector {
			return nil, fmt.Errorf("it ends before entry %d", i)
		}
		e := Entry{Sector: le.Uint64(rest)}
		sectors, flags := le.Uint64(rest[8:]), le.Uint64(rest[16:])
		rest = rest[Sector:]
		if sectors > uint64(len(rest)/Sector) {
			return nil, fmt.Errorf("it ends within entry %d", i)
		}
		e.Data, rest = rest[:sectors*Sector:sectors*Sector], rest[sectors*Sector:]
		if flags != 0 && flags != flagFlush || e.Flush() != (flags == flagFlush) {
			return nil, fmt.Errorf("entry %d has %d sectors and the flags %#x", i, sectors, flags)
		}
		entries[i] = e
	}
	return entries, nil
}
