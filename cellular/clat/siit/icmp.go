package siit

import "encoding/binary"

// Types of ICMP and ICMPv6 that are translated (RFC 792, RFC 4443).
const (
	echoReply4, echoRequest4 = 0, 8
	unreachable4             = 3
	timeExceeded4            = 11
	parameterProblem4        = 12

	unreachable6             = 1
	tooBig6                  = 2
	timeExceeded6            = 3
	parameterProblem6        = 4
	echoRequest6, echoReply6 = 128, 129
	// informational6 is the first type that reports no error.
	informational6 = 128
)

// Codes that matter by themselves.
const (
	protocolUnreachable4 = 2
	fragmentationNeeded4 = 4
	badNextHeader6       = 1
)

// Bounds of the packets that carry an error: RFC 4443, 2.4, and RFC 1812, 4.3.2.3.
const (
	maxError6 = 1280
	maxError4 = 576
)

// icmp6 translates the ICMP message b[start:end], whose header of IPv6 is to be
// out, and returns where it is then.
func (t *Translator) icmp6(b []byte, start, end int, out *packet6) (int, int, error) {
	out.protocol = icmp6
	if end-start < icmpHeader {
		return 0, 0, errMalformed
	}
	if other, ok := echo6(b[start]); ok {
		retype(b[start:end], other, 0, add(pseudo6(out), pseudo(icmp6, end-start)))
		return start, end, nil
	}
	said, ok := error6(b[start:end], t.mtu)
	if !ok {
		return 0, 0, errICMP
	}
	quote, err := t.quote6(b, start+icmpHeader, quoteEnd(b[start:end], b[start+5], 4, start))
	if err != nil {
		return 0, 0, err
	}
	start, end = quote.start-icmpHeader, min(quote.end, quote.start-icmpHeader+maxError6-header6)
	out.size = end - start
	said.put(b[start:end], add(pseudo6(out), pseudo(icmp6, out.size)))
	return start, end, nil
}

// icmp4 is icmp6 in the other direction. h is the header that the message has come
// with.
func (t *Translator) icmp4(b []byte, start, end int, h *packet6, out *packet4) (int, int, error) {
	out.protocol = icmp4
	if end-start < icmpHeader {
		return 0, 0, errMalformed
	}
	if other, ok := echo4(b[start]); ok {
		retype(b[start:end], other, add(pseudo6(h), pseudo(icmp6, end-start)), 0)
		return start, end, nil
	}
	said, ok := error4(b[start:end])
	if !ok {
		return 0, 0, errICMP
	}
	quote, err := t.quote4(b, start+icmpHeader, quoteEnd(b[start:end], b[start+4], 8, start))
	if err != nil {
		return 0, 0, err
	}
	if said.kind == unreachable4 && said.code == fragmentationNeeded4 {
		said.rest = uint32(quote.mtu4(said.rest))
	}
	start, end = quote.start-icmpHeader, min(quote.end, quote.start-icmpHeader+maxError4-header4)
	out.size = end - start
	said.put(b[start:end], 0)
	return start, end, nil
}

// quoteEnd returns where the packet that an error at start quotes ends. Its length
// is told if an extension is behind it, in units of so many octets (RFC 4884, 4).
func quoteEnd(message []byte, length byte, unit, start int) int {
	size := len(message)
	if told := int(length) * unit; told > 0 && hasLength(message[0], unit) {
		size = min(size, icmpHeader+told)
	}
	return start + size
}

// hasLength reports whether errors of the kind may tell the length of the quote. The
// unit is eight octets in ICMPv6 and four in ICMP.
func hasLength(kind byte, unit int) bool {
	if unit == 8 {
		return kind == unreachable6 || kind == timeExceeded6
	}
	return kind == unreachable4 || kind == timeExceeded4 || kind == parameterProblem4
}

// retype gives a message another type and another pseudo-header.
func retype(message []byte, kind byte, from, to uint64) {
	from = add(from, uint64(message[0])<<8)
	to = add(to, uint64(kind)<<8)
	message[0] = kind
	checksum := message[2:4]
	binary.BigEndian.PutUint16(checksum, adjust(binary.BigEndian.Uint16(checksum), from, to))
}

// report is what an error says besides the packet it quotes.
type report struct {
	kind, code byte
	rest       uint32
}

// put writes the report before the quote in the message, with the checksum.
func (r report) put(message []byte, pseudo uint64) {
	message[0], message[1], message[2], message[3] = r.kind, r.code, 0, 0
	binary.BigEndian.PutUint32(message[4:], r.rest)
	binary.BigEndian.PutUint16(message[2:], ^fold(add(pseudo, sum(message))))
}
