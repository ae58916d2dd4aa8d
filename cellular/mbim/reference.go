package mbim

import (
	"bytes"
	"encoding/binary"
	"slices"
	"unicode/utf16"
)

// reference is an offset and a size: the fixed part's way to *data, which is part
// of the structure. What has no octets has offset 0.
func reference(c *cursor, data *[]byte) {
	var offset, size uint32
	if c.writing {
		c.refer(*data)
		size = uint32(len(*data))
		u32(c, &size)
		return
	}
	at := c.at
	u32(c, &offset)
	u32(c, &size)
	*data = c.follow(at, offset, size)
}

// refer appends an offset to the fixed part, and data to what it leads to.
func (c *cursor) refer(data []byte) {
	var offset uint32
	if len(data) > 0 {
		c.data = padded(c.data)
		c.refs = append(c.refs, len(c.fixed))
		offset = uint32(len(c.data))
		c.data = append(c.data, data...)
	}
	u32(c, &offset)
}

// follow returns the size octets at offset, to which the field at at leads; nil if
// they are not all there or size is 0.
func (c *cursor) follow(at int, offset, size uint32) []byte {
	if c.err != nil || size == 0 {
		return nil
	}
	end := uint64(offset) + uint64(size)
	if end > uint64(len(c.whole)) {
		c.failAt(at, "it leads to %d octets at %d, the structure has %d", size, offset, len(c.whole))
		return nil
	}
	if c.room -= int(size); c.room < 0 {
		c.failAt(at, "it leads to %d octets at %d, to which others have led", size, offset)
		return nil
	}
	c.end = max(c.end, int(end))
	return c.whole[offset:end:end]
}

// octets is a reference to octets.
func octets[T ~[]byte](c *cursor, v *T) {
	b := []byte(*v)
	reference(c, &b)
	*v = slices.Clone(b)
}

// text is a reference to a string in UTF-16. Absent and empty are the same. Some
// modems end it with a zero, which is left out.
func text[T ~string](c *cursor, v *T) {
	var b []byte
	if c.writing {
		for _, unit := range utf16.Encode([]rune(string(*v))) {
			b = binary.LittleEndian.AppendUint16(b, unit)
		}
		reference(c, &b)
		return
	}
	reference(c, &b)
	if len(b)%2 != 0 {
		c.fail("a string of %d octets", len(b))
		return
	}
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) > 0; b = b[2:] {
		unit := binary.LittleEndian.Uint16(b)
		if unit == 0 {
			break
		}
		units = append(units, unit)
	}
	*v = T(utf16.Decode(units))
}

// text8 is a reference to a string in UTF-8.
func text8(c *cursor, v *string) {
	b := []byte(*v)
	reference(c, &b)
	b, _, _ = bytes.Cut(b, []byte{0})
	*v = string(b)
}
