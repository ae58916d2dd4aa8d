package disk

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/farspoke/farspoke/internal/gpt"
)

const (
	// dataPartition is the name of the partition for everything that outlasts the
	// firmware. It has the rest of the disk.
	dataPartition = "data"
	// alignment is what it begins at a multiple of, and minimum what it needs, in
	// sectors.
	alignment = 2048
	minimum   = 16 << 20 / gpt.Sector
	// blockSize is that of the file system, in octets.
	blockSize = 4096
	// headSize is how much of the partition tells whether it was ever used, in octets.
	headSize = 64 << 10
	// maxTemplate bounds the unpacked empty file system, in octets.
	maxTemplate = 64 << 20
)

// MountData mounts the data partition at target. It makes the partition if the disk
// has none, fills it with the empty file system of template, a gzip-compressed file
// of the image, if it has never held one, and lets both grow to the disk's size. A
// file system that is there is kept, whatever wrote it: a box that is flashed again
// has the data it had.
//
// It may be mounted although there is an error: one that could not grow.
//
// If a factory reset was ordered, it is done first. The note is what somebody should
// know of that, empty if there was none.
func (d *Disk) MountData(ctx context.Context, template, target string) (mounted bool, note string, err error) {
	number, err := d.ensurePartition(template)
	if err != nil {
		return false, "", fmt.Errorf("make the data partition: %w", err)
	}
	device, err := await(ctx, d.partitionPath(number))
	if err != nil {
		return false, "", fmt.Errorf("open the data partition: %w", err)
	}
	defer device.Close()
	data := partition{device, target}
	if orders, err := d.orders(); err == nil && isOrdered(orders) {
		return reset(ctx, orders, data, template)
	}
	if err := ensureFileSystem(data, template, false); err != nil {
		return false, "", err
	}
	if _, err := data.mount(); err != nil {
		return false, "", err
	}
	return true, "", data.grow()
}

// ensurePartition returns the number of the data partition. One that is missing is
// made when its file system is there, so that a power cut leaves none that is half
// filled. A partition that ends before the disk does is made to end there, and a
// table that Linux does not heed is mended.
func (d *Disk) ensurePartition(template string) (number int, err error) {
	table, number, made := withData(d.table, d.sectors)
	if number == 0 {
		return 0, errors.New("the disk has no room left")
	}
	if made {
		if err := ensureFileSystem(section{d.file, table.Partitions[number-1].Offset()}, template, true); err != nil {
			return 0, err
		}
	}
	if d.headless || !equal(table, d.table) {
		err = d.rewrite(table)
	}
	return number, err
}

func equal(a, b gpt.Table) bool {
	if len(a.Partitions) != len(b.Partitions) {
		return false
	}
	for i := range a.Partitions {
		if a.Partitions[i] != b.Partitions[i] {
			return false
		}
	}
	return true
}

// withData returns the table of a disk of that many sectors with a data partition
// up to its end, with its number, which is 0 if there is no room.
func withData(table gpt.Table, sectors uint64) (with gpt.Table, number int, made bool) {
	with = gpt.Table{Disk: table.Disk, Partitions: append([]gpt.Partition(nil), table.Partitions...)}
	end := (sectors-gpt.TailSectors)/alignment*alignment - 1
	var used uint64
	for i, p := range with.Partitions {
		if p.Name == dataPartition {
			number = i + 1
		}
		used = max(used, p.Last)
	}
	if number != 0 {
		// Only if nothing lies behind it.
		if data := &with.Partitions[number-1]; data.Last == used {
			data.Last = max(data.Last, end)
		}
		return with, number, false
	}
	// One unit stays free, in which the image of a new disk ends with its copy of the
	// table: who flashes one over this disk leaves the data alone.
	first := (used+alignment)/alignment*alignment + alignment
	if first+minimum-1 > end {
		return table, 0, false
	}
	id := table.Disk
	id[0] ^= 0xda // another than the disk's
	with.Partitions = append(with.Partitions, gpt.Partition{Name: dataPartition, Type: gpt.LinuxData, ID: id, First: first, Last: end})
	return with, len(with.Partitions), true
}

// device is a partition as far as it is read and written.
type device interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
}

// ensureFileSystem writes the empty file system to a device that was made just now
// or holds nothing, unless it holds a file system.
func ensureFileSystem(d device, template string, made bool) error {
	head := make([]byte, headSize)
	if _, err := d.ReadAt(head, 0); err != nil {
		return fmt.Errorf("read the data partition: %w", err)
	}
	if isExt4(head) {
		return nil
	}
	if !isEmpty(head) && !made {
		return errors.New("the data partition is damaged: nothing is kept, and what it holds is left as it is")
	}
	packed, err := os.ReadFile(template)
	if err != nil {
		return fmt.Errorf("fill the data partition: %w", err)
	}
	return fill(d, packed)
}

// isEmpty says whether nothing was ever written to a partition that begins so.
func isEmpty(head []byte) bool { return bytes.Count(head, []byte{0}) == len(head) }

// isExt4 says whether a partition that begins so holds ext4.
func isExt4(head []byte) bool {
	return binary.LittleEndian.Uint16(head[superblockOffset+magicAt:]) == magic
}

// fill writes an empty file system. Its first block, by which it is known, is
// written last, so that a power cut leaves nothing that looks like one.
func fill(d device, packed []byte) error {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return fmt.Errorf("fill the data partition: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(z, maxTemplate))
	if err != nil {
		return fmt.Errorf("fill the data partition: %w", err)
	}
	if len(data) < 2*blockSize || !isExt4(data) {
		return errors.New("fill the data partition: the image holds no empty file system")
	}
	for _, part := range []struct {
		data   []byte
		offset int64
	}{{make([]byte, blockSize), 0}, {data[blockSize:], blockSize}, {data[:blockSize], 0}} {
		if _, err := d.WriteAt(part.data, part.offset); err != nil {
			return fmt.Errorf("fill the data partition: %w", err)
		}
		if err := d.Sync(); err != nil {
			return fmt.Errorf("fill the data partition: %w", err)
		}
	}
	return nil
}

// Seed copies the files of a site that came with the image from one directory to
// another, unless that exists: then the box has its own.
func Seed(from, to string) error {
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return fmt.Errorf("keep the configuration: %w", err)
	}
	tmp := to + ".new"
	if err := errors.Join(os.RemoveAll(tmp), os.Mkdir(tmp, 0o700)); err != nil {
		return fmt.Errorf("keep the configuration: %w", err)
	}
	copied := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".yaml") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err == nil {
			err = writeSynced(filepath.Join(tmp, e.Name()), data, 0o600)
		}
		if err != nil {
			return fmt.Errorf("keep the configuration: %w", err)
		}
		copied++
	}
	if copied == 0 {
		return os.RemoveAll(tmp)
	}
	if err := errors.Join(os.Rename(tmp, to), syncDir(filepath.Dir(to))); err != nil {
		return fmt.Errorf("keep the configuration: %w", err)
	}
	return nil
}
