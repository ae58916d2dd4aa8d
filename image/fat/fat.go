// Package fat writes FAT16 file systems with a few files in their root, for first
// boot stages that read nothing else. Equal files give equal octets.
//
// Source: Microsoft Extensible Firmware Initiative FAT32 File System Specification,
// version 1.03.
package fat

import (
	"encoding/binary"
	"fmt"
	"strings"
)

const (
	sector         = 512
	clusterSectors = 4
	cluster        = clusterSectors * sector
	reserved       = 1 // sectors before the first table: the boot sector
	tables         = 2
	rootEntries    = 512
	entrySize      = 32
	media          = 0xf8 // a disk that stays in place
	// What has fewer clusters is FAT12, and what has more is FAT32.
	minClusters, maxClusters = 4085, 65524
	endOfFile                = 0xffff
	// firstDay is 1 January 1980, which is the date of everything.
	firstDay = 1<<5 | 1
)

// File is a file in the root. Its Name has up to eight characters, and up to three
// after a full stop: lower-case letters, digits, - and _.
type File struct {
	Name string
	Data []byte
}

// Marshal returns a file system of size octets, with files in the order in which
// they are given.
func Marshal(label string, size int64, files []File) ([]byte, error) {
	v, err := newVolume(label, size)
	if err != nil {
		return nil, fmt.Errorf("write FAT file system: %w", err)
	}
	for _, f := range files {
		if err := v.add(f); err != nil {
			return nil, fmt.Errorf("write FAT file system: %s: %w", f.Name, err)
		}
	}
	copy(v.octets[(reserved+v.tableSectors)*sector:], v.table())
	return v.octets, nil
}

// volume is a file system that is being filled.
type volume struct {
	octets []byte
	// tableSectors is the length of one table, clusters how many there are.
	tableSectors, clusters int
	// entries are in use in the root, and next is the first cluster that is not.
	entries, next int
}

func newVolume(label string, size int64) (*volume, error) {
	const rootSectors = rootEntries * entrySize / sector
	sectors := int(size / sector)
	// As long as all clusters would need if the tables took none of them.
	tableSectors := (2*(sectors/clusterSectors+2) + sector - 1) / sector
	clusters := (sectors - reserved - tables*tableSectors - rootSectors) / clusterSectors
	if size%sector != 0 || clusters < minClusters || clusters > maxClusters {
		return nil, fmt.Errorf("%d octets are %d clusters, want %d to %d", size, clusters, minClusters, maxClusters)
	}
	v := &volume{octets: make([]byte, size), tableSectors: tableSectors, clusters: clusters, next: 2}
	v.bootSector(label, sectors)
	v.link(0, 0xff00|media)
	v.link(1, endOfFile)
	v.entry(pad(label), 8, 0, 0) // the volume's label
	return v, nil
}

// bootSector describes the file system. It has no program.
func (v *volume) bootSector(label string, sectors int) {
	b, le := v.octets, binary.LittleEndian
	copy(b, []byte{0xeb, 0x3c, 0x90})
	copy(b[3:], "FARSPOKE")
	le.PutUint16(b[11:], sector)
	b[13] = clusterSectors
	le.PutUint16(b[14:], reserved)
	b[16] = tables
	le.PutUint16(b[17:], rootEntries)
	if sectors < 1<<16 {
		le.PutUint16(b[19:], uint16(sectors))
	} else {
		le.PutUint32(b[32:], uint32(sectors))
	}
	b[21] = media
	le.PutUint16(b[22:], uint16(v.tableSectors))
	le.PutUint16(b[24:], 63)  // sectors per track,
	le.PutUint16(b[26:], 255) // and heads, which disks no longer have
	b[36] = 0x80
	b[38] = 0x29 // three fields follow
	copy(b[39:], "FARS")
	copy(b[43:], pad(label))
	copy(b[54:], "FAT16   ")
	b[510], b[511] = 0x55, 0xaa
}

func pad(label string) string { return fmt.Sprintf("%-11.11s", label) }

// table returns the first table.
func (v *volume) table() []byte { return v.octets[reserved*sector:][:v.tableSectors*sector] }

func (v *volume) link(from int, to uint16) { binary.LittleEndian.PutUint16(v.table()[2*from:], to) }

// add writes a file to the next clusters.
func (v *volume) add(f File) error {
	name, err := shortName(f.Name)
	if err != nil {
		return err
	}
	count := (len(f.Data) + cluster - 1) / cluster
	if v.entries == rootEntries || v.next+count > v.clusters+2 {
		return fmt.Errorf("no room for its %d octets", len(f.Data))
	}
	first := 0
	if count > 0 {
		first = v.next
	}
	start := (reserved + tables*v.tableSectors) * sector
	data := v.octets[start+rootEntries*entrySize:]
	copy(data[(v.next-2)*cluster:], f.Data)
	for i := range count {
		v.link(v.next+i, uint16(v.next+i+1))
	}
	if count > 0 {
		v.link(v.next+count-1, endOfFile)
	}
	v.next += count
	v.entry(name, 0, first, len(f.Data))
	return nil
}

// entry adds an entry to the root.
func (v *volume) entry(name string, attributes byte, first, size int) {
	const lowerCase = 0x18 // both parts of a file's name
	e, le := v.octets[(reserved+tables*v.tableSectors)*sector+v.entries*entrySize:], binary.LittleEndian
	copy(e, name)
	e[11] = attributes
	if attributes == 0 {
		e[12] = lowerCase
	}
	le.PutUint16(e[16:], firstDay) // made,
	le.PutUint16(e[18:], firstDay) // read,
	le.PutUint16(e[24:], firstDay) // and written
	le.PutUint16(e[26:], uint16(first))
	le.PutUint32(e[28:], uint32(size))
	v.entries++
}

// shortName returns a name as it lies on the disk.
func shortName(name string) (string, error) {
	base, extension, _ := strings.Cut(name, ".")
	strange := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_')
	}
	if base == "" || len(base) > 8 || len(extension) > 3 || strings.ContainsFunc(base+extension, strange) {
		return "", fmt.Errorf("not a name of 8 and 3 lower-case characters")
	}
	return strings.ToUpper(fmt.Sprintf("%-8s%-3s", base, extension)), nil
}
