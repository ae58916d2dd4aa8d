package qmi

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// cursor moves over the value of a TLV. The functions below take the next item
// from it or append it, depending on the direction, and do nothing after an
// error. Numbers are little-endian.
type cursor struct {
	b       []byte // what is left to read, or what is written
	writing bool
	err     error
}

// take returns the next n octets, nil if they are not there.
func (c *cursor) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n > len(c.b) {
		c.fail("%d octets are needed where %d are left", n, len(c.b))
		return nil
	}
	taken := c.b[:n:n]
	c.b = c.b[n:]
	return taken
}

// fail notes the first error.
func (c *cursor) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

func u8[T ~uint8 | ~int8](c *cursor, v *T) {
	if c.writing {
		c.b = append(c.b, byte(*v))
	} else if b := c.take(1); b != nil {
		*v = T(b[0])
	}
}

func u16[T ~uint16 | ~int16](c *cursor, v *T) {
	if c.writing {
		c.b = binary.LittleEndian.AppendUint16(c.b, uint16(*v))
	} else if b := c.take(2); b != nil {
		*v = T(binary.LittleEndian.Uint16(b))
	}
}

func u32[T ~uint32 | ~int32](c *cursor, v *T) {
	if c.writing {
		c.b = binary.LittleEndian.AppendUint32(c.b, uint32(*v))
	} else if b := c.take(4); b != nil {
		*v = T(binary.LittleEndian.Uint32(b))
	}
}

// u24 is a number of three octets with the high one first.
func u24(c *cursor, v *uint32) {
	if c.writing {
		if *v > 0xffffff {
			c.fail("%d does not fit into three octets", *v)
			return
		}
		c.b = append(c.b, byte(*v>>16), byte(*v>>8), byte(*v))
	} else if b := c.take(3); b != nil {
		*v = uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	}
}

// unused is n octets of no interest at the end of a value: zeros when written, and
// missed by nobody when read.
func unused(c *cursor, n int) {
	if c.writing {
		c.b = append(c.b, make([]byte, n)...)
	}
}

func u64[T ~uint64](c *cursor, v *T) {
	if c.writing {
		c.b = binary.LittleEndian.AppendUint64(c.b, uint64(*v))
	} else if b := c.take(8); b != nil {
		*v = T(binary.LittleEndian.Uint64(b))
	}
}

// flag is one octet, 0 or 1; any other value is read as true.
func flag(c *cursor, v *bool) {
	var octet uint8
	if *v {
		octet = 1
	}
	u8(c, &octet)
	*v = octet != 0
}

// text is a string that fills the rest of the TLV.
func text[T ~string](c *cursor, v *T) {
	if c.writing {
		c.b = append(c.b, *v...)
	} else {
		*v = T(c.take(len(c.b)))
	}
}

// text8 is a string after its length in one octet.
func text8[T ~string](c *cursor, v *T) {
	n := c.count8(len(*v))
	if c.writing {
		c.b = append(c.b, *v...)
	} else {
		*v = T(c.take(n))
	}
}

// octets8 is octets after their number in one octet.
func octets8(c *cursor, v *[]byte) {
	n := c.count8(len(*v))
	octets(c, v, n)
}

// octets16 is octets after their number in two octets.
func octets16(c *cursor, v *[]byte) {
	n := uint16(len(*v))
	if len(*v) > 0xffff {
		c.fail("%d octets do not fit", len(*v))
		return
	}
	u16(c, &n)
	octets(c, v, int(n))
}

// octets is n octets.
func octets(c *cursor, v *[]byte, n int) {
	if c.writing {
		c.b = append(c.b, *v...)
	} else if n > 0 {
		*v = slices.Clone(c.take(n))
	}
}

// list8 is a list after the number of its elements in one octet. Each element
// has at least one octet, so that the list is no longer than what is left.
func list8[T any](c *cursor, v *[]T, element func(*cursor, *T)) {
	n := c.count8(len(*v))
	for i := 0; i < n && c.err == nil; i++ {
		if !c.writing {
			*v = append(*v, *new(T))
		}
		element(c, &(*v)[i])
	}
}

// count8 is a count in one octet; n is what it is when writing.
func (c *cursor) count8(n int) int {
	if c.writing && n > 0xff {
		c.fail("%d are more than the 255 that fit", n)
		return 0
	}
	count := uint8(n)
	u8(c, &count)
	return int(count)
}

// known is a value after an octet that says whether it is known. *v is nil and
// zeros are written if it is not.
func known[T any](c *cursor, v **T, walk func(*cursor, *T)) {
	is, value := *v != nil, *new(T)
	if is {
		value = **v
	}
	flag(c, &is)
	walk(c, &value)
	if !c.writing && is {
		*v = &value
	}
}

// ipv4 is an IPv4 address as a little-endian number.
func ipv4(c *cursor, v *netip.Addr) {
	var n uint32
	if c.writing {
		if !v.Is4() {
			c.fail("%v is no IPv4 address", *v)
			return
		}
		a := v.As4()
		n = binary.BigEndian.Uint32(a[:])
	}
	u32(c, &n)
	*v = netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, n)))
}

// ipv6 is an IPv6 address in the order of the network.
func ipv6(c *cursor, v *netip.Addr) {
	if c.writing {
		if !v.Is6() {
			c.fail("%v is no IPv6 address", *v)
			return
		}
		a := v.As16()
		c.b = append(c.b, a[:]...)
	} else if b := c.take(16); b != nil {
		*v = netip.AddrFrom16([16]byte(b))
	}
}

// ipv6Prefix is an IPv6 address and the length of its prefix in one octet.
func ipv6Prefix(c *cursor, v *netip.Prefix) {
	addr, bits := v.Addr(), uint8(v.Bits())
	ipv6(c, &addr)
	u8(c, &bits)
	if bits > 128 {
		c.fail("an IPv6 prefix of %d bits", bits)
		return
	}
	if !c.writing && c.err == nil {
		*v = netip.PrefixFrom(addr, int(bits))
	}
}
