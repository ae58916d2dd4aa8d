package siit

import "encoding/binary"

// Lengths of headers in octets.
const (
	header4        = 20
	header6        = 40
	fragmentHeader = 8
	icmpHeader     = 8
)

// Numbers of protocols (IANA), those that are extension headers of IPv6 included.
const (
	hopByHop      = 0
	icmp4         = 1
	igmp          = 2
	tcp           = 6
	udp           = 17
	routing       = 43
	fragmentation = 44
	icmp6         = 58
	destination   = 60
	udplite       = 136
)

// header is what the headers of both versions say.
type header struct {
	class, hops, protocol byte
	// fragmented says that there is a fragment header, or would be one; the packet
	// of one fragment is no fragment.
	fragmented bool
	id         uint32
	offset     uint16 // in units of eight octets
	more       bool
	// start is where the payload begins in the packet, and size how long it is;
	// of a quoted packet there may be less.
	start, size int
}

// isFragment reports whether the payload is a part of one.
func (h header) isFragment() bool { return h.offset != 0 || h.more }

// first reports whether the payload begins with a header of the transport.
func (h header) first() bool { return h.offset == 0 }

// check refuses what neither version lets through. The protocol must mean the same
// in both.
func (h header) check() error {
	if int(h.offset)*8+h.size > 0xffff {
		return errMalformed
	}
	switch h.protocol {
	case hopByHop, igmp, routing, fragmentation, destination:
		return errProtocol
	case icmp4, icmp6:
		if h.isFragment() {
			return errFragment
		}
	}
	return nil
}

// packet4 is a header of IPv4 with its addresses, and packet6 one of IPv6.
type (
	packet4 struct {
		header
		from, to [4]byte
	}
	packet6 struct {
		header
		from, to [16]byte
	}
)

// parse4 reads the header of a packet that may be cut short behind it.
func parse4(p []byte) (packet4, error) {
	if len(p) < header4 || p[0]>>4 != 4 {
		return packet4{}, errMalformed
	}
	start := int(p[0]&0xf) * 4
	total := int(binary.BigEndian.Uint16(p[2:]))
	if start < header4 || start > len(p) || total < start {
		return packet4{}, errMalformed
	}
	if err := checkOptions(p[header4:start]); err != nil {
		return packet4{}, err
	}
	flags := binary.BigEndian.Uint16(p[6:])
	h := packet4{header: header{
		class: p[1], hops: p[8], protocol: p[9],
		id: uint32(binary.BigEndian.Uint16(p[4:])), offset: flags & 0x1fff, more: flags&0x2000 != 0,
		start: start, size: total - start,
	}, from: [4]byte(p[12:]), to: [4]byte(p[16:])}
	h.fragmented = h.isFragment()
	if h.protocol == icmp6 {
		return packet4{}, errProtocol
	}
	return h, h.check()
}

// checkOptions refuses a source route that is not at its end. Other options do not
// matter (RFC 7915, 4.1).
func checkOptions(options []byte) error {
	const end, padding, loose, strict = 0, 1, 131, 137
	for len(options) > 0 && options[0] != end {
		if options[0] == padding {
			options = options[1:]
			continue
		}
		if len(options) < 2 || options[1] < 2 || int(options[1]) > len(options) {
			return errMalformed
		}
		option := options[:options[1]]
		if option[0] == loose || option[0] == strict {
			if len(option) < 3 || int(option[2]) <= len(option) {
				return errRoute
			}
		}
		options = options[len(option):]
	}
	return nil
}

// parse6 reads the headers of a packet that may be cut short behind them.
func parse6(p []byte) (packet6, error) {
	if len(p) < header6 || p[0]>>4 != 6 {
		return packet6{}, errMalformed
	}
	h := packet6{header: header{
		class: p[0]<<4 | p[1]>>4, hops: p[7], protocol: p[6],
		start: header6, size: int(binary.BigEndian.Uint16(p[4:])),
	}, from: [16]byte(p[8:]), to: [16]byte(p[24:])}
	end := header6 + h.size
	for h.first() {
		length := 0
		switch extension := p[min(h.start, len(p)):]; h.protocol {
		case hopByHop, destination, routing:
			if len(extension) < 8 {
				return packet6{}, errMalformed
			}
			if h.protocol == routing && extension[3] != 0 {
				return packet6{}, errRoute
			}
			length = 8 + int(extension[1])*8
			h.protocol = extension[0]
		case fragmentation:
			if len(extension) < fragmentHeader || h.fragmented {
				return packet6{}, errMalformed
			}
			length = fragmentHeader
			h.protocol, h.fragmented = extension[0], true
			flags := binary.BigEndian.Uint16(extension[2:])
			h.offset, h.more = flags>>3, flags&1 != 0
			h.id = binary.BigEndian.Uint32(extension[4:])
		}
		if length == 0 {
			break
		}
		h.start += length
		if h.start > end || h.start > len(p) {
			return packet6{}, errMalformed
		}
	}
	h.size = end - h.start
	if h.protocol == icmp4 {
		return packet6{}, errProtocol
	}
	return h, h.check()
}

// put4 writes a header of IPv4 that ends at the given place of the buffer, and
// returns where it begins.
func put4(b []byte, at int, h packet4, dontFragment bool) int {
	at -= header4
	p := b[at : at+header4]
	flags := h.offset
	if h.more {
		flags |= 0x2000
	}
	if dontFragment {
		flags |= 0x4000
	}
	p[0], p[1] = 0x45, h.class
	binary.BigEndian.PutUint16(p[2:], uint16(header4+h.size))
	binary.BigEndian.PutUint16(p[4:], uint16(h.id))
	binary.BigEndian.PutUint16(p[6:], flags)
	p[8], p[9], p[10], p[11] = h.hops, h.protocol, 0, 0
	copy(p[12:], h.from[:])
	copy(p[16:], h.to[:])
	binary.BigEndian.PutUint16(p[10:], ^fold(sum(p)))
	return at
}

// put6 is put4 of IPv6, with a fragment header for what is fragmented.
func put6(b []byte, at int, h packet6) int {
	next, size := h.protocol, h.size
	if h.fragmented {
		at -= fragmentHeader
		size += fragmentHeader
		putFragment(b[at:], h.header)
		next = fragmentation
	}
	at -= header6
	p := b[at : at+header6]
	binary.BigEndian.PutUint32(p, 6<<28|uint32(h.class)<<20)
	binary.BigEndian.PutUint16(p[4:], uint16(size))
	p[6], p[7] = next, h.hops
	copy(p[8:], h.from[:])
	copy(p[24:], h.to[:])
	return at
}

func putFragment(p []byte, h header) {
	flags := h.offset << 3
	if h.more {
		flags |= 1
	}
	p[0], p[1] = h.protocol, 0
	binary.BigEndian.PutUint16(p[2:], flags)
	binary.BigEndian.PutUint32(p[4:], h.id)
}
