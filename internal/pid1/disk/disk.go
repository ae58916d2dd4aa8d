// Package disk is what PID 1 does with the disk that the box has started from: it
// reads and writes the record of which slot is good, and keeps the data partition,
// which it makes at the first start.
//
// Nothing here is needed for the box to forward packets. Every failure leaves a box
// that runs without its disk and says so.
package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/gpt"
)

// Origin is what the boot loader says of a start, on the kernel's command line.
type Origin struct {
	// Slot is the slot it was from.
	Slot bootstate.Slot
	// Key is the name of the key that has verified it, empty for none.
	Key string
}

// ParseOrigin reads a kernel's command line. It reports false if the box has not
// started from a slot.
func ParseOrigin(commandLine string) (Origin, bool) {
	var o Origin
	for _, word := range strings.Fields(commandLine) {
		name, value, _ := strings.Cut(word, "=")
		switch name {
		case "farspoke.slot":
			o.Slot = bootstate.Slot(value)
		case "farspoke.verified":
			// U-Boot calls the nodes of its keys so.
			o.Key, _ = strings.CutPrefix(value, "key-")
		}
	}
	return o, o.Slot == bootstate.A || o.Slot == bootstate.B
}

// Disk is an open disk.
type Disk struct {
	path  string
	file  *os.File
	table gpt.Table
	// headless says that the table at the beginning is damaged, and this is its copy.
	headless bool
	// sectors is how many the disk has.
	sectors uint64
}

// A disk may take looks times between to appear after its driver was loaded. They are
// counted, and not the time: a machine that stood still has not waited for its disk.
const (
	looks   = 500
	between = 10 * time.Millisecond
)

// Open opens the disk whose path matches a pattern, once it is there.
func Open(ctx context.Context, pattern string) (*Disk, error) {
	file, err := await(ctx, pattern)
	if err != nil {
		return nil, fmt.Errorf("open disk: %w", err)
	}
	d := &Disk{path: file.Name(), file: file}
	if err := d.read(); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return d, nil
}

// await opens a device that may not be there yet, or whose name is there before it
// is, by a pattern for its path.
func await(ctx context.Context, pattern string) (*os.File, error) {
	for n := 1; ; n++ {
		path := pattern
		if found, err := filepath.Glob(pattern); err != nil {
			return nil, err
		} else if len(found) > 0 {
			path = found[0]
		}
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENXIO) || n == looks {
			return file, err
		}
		select {
		case <-time.After(between):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// read reads the partition table.
func (d *Disk) read() error {
	size, err := d.file.Seek(0, 2)
	if err != nil {
		return fmt.Errorf("measure disk: %w", err)
	}
	d.sectors = uint64(size) / gpt.Sector
	d.table, err = gpt.Read(d.file, d.sectors)
	d.headless = !gpt.HeadIsWhole(d.file, d.sectors)
	return err
}

// Close closes the disk.
func (d *Disk) Close() error { return d.file.Close() }

// Record returns the record of which slot is good. Without a valid one it returns
// an error and what the boot loader does then.
func (d *Disk) Record() (bootstate.Record, error) {
	record, _, _, err := d.record()
	return record, err
}

// record also returns where the partition begins and which copy is to be replaced.
func (d *Disk) record() (record bootstate.Record, start int64, replace int, err error) {
	partition, ok := d.table.Find(bootstate.Partition)
	if !ok || partition.Size() < bootstate.PartitionSize {
		return bootstate.Record{Good: bootstate.A, Starts: bootstate.Uncounted, Trial: bootstate.None}, 0, 0, errors.New("read boot record: the disk has no partition for it")
	}
	var copies [2][]byte
	for i, offset := range bootstate.Offsets {
		data := make([]byte, bootstate.Size)
		if _, err := d.file.ReadAt(data, partition.Offset()+offset); err == nil {
			copies[i] = data
		} // or it counts as invalid
	}
	record, replace, err = bootstate.Newest(copies)
	return record, partition.Offset(), replace, err
}

// Settle makes slot, which lives, the good one and ends every trial. When it returns
// nil, the record is on the disk.
func (d *Disk) Settle(slot bootstate.Slot) error {
	return d.replace(func(r bootstate.Record) bootstate.Record { return r.Settle(slot) })
}

// Try puts slot, whose image is on the disk, on trial. When it returns nil, the
// record is on the disk.
func (d *Disk) Try(slot bootstate.Slot) error {
	return d.replace(func(r bootstate.Record) bootstate.Record { return r.Try(slot) })
}

// GiveUp ends a trial that has failed. When it returns nil, the record is on the
// disk.
func (d *Disk) GiveUp() error { return d.replace(bootstate.Record.GiveUp) }

// replace writes the record that follows the one on the disk.
func (d *Disk) replace(following func(bootstate.Record) bootstate.Record) error {
	// Without a valid record, a new one begins.
	record, start, replace, err := d.record()
	if err != nil && start == 0 {
		return err
	}
	next := following(record)
	if _, err := d.file.WriteAt(next.Marshal(), start+bootstate.Offsets[replace]); err != nil {
		return fmt.Errorf("write boot record: %w", err)
	}
	if err := d.file.Sync(); err != nil {
		return fmt.Errorf("write boot record: %w", err)
	}
	written, err := d.Record()
	if err == nil && written != next {
		err = fmt.Errorf("write boot record: the disk has %v in place of %v", written, next)
	}
	return err
}

// partitionPath is the device of a partition, which counts from 1.
func (d *Disk) partitionPath(number int) string {
	separator := ""
	if last := d.path[len(d.path)-1]; last >= '0' && last <= '9' {
		separator = "p" // mmcblk0p1, but vda1
	}
	return fmt.Sprintf("%s%s%d", d.path, separator, number)
}

// rewrite replaces the partition table. Its copy at the end is written first, so
// that a power cut leaves one that is whole.
func (d *Disk) rewrite(table gpt.Table) error {
	head, tail, err := table.Marshal(d.sectors)
	if err != nil {
		return err
	}
	for _, part := range []struct {
		data   []byte
		offset int64
	}{{tail, int64(d.sectors)*gpt.Sector - int64(len(tail))}, {head, 0}} {
		if _, err := d.file.WriteAt(part.data, part.offset); err != nil {
			return fmt.Errorf("write partition table: %w", err)
		}
		if err := d.file.Sync(); err != nil {
			return fmt.Errorf("write partition table: %w", err)
		}
	}
	if err := unix.IoctlSetInt(int(d.file.Fd()), unix.BLKRRPART, 0); err != nil {
		return fmt.Errorf("let the kernel read the partition table: %w", err)
	}
	d.table, d.headless = table, false
	return nil
}
