// Package gpt reads and writes GUID partition tables, on disks with sectors of 512
// octets. Equal tables give equal octets.
//
// Source: UEFI Specification 2.10, chapter 5.
package gpt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"unicode/utf16"
)

const (
	// Sector is the length of a sector in octets.
	Sector = 512
	// HeadSectors are those at the beginning of a disk that the table takes, with a
	// protective MBR, and TailSectors those of its copy at the end.
	HeadSectors = 2 + entrySectors
	TailSectors = 1 + entrySectors

	entries      = 128
	entrySize    = 128
	entrySectors = entries * entrySize / Sector
	headerSize   = 92
	nameUnits    = 36
	signature    = "EFI PART"
	revision     = 0x10000
)

// GUID is an identifier as it lies on the disk.
type GUID [16]byte

// The types of partitions: LinuxData is for whatever Linux likes, BasicData for FAT
// that others read.
var (
	LinuxData = GUID{0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4}
	BasicData = GUID{0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7}
)

// Table says where the partitions of a disk are.
type Table struct {
	Disk       GUID
	Partitions []Partition
}

// Partition is a part of a disk. First and Last are sectors, both its own.
type Partition struct {
	Name        string
	Type, ID    GUID
	First, Last uint64
}

// Size is the partition's length in octets.
func (p Partition) Size() int64 { return int64(p.Last-p.First+1) * Sector }

// Offset is where the partition begins, in octets.
func (p Partition) Offset() int64 { return int64(p.First) * Sector }

// Find returns the partition of the given name.
func (t Table) Find(name string) (Partition, bool) {
	i := slices.IndexFunc(t.Partitions, func(p Partition) bool { return p.Name == name })
	if i < 0 {
		return Partition{}, false
	}
	return t.Partitions[i], true
}

// Validate says what is wrong with the table on a disk of that many sectors.
func (t Table) Validate(sectors uint64) error {
	if sectors < HeadSectors+TailSectors {
		return fmt.Errorf("a disk of %d sectors has no room for a partition table", sectors)
	}
	if len(t.Partitions) > entries {
		return fmt.Errorf("%d partitions, want at most %d", len(t.Partitions), entries)
	}
	for i, p := range t.Partitions {
		if len(utf16.Encode([]rune(p.Name))) > nameUnits {
			return fmt.Errorf("the name of partition %q is too long", p.Name)
		}
		if p.First < HeadSectors || p.Last < p.First || p.Last >= sectors-TailSectors {
			return fmt.Errorf("partition %q has sectors %d to %d of a disk of %d", p.Name, p.First, p.Last, sectors)
		}
		for _, q := range t.Partitions[:i] {
			if p.First <= q.Last && q.First <= p.Last {
				return fmt.Errorf("partitions %q and %q overlap", q.Name, p.Name)
			}
		}
	}
	return nil
}

// Marshal returns the first HeadSectors and the last TailSectors of a disk of that
// many sectors.
func (t Table) Marshal(sectors uint64) (head, tail []byte, err error) {
	if err := t.Validate(sectors); err != nil {
		return nil, nil, fmt.Errorf("write partition table: %w", err)
	}
	list := t.entries()
	last := sectors - 1
	head = slices.Concat(protectiveMBR(sectors), t.header(1, last, 2, sectors, list), list)
	tail = slices.Concat(list, t.header(last, 1, last-entrySectors, sectors, list))
	return head, tail, nil
}

func (t Table) entries() []byte {
	list := make([]byte, entries*entrySize)
	for i, p := range t.Partitions {
		e := list[i*entrySize:]
		copy(e, p.Type[:])
		copy(e[16:], p.ID[:])
		binary.LittleEndian.PutUint64(e[32:], p.First)
		binary.LittleEndian.PutUint64(e[40:], p.Last)
		for j, unit := range utf16.Encode([]rune(p.Name)) {
			binary.LittleEndian.PutUint16(e[56+2*j:], unit)
		}
	}
	return list
}

func (t Table) header(at, other, list, sectors uint64, entriesOctets []byte) []byte {
	h := make([]byte, Sector)
	copy(h, signature)
	le := binary.LittleEndian
	le.PutUint32(h[8:], revision)
	le.PutUint32(h[12:], headerSize)
	le.PutUint64(h[24:], at)
	le.PutUint64(h[32:], other)
	le.PutUint64(h[40:], HeadSectors)
	le.PutUint64(h[48:], sectors-TailSectors-1)
	copy(h[56:], t.Disk[:])
	le.PutUint64(h[72:], list)
	le.PutUint32(h[80:], entries)
	le.PutUint32(h[84:], entrySize)
	le.PutUint32(h[88:], crc32.ChecksumIEEE(entriesOctets))
	le.PutUint32(h[16:], crc32.ChecksumIEEE(h[:headerSize]))
	return h
}

// protectiveMBR tells old programs that the disk is taken.
func protectiveMBR(sectors uint64) []byte {
	m := make([]byte, Sector)
	p := m[446:]
	copy(p, []byte{0, 0, 2, 0, 0xee, 0xff, 0xff, 0xff})
	binary.LittleEndian.PutUint32(p[8:], 1)
	binary.LittleEndian.PutUint32(p[12:], uint32(min(sectors-1, 1<<32-1)))
	m[510], m[511] = 0x55, 0xaa
	return m
}

// Read returns the table of a disk of that many sectors: the one at its beginning,
// or if that is damaged its copy at the end.
func Read(disk io.ReaderAt, sectors uint64) (Table, error) {
	if sectors < HeadSectors+TailSectors {
		return Table{}, fmt.Errorf("read partition table: a disk of %d sectors has none", sectors)
	}
	t, first := read(disk, 1, sectors)
	if first == nil {
		return t, nil
	}
	t, second := read(disk, sectors-1, sectors)
	if second != nil {
		return Table{}, fmt.Errorf("read partition table: %w", errors.Join(first, second))
	}
	return t, nil
}

// HeadIsWhole says whether the table at the beginning of a disk is good. Linux, other
// than Read and U-Boot, knows no partitions if it is not.
func HeadIsWhole(disk io.ReaderAt, sectors uint64) bool {
	_, err := read(disk, 1, sectors)
	return err == nil
}

func read(disk io.ReaderAt, at, sectors uint64) (Table, error) {
	h := make([]byte, Sector)
	if _, err := disk.ReadAt(h, int64(at)*Sector); err != nil {
		return Table{}, err
	}
	le := binary.LittleEndian
	sum := le.Uint32(h[16:])
	le.PutUint32(h[16:], 0)
	switch {
	case string(h[:8]) != signature:
		return Table{}, fmt.Errorf("sector %d is no header", at)
	case le.Uint32(h[12:]) != headerSize || crc32.ChecksumIEEE(h[:headerSize]) != sum:
		return Table{}, fmt.Errorf("the header in sector %d is damaged", at)
	case le.Uint64(h[24:]) != at:
		return Table{}, fmt.Errorf("the header in sector %d is that of another", at)
	case le.Uint32(h[80:]) != entries || le.Uint32(h[84:]) != entrySize:
		return Table{}, fmt.Errorf("%d entries of %d octets, want %d of %d", le.Uint32(h[80:]), le.Uint32(h[84:]), entries, entrySize)
	}
	first := le.Uint64(h[72:])
	if first >= sectors {
		return Table{}, fmt.Errorf("the entries are in sector %d of %d", first, sectors)
	}
	list := make([]byte, entries*entrySize)
	if _, err := disk.ReadAt(list, int64(first)*Sector); err != nil {
		return Table{}, err
	}
	if crc32.ChecksumIEEE(list) != le.Uint32(h[88:]) {
		return Table{}, errors.New("the entries are damaged")
	}
	t := Table{Disk: GUID(h[56:72])}
	for e := range slices.Chunk(list, entrySize) {
		if p := entry(e); p.Type != (GUID{}) {
			t.Partitions = append(t.Partitions, p)
		}
	}
	return t, t.Validate(sectors)
}

func entry(e []byte) Partition {
	var units []uint16
	for pair := range slices.Chunk(e[56:56+2*nameUnits], 2) {
		unit := binary.LittleEndian.Uint16(pair)
		if unit == 0 {
			break
		}
		units = append(units, unit)
	}
	return Partition{
		Name: string(utf16.Decode(units)), Type: GUID(e[:16]), ID: GUID(e[16:32]),
		First: binary.LittleEndian.Uint64(e[32:]), Last: binary.LittleEndian.Uint64(e[40:]),
	}
}
