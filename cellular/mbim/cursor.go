package mbim

import (
	"encoding/binary"
	"fmt"
)

// cursor goes over a structure, one way or the other. A structure has a fixed
// part, and behind it the data that the fixed part refers to by offset (from the
// structure's start) and size. The functions below take the next item of the fixed
// part or append it, depending on the direction, and do nothing after an error.
type cursor struct {
	whole []byte // reading: the structure, and how far it is read
	at    int
	// room is how many octets references may still lead to. Those of an honest
	// structure do not overlap, so that all of them lead to no more than it has; this
	// is what bounds what is allocated.
	room int
	// end is how far the structure goes, with the data it refers to.
	end int

	writing     bool
	fixed, data []byte
	// refs is where in fixed the offsets are; they count from the start of data
	// until fixed is complete.
	refs []int

	version Version
	err     error
}

// newCursor returns a cursor that reads b.
func newCursor(b []byte, v Version) *cursor {
	return &cursor{whole: b, room: len(b), version: v}
}

// take returns the next n octets of the fixed part, nil if they are not there.
func (c *cursor) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n > len(c.whole)-c.at {
		c.fail("%d octets are needed where %d are left", n, len(c.whole)-c.at)
		return nil
	}
	taken := c.whole[c.at : c.at+n : c.at+n]
	c.at += n
	c.end = max(c.end, c.at)
	return taken
}

// fail notes an error at the next item.
func (c *cursor) fail(format string, args ...any) {
	if c.writing {
		c.failAt(len(c.fixed), format, args...)
	} else {
		c.failAt(c.at, format, args...)
	}
}

// failAt notes the first error, and the offset of the field that it is in.
func (c *cursor) failAt(at int, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("at offset %d: %w", at, fmt.Errorf(format, args...))
	}
}

// finish returns the structure that was written.
func (c *cursor) finish() []byte {
	for _, ref := range c.refs {
		field := c.fixed[ref : ref+4]
		binary.LittleEndian.PutUint32(field, binary.LittleEndian.Uint32(field)+uint32(len(c.fixed)))
	}
	return append(c.fixed, padded(c.data)...)
}

// padded appends zeros to b up to a multiple of four octets.
func padded(b []byte) []byte {
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func u16[T ~uint16](c *cursor, v *T) {
	if c.writing {
		c.fixed = binary.LittleEndian.AppendUint16(c.fixed, uint16(*v))
	} else if b := c.take(2); b != nil {
		*v = T(binary.LittleEndian.Uint16(b))
	}
}

func u32[T ~uint32 | ~int32](c *cursor, v *T) {
	if c.writing {
		c.fixed = binary.LittleEndian.AppendUint32(c.fixed, uint32(*v))
	} else if b := c.take(4); b != nil {
		*v = T(binary.LittleEndian.Uint32(b))
	}
}

func u64[T ~uint64](c *cursor, v *T) {
	if c.writing {
		c.fixed = binary.LittleEndian.AppendUint64(c.fixed, uint64(*v))
	} else if b := c.take(8); b != nil {
		*v = T(binary.LittleEndian.Uint64(b))
	}
}

// flag is four octets, 0 or 1; any other value is read as true.
func flag(c *cursor, v *bool) {
	var n uint32
	if *v {
		n = 1
	}
	u32(c, &n)
	*v = n != 0
}

func uuid(c *cursor, v *UUID) {
	if c.writing {
		c.fixed = append(c.fixed, v[:]...)
	} else if b := c.take(len(v)); b != nil {
		*v = UUID(b)
	}
}
