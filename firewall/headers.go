package firewall

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Headers is what the first octets of an IP packet tell of it. What they do not
// hold, because the packet is cut off, forged or a later fragment, is zero.
type Headers struct {
	// Protocol is a word of the configuration, such as tcp, icmp or ip/89.
	Protocol string `json:"protocol,omitempty"`

	Source      netip.Addr `json:"source,omitzero"`
	Destination netip.Addr `json:"destination,omitzero"`
	// The ports are those of TCP, UDP and SCTP.
	SourcePort      uint16 `json:"source-port,omitempty"`
	DestinationPort uint16 `json:"destination-port,omitempty"`
	// Flags are those of TCP, such as SYN or RST,ACK.
	Flags string `json:"flags,omitempty"`
	// ICMP is the message of ICMP or ICMPv6: a kind of the configuration such as
	// port-unreachable, or else "type 42", and " code 7" where that is not told.
	ICMP string `json:"icmp,omitempty"`
}

const (
	ipv4HeaderLength = 20 // RFC 791, without options
	ipv6HeaderLength = 40 // RFC 8200
)

// parseHeaders reads the beginning of an IP packet. It accepts any octets and
// reads each at most once.
func parseHeaders(data []byte) Headers {
	switch {
	case len(data) >= ipv4HeaderLength && data[0]>>4 == 4:
		return parseIPv4(data)
	case len(data) >= ipv6HeaderLength && data[0]>>4 == 6:
		return parseIPv6(data)
	default:
		return Headers{}
	}
}

func parseIPv4(data []byte) Headers {
	h := Headers{Source: netip.AddrFrom4([4]byte(data[12:])), Destination: netip.AddrFrom4([4]byte(data[16:]))}
	length := 4 * int(data[0]&0x0f)
	fragmentOffset := binary.BigEndian.Uint16(data[6:]) & 0x1fff
	var payload []byte
	if length >= ipv4HeaderLength && fragmentOffset == 0 {
		payload = after(length, data)
	}
	h.parseTransport(protocol(data[9]), payload)
	return h
}

func parseIPv6(data []byte) Headers {
	h := Headers{Source: netip.AddrFrom16([16]byte(data[8:])), Destination: netip.AddrFrom16([16]byte(data[24:]))}
	h.parseTransport(skipExtensions(data[6], data[ipv6HeaderLength:]))
	return h
}

// skipExtensions returns the protocol behind the extension headers of RFC 8200,
// and its octets. AH is where it ends, as it is for the kernel's rules.
func skipExtensions(next uint8, data []byte) (protocol, []byte) {
	for {
		switch next {
		case unix.IPPROTO_HOPOPTS, unix.IPPROTO_ROUTING, unix.IPPROTO_DSTOPTS:
			if len(data) < 2 {
				return protocol(next), nil
			}
			next, data = data[0], after(8+8*int(data[1]), data)
		case unix.IPPROTO_FRAGMENT:
			if len(data) < 8 {
				return protocol(next), nil
			}
			if offset := binary.BigEndian.Uint16(data[2:]) >> 3; offset != 0 {
				return protocol(data[0]), nil
			}
			next, data = data[0], data[8:]
		default:
			return protocol(next), data
		}
	}
}

// after returns the data without its first octets, nil if there are fewer.
func after(octets int, data []byte) []byte {
	if octets > len(data) {
		return nil
	}
	return data[octets:]
}

func (h *Headers) parseTransport(proto protocol, data []byte) {
	h.Protocol = numbered(proto).String()
	switch proto {
	case protoTCP, protoUDP, protoSCTP:
		if len(data) >= 4 {
			h.SourcePort, h.DestinationPort = binary.BigEndian.Uint16(data), binary.BigEndian.Uint16(data[2:])
		}
		if proto == protoTCP && len(data) > 13 {
			h.Flags = tcpFlags(data[13])
		}
	case protoICMPv4, protoICMPv6:
		if len(data) >= 2 {
			h.ICMP = icmpText(proto == protoICMPv6, data[0], data[1])
		}
	}
}

// tcpFlags names the bits of RFC 9293, the ones that tell most first.
func tcpFlags(bits uint8) string {
	var set []string
	for _, flag := range []struct {
		bit  uint8
		name string
	}{
		{0x02, "SYN"}, {0x04, "RST"}, {0x01, "FIN"}, {0x10, "ACK"},
		{0x08, "PSH"}, {0x20, "URG"}, {0x40, "ECE"}, {0x80, "CWR"},
	} {
		if bits&flag.bit != 0 {
			set = append(set, flag.name)
		}
	}
	return strings.Join(set, ",")
}

// icmpText prefers the kind that names the code as well as the type.
func icmpText(v6 bool, number, code uint8) string {
	text := fmt.Sprintf("type %d", number)
	for word, messages := range icmpKinds {
		if slices.Contains(messages, icmpMessage{v6: v6, number: number}.with(code)) {
			return word
		}
		if slices.Contains(messages, icmpMessage{v6: v6, number: number}) {
			text = word
		}
	}
	if code != 0 {
		text += fmt.Sprintf(" code %d", code)
	}
	return text
}
