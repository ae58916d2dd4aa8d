// Package tim puts another boot image into the flash of a Marvell Armada 3720.
//
// Its ROM starts what a table at the beginning of the flash lists, the trusted image
// module (TIM): the table itself, with the settings of the memory; WTMI, the program
// of a processor of its own that sets up clocks and memory; and OBMI, which the
// application processors start with: Trusted Firmware-A and a boot loader. Each has
// a checksum in the table. A table that is signed as well is left alone.
//
// Sources: U-Boot, cmd/mvebu/bubt.c; CZ.NIC's mox-imager, tim.h.
package tim

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// The table is a header and a description of each image, all in words of 32 bits,
// least significant octet first.
const (
	headerSize, infoSize = 14 * 4, 27 * 4

	version35, version36 = 0x30500, 0x30600
	signedBySomebody     = 1
	fromSPI              = 0x5350490a // SPI'0A
	maxImages            = 16

	idTable = 0x54494d48 // TIMH
	idBoot  = 0x4f424d49 // OBMI

	// loadAddress of OBMI is where the other processor sees the octets at 0x4100000,
	// for which Trusted Firmware-A is built.
	loadAddress = 0x64100000
)

// info describes an image, in the octets of the table.
type info []byte

func (i info) word(n int) uint32       { return binary.LittleEndian.Uint32(i[4*n:]) }
func (i info) setWord(n int, v uint32) { binary.LittleEndian.PutUint32(i[4*n:], v) }

func (i info) id() uint32      { return i.word(0) }
func (i info) entry() uint64   { return uint64(i.word(2)) }
func (i info) load() uint32    { return i.word(3) }
func (i info) size() uint64    { return uint64(i.word(4)) }
func (i info) hashed() uint64  { return uint64(i.word(5)) }
func (i info) algorithm() int  { return int(i.word(6)) }
func (i info) hash() []byte    { return i[7*4:][:64] }
func (i info) encrypted() bool { return i.word(24) != 0 }
func (i info) setSize(n int)   { i.setWord(4, uint32(n)) }
func (i info) setHashed(n int) { i.setWord(5, uint32(n)) }
func (i info) end() uint64     { return i.entry() + max(i.size(), i.hashed()) }

var errShort = errors.New("it is cut short")

// Replace returns the flash up to the end of its boot image, with another boot image
// instead. Nothing before it changes but its length and the checksums in the table.
// flash has to hold the old one whole, and may go on behind it.
func Replace(flash, boot []byte) ([]byte, error) {
	out, err := replace(bytes.Clone(flash), boot)
	if err != nil {
		return nil, fmt.Errorf("put a boot image into the flash: %w", err)
	}
	return out, nil
}

// replace does so, and changes flash.
func replace(flash, boot []byte) ([]byte, error) {
	images, err := parse(flash)
	if err != nil {
		return nil, err
	}
	for _, image := range images {
		if sum, err := checksum(flash, image); err != nil || !bytes.Equal(sum, image.hash()) {
			return nil, errors.Join(fmt.Errorf("the checksum of its image %s is wrong", name(image.id())), err)
		}
	}
	last := slices.MaxFunc(images, func(a, b info) int { return int(a.end()) - int(b.end()) })
	if last.id() != idBoot {
		return nil, fmt.Errorf("its last image is %s, not %s", name(last.id()), name(idBoot))
	}
	if last.load() != loadAddress || last.encrypted() {
		return nil, fmt.Errorf("its boot image goes to %#x, want %#x, and not encrypted", last.load(), loadAddress)
	}
	boot = append(bytes.Clone(boot), make([]byte, -len(boot)&3)...) // whole words
	flash = append(flash[:last.entry():last.entry()], boot...)
	// The copy has its own table.
	if images, err = parse(flash[:len(flash):len(flash)]); err != nil {
		return nil, err
	}
	return flash, seal(flash, images, len(boot))
}

// seal writes the length of the boot image into the table, and the checksums of
// both.
func seal(flash []byte, images []info, size int) error {
	for _, id := range []uint32{idBoot, idTable} {
		i := slices.IndexFunc(images, func(m info) bool { return m.id() == id })
		image := images[i]
		if id == idBoot {
			image.setSize(size)
			if image.hashed() != 0 {
				image.setHashed(size)
			}
		}
		sum, err := checksum(flash, image)
		if err != nil {
			return err
		}
		copy(image.hash(), sum)
	}
	return nil
}

// parse returns what the table lists: itself first, then at least one boot image.
func parse(flash []byte) ([]info, error) {
	if len(flash) < headerSize {
		return nil, errShort
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(flash[4*i:]) }
	switch version, count := word(0), word(11); {
	case word(1) != idTable || version != version35 && version != version36:
		return nil, errors.New("it does not begin with a table of images")
	case word(2) == signedBySomebody:
		return nil, errors.New("its table of images is signed, and a board that demands that takes no other")
	case word(2) != 0:
		return nil, fmt.Errorf("its table of images is of a kind %d", word(2))
	case word(10) != fromSPI:
		return nil, fmt.Errorf("it is not for SPI flash, but for %s", name(word(10)))
	case count < 2 || count > maxImages:
		return nil, fmt.Errorf("it has %d images", count)
	case uint64(len(flash)) < headerSize+uint64(count)*infoSize:
		return nil, errShort
	}
	var images []info
	for i := range int(word(11)) {
		image := info(flash[headerSize+i*infoSize:][:infoSize])
		if slices.ContainsFunc(images, func(m info) bool { return m.id() == image.id() }) {
			return nil, fmt.Errorf("it has two images %s", name(image.id()))
		}
		images = append(images, image)
	}
	table := images[0]
	if table.id() != idTable || table.entry() != 0 || table.hashed() != 0 && table.hashed() < headerSize+uint64(len(images))*infoSize {
		return nil, errors.New("its table does not list itself")
	}
	for _, image := range images[1:] {
		if image.entry() < table.end() {
			return nil, fmt.Errorf("its image %s is in its table", name(image.id()))
		}
	}
	if !slices.ContainsFunc(images, func(m info) bool { return m.id() == idBoot }) {
		return nil, fmt.Errorf("it has no image %s", name(idBoot))
	}
	return images, nil
}

// checksum returns what has to be in the table for an image, 64 octets. That of the
// table itself is made as if there were none in it.
func checksum(flash []byte, image info) ([]byte, error) {
	sum := make([]byte, 64)
	if image.end() > uint64(len(flash)) {
		return nil, errShort
	}
	if image.hashed() == 0 {
		return sum, nil // nobody checks it
	}
	data := flash[image.entry():][:image.hashed()]
	if image.id() == idTable {
		data = bytes.Clone(data)
		clear(info(data[headerSize:]).hash())
	}
	switch image.algorithm() {
	case sha1.Size:
		s := sha1.Sum(data)
		copy(sum, s[:])
	case sha256.Size:
		s := sha256.Sum256(data)
		copy(sum, s[:])
	case sha512.Size:
		s := sha512.Sum512(data)
		copy(sum, s[:])
	default:
		return nil, fmt.Errorf("its image %s has a checksum of kind %d", name(image.id()), image.algorithm())
	}
	return sum, nil
}

// name returns an identifier as it is read: its octets, most significant first.
func name(id uint32) string { return fmt.Sprintf("%q", binary.BigEndian.AppendUint32(nil, id)) }
