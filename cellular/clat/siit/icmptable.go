package siit

import "encoding/binary"

// echo6 returns the type of an echo message in ICMPv6, echo4 that in ICMP.
func echo6(kind byte) (byte, bool) {
	switch kind {
	case echoRequest4:
		return echoRequest6, true
	case echoReply4:
		return echoReply6, true
	}
	return 0, false
}

func echo4(kind byte) (byte, bool) {
	switch kind {
	case echoRequest6:
		return echoRequest4, true
	case echoReply6:
		return echoReply4, true
	}
	return 0, false
}

// isError6 reports whether the payload, which may be cut short, is an error of
// ICMPv6.
func isError6(payload []byte, h *packet6) bool {
	return h.protocol == icmp6 && len(payload) > 0 && payload[0] < informational6
}

// error6 is the table of RFC 7915, 4.2: what an error of ICMP is in ICMPv6, if it
// is anything. mtu is that of the link to the network.
func error6(m []byte, mtu int) (report, bool) {
	code := m[1]
	switch m[0] {
	case unreachable4:
		switch code {
		case 0, 1, 5, 6, 7, 8, 11, 12:
			return report{kind: unreachable6, code: 0}, true
		case protocolUnreachable4:
			const nextHeader = 6
			return report{parameterProblem6, badNextHeader6, nextHeader}, true
		case 3:
			return report{kind: unreachable6, code: 4}, true
		case fragmentationNeeded4:
			next := int(binary.BigEndian.Uint16(m[6:]))
			if next == 0 {
				next = plateau(m[icmpHeader:])
			}
			return report{kind: tooBig6, rest: uint32(max(1280, min(next+header6-header4, mtu)))}, true
		case 9, 10, 13, 15:
			return report{kind: unreachable6, code: 1}, true
		}
	case timeExceeded4:
		return report{kind: timeExceeded6, code: code}, true
	case parameterProblem4:
		if pointer := m[4]; (code == 0 || code == 2) && int(pointer) < len(pointers6) && pointers6[pointer] != nowhere {
			return report{kind: parameterProblem6, rest: uint32(pointers6[pointer])}, true
		}
	}
	return report{}, false
}

// plateau guesses the MTU that a router of before RFC 1191 did not tell: the next
// usual one below the size of the quoted packet (RFC 1191, 7.1).
func plateau(quoted []byte) int {
	if len(quoted) < header4 {
		return 0
	}
	size := int(binary.BigEndian.Uint16(quoted[2:]))
	for _, usual := range []int{32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296} {
		if usual < size {
			return usual
		}
	}
	return 68
}

// error4 is the table of RFC 7915, 5.2. The MTU of what is too big is left as the
// network told it.
func error4(m []byte) (report, bool) {
	code, rest := m[1], binary.BigEndian.Uint32(m[4:])
	switch m[0] {
	case unreachable6:
		switch code {
		case 0, 2, 3:
			return report{kind: unreachable4, code: 1}, true
		case 1:
			return report{kind: unreachable4, code: 10}, true
		case 4:
			return report{kind: unreachable4, code: 3}, true
		}
	case tooBig6:
		return report{unreachable4, fragmentationNeeded4, rest}, true
	case timeExceeded6:
		return report{kind: timeExceeded4, code: code}, true
	case parameterProblem6:
		switch {
		case code == badNextHeader6:
			return report{kind: unreachable4, code: protocolUnreachable4}, true
		case code == 0 && rest < header6 && pointers4[rest] != nowhere:
			return report{kind: parameterProblem4, rest: uint32(pointers4[rest]) << 24}, true
		}
	}
	return report{}, false
}

// nowhere is a field that the other version does not have.
const nowhere = 0xff

// pointers6 says for each octet of a header of IPv4 where the same is in one of
// IPv6 (RFC 7915, figure 3), pointers4 the other way round (figure 6).
var pointers6 = [header4]byte{
	0, 1, 4, 4, nowhere, nowhere, nowhere, nowhere, 7, 6, nowhere, nowhere,
	8, 8, 8, 8, 24, 24, 24, 24,
}

var pointers4 = [header6]byte{
	0, 1, nowhere, nowhere, 2, 2, 9, 8,
	12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12,
	16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16,
}
