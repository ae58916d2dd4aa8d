// Package fip reads and writes Firmware Image Packages: the file that Trusted
// Firmware-A loads its own later stages from, and the boot loader, which it calls
// the non-trusted firmware. Equal packages give equal octets.
//
// Source: Trusted Firmware-A, include/tools_share/firmware_image_package.h and
// docs/design/firmware-design.rst ("Firmware Image Package").
package fip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// ID says what an image is for. It is a UUID as it lies in the file.
type ID [16]byte

// The images that this program has to do with, by Trusted Firmware-A's names.
var (
	BL2  = ID{0x5f, 0xf9, 0xec, 0x0b, 0x4d, 0x22, 0x3e, 0x4d, 0xa5, 0x44, 0xc3, 0x9d, 0x81, 0xc7, 0x3f, 0x0a}
	BL31 = ID{0x47, 0xd4, 0x08, 0x6d, 0x4c, 0xfe, 0x98, 0x46, 0x9b, 0x95, 0x29, 0x50, 0xcb, 0xbd, 0x5a, 0x00}
	// BL33 is the boot loader.
	BL33 = ID{0xd6, 0xd0, 0xee, 0xa7, 0xfc, 0xea, 0xd5, 0x4b, 0x97, 0x82, 0x99, 0x34, 0xf2, 0x34, 0xb6, 0xe4}
	// BL33Certificate is there where BL33 is checked by a signature.
	BL33Certificate = ID{0x8e, 0xc4, 0xc1, 0xf3, 0x5d, 0x63, 0xe4, 0x11, 0xa7, 0xa9, 0x87, 0xee, 0x40, 0xb2, 0x3f, 0xa7}
)

const (
	magic      = 0xaa640001
	serial     = 0x12345678 // fiptool writes this, and nobody reads it
	headerSize = 16
	entrySize  = 40
	// maxImages is more than there are kinds of them.
	maxImages = 64
)

// Package is what a file holds. Flags are the platform's own.
type Package struct {
	Flags  uint64
	Images []Image
}

// Image is one of a package, with flags of its own.
type Image struct {
	ID    ID
	Flags uint64
	Data  []byte
}

// Find returns the image for a purpose, nil if there is none.
func (p *Package) Find(id ID) *Image {
	if i := slices.IndexFunc(p.Images, func(m Image) bool { return m.ID == id }); i >= 0 {
		return &p.Images[i]
	}
	return nil
}

var errShort = errors.New("the package is cut short")

// Parse reads a package, which may have anything behind it. The images are parts of
// data.
func Parse(data []byte) (*Package, error) {
	p, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("read firmware image package: %w", err)
	}
	return p, nil
}

func parse(data []byte) (*Package, error) {
	if len(data) < headerSize {
		return nil, errShort
	}
	if got := binary.LittleEndian.Uint32(data); got != magic {
		return nil, fmt.Errorf("it begins with %#x, not %#x", got, uint32(magic))
	}
	p := &Package{Flags: binary.LittleEndian.Uint64(data[8:])}
	for entries := data[headerSize:]; ; entries = entries[entrySize:] {
		if len(entries) < entrySize {
			return nil, errShort
		}
		id := ID(entries[:16])
		if id == (ID{}) {
			return p, nil
		}
		if len(p.Images) == maxImages {
			return nil, fmt.Errorf("it has more than %d images", maxImages)
		}
		if p.Find(id) != nil {
			return nil, fmt.Errorf("it has two images %x", id)
		}
		offset, size := binary.LittleEndian.Uint64(entries[16:]), binary.LittleEndian.Uint64(entries[24:])
		if offset > uint64(len(data)) || size > uint64(len(data))-offset {
			return nil, errShort
		}
		p.Images = append(p.Images, Image{ID: id, Flags: binary.LittleEndian.Uint64(entries[32:]), Data: data[offset:][:size:size]})
	}
}

// Marshal returns the package with each image, and the end, at a multiple of align
// octets.
func (p *Package) Marshal(align int) []byte {
	list := make([]byte, headerSize+(len(p.Images)+1)*entrySize)
	binary.LittleEndian.PutUint32(list, magic)
	binary.LittleEndian.PutUint32(list[4:], serial)
	binary.LittleEndian.PutUint64(list[8:], p.Flags)
	out := list
	entry := func(i int, id ID, size, flags uint64) {
		out = append(out, make([]byte, -len(out)&(align-1))...)
		e := out[headerSize+i*entrySize:]
		copy(e, id[:])
		binary.LittleEndian.PutUint64(e[16:], uint64(len(out)))
		binary.LittleEndian.PutUint64(e[24:], size)
		binary.LittleEndian.PutUint64(e[32:], flags)
	}
	for i, m := range p.Images {
		entry(i, m.ID, uint64(len(m.Data)), m.Flags)
		out = append(out, m.Data...)
	}
	entry(len(p.Images), ID{}, 0, 0) // says where the last one ends
	return out
}
