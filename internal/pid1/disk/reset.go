package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/farspoke/farspoke/internal/bootstate"
)

// A factory reset is ordered while the box runs, and done at the next start before
// anything reads the data partition. The order is outside of every file system, in
// the partition of the boot record, so that it is there whatever has become of the
// data:
//
//  1. What Lasting names is copied to beside the order.
//  2. The files are overwritten, and the disk is told that nothing on the partition
//     is needed any more.
//  3. The partition gets an empty file system, as on a new disk, and the copies.
//  4. The copies beside the order are erased, and the order last.
//
// A power cut anywhere in between leads back to the first step, which leaves copies
// that are whole as they are.

// Lasting are the files on the data partition that outlast a factory reset. The
// ledger of PINs has to: it is what keeps the box from giving a SIM a PIN that this
// has refused, until it wants its PUK.
var Lasting = []string{"records/pin.json"}

const (
	// orderOffset and copiesOffset are where the order and the copies lie in the
	// partition of the boot record, half way between its two copies and behind them.
	orderOffset  = bootstate.PartitionSize / 4
	copiesOffset = bootstate.PartitionSize * 3 / 4
	// orderSize is what is written for an order, and maxCopies for the copies, in
	// octets. A disk writes a sector whole or not at all, and the text is in the first.
	orderSize = 4096
	maxCopies = 128 << 10
	// maxLasting bounds each of Lasting, in octets: more than is ever in one.
	maxLasting = 64 << 10
	// maxOverwritten bounds for how much data a reset takes its time, in octets.
	maxOverwritten = 64 << 20
)

// orderText is what makes a sector an order.
const orderText = "farspoke: everything on the data partition is to be erased\n"

// section is a part of a device.
type section struct {
	device
	start int64
}

func (s section) ReadAt(b []byte, at int64) (int, error)  { return s.device.ReadAt(b, s.start+at) }
func (s section) WriteAt(b []byte, at int64) (int, error) { return s.device.WriteAt(b, s.start+at) }

// put writes data to the disk, followed by zeros up to the given size.
func put(d device, at int64, data []byte, size int) error {
	padded := make([]byte, size)
	copy(padded, data)
	if _, err := d.WriteAt(padded, at); err != nil {
		return err
	}
	return d.Sync()
}

// orders is the partition of the boot record.
func (d *Disk) orders() (device, error) {
	p, ok := d.table.Find(bootstate.Partition)
	if !ok || p.Size() < bootstate.PartitionSize {
		return nil, errors.New("the disk has no partition for the order")
	}
	return section{d.file, p.Offset()}, nil
}

// OrderReset orders a factory reset, to be done when the data partition is mounted
// the next time. When it returns nil, the order is on the disk.
func (d *Disk) OrderReset() error {
	orders, err := d.orders()
	if err == nil {
		err = put(orders, orderOffset, []byte(orderText), orderSize)
	}
	if err != nil {
		return fmt.Errorf("order a factory reset: %w", err)
	}
	return nil
}

// isOrdered says whether a reset is ordered. A disk that has no order to read has
// none.
func isOrdered(orders device) bool {
	head := make([]byte, len(orderText))
	_, err := orders.ReadAt(head, orderOffset)
	return err == nil && string(head) == orderText
}

// estate is the data partition as a reset sees it.
type estate interface {
	device
	// mount mounts its file system and returns where.
	mount() (dir string, err error)
	unmount() error
	// grow lets the mounted file system have all of the partition.
	grow() error
	// discard tells the disk that nothing on it is needed.
	discard(context.Context) error
}

// visit calls f while the file system is mounted.
func visit(data estate, f func(dir string) error) error {
	dir, err := data.mount()
	if err != nil {
		return err
	}
	return errors.Join(f(dir), data.unmount())
}

// reset does what was ordered, and mounts the new file system. The note is for the
// operator.
func reset(ctx context.Context, orders device, data estate, template string) (mounted bool, note string, err error) {
	remarks, err := renew(ctx, orders, data, template)
	if err != nil {
		return false, resetFailed, fmt.Errorf("reset the data partition: %w", err)
	}
	return true, strings.Join(append([]string{resetDone}, remarks...), "; "), data.grow()
}

// renew erases the partition, mounts an empty file system with what is lasting in it,
// and closes the order.
func renew(ctx context.Context, orders device, data estate, template string) (remarks []string, err error) {
	if remarks, err = erase(ctx, orders, data); err != nil {
		return nil, err
	}
	if err := ensureFileSystem(data, template, true); err != nil {
		return nil, err
	}
	dir, err := data.mount()
	if err != nil {
		return nil, err
	}
	if err := finish(orders, dir); err != nil {
		// The order is there yet: what was written now would be erased.
		return nil, errors.Join(err, data.unmount())
	}
	return remarks, nil
}

const (
	resetDone   = "the box was reset to its factory state"
	resetFailed = "a factory reset is ordered and could not be done: the data on the disk is not used, and the next start tries again"
)

// erase leaves a partition that passes for new, and copies of what is lasting beside
// the order. The remarks are what does not keep the box from its reset and should be
// known.
func erase(ctx context.Context, orders device, data estate) (remarks []string, err error) {
	head := make([]byte, headSize)
	if _, err := data.ReadAt(head, 0); err != nil {
		return nil, err
	}
	if readCopies(orders) == nil {
		kept := make(map[string][]byte)
		if isExt4(head) {
			err = visit(data, func(dir string) error { return collect(dir, kept) })
		} else if !isEmpty(head) {
			err = errors.New("the file system is damaged")
		}
		if err != nil {
			remarks = append(remarks, fmt.Sprintf("which PINs the SIMs have refused is forgotten (%v)", err))
		}
		if err := writeCopies(orders, kept); err != nil {
			return remarks, err
		}
	}
	if isExt4(head) {
		if err := visit(data, overwrite); err != nil {
			remarks = append(remarks, fmt.Sprintf("not every file was overwritten (%v)", err))
		}
	}
	if err := data.discard(ctx); err != nil {
		remarks = append(remarks, fmt.Sprintf("traces of former files may be left on the disk (%v)", err))
	}
	return remarks, put(data, 0, nil, headSize)
}

// finish puts the copies into the new file system, which is mounted at dir, and
// closes the order.
func finish(orders device, dir string) error {
	for name, content := range readCopies(orders) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := errors.Join(writeSynced(path, content, 0o600), syncDir(dir)); err != nil {
			return err
		}
	}
	// What is lasting can be read from the new file system from here on.
	if err := put(orders, copiesOffset, nil, maxCopies); err != nil {
		return err
	}
	return put(orders, orderOffset, nil, orderSize)
}

// collect reads what is lasting.
func collect(dir string, kept map[string][]byte) error {
	for _, name := range Lasting {
		file, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(io.LimitReader(file, maxLasting+1))
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
		if len(content) > maxLasting {
			return fmt.Errorf("%s has more than %d octets", name, maxLasting)
		}
		kept[name] = content
	}
	return nil
}

// overwrite writes zeros over every file. Their places on the disk stay the same.
func overwrite(dir string) error {
	left := int64(maxOverwritten)
	zeros := make([]byte, 64<<10)
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		file, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		info, err := file.Stat()
		if err != nil {
			return err
		}
		if left -= info.Size(); left < 0 {
			return fmt.Errorf("they hold more than %d octets", maxOverwritten)
		}
		for at := int64(0); at < info.Size(); at += int64(len(zeros)) {
			if _, err := file.WriteAt(zeros[:min(int64(len(zeros)), info.Size()-at)], at); err != nil {
				return err
			}
		}
		return file.Sync()
	})
}
