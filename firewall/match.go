package firewall

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Match selects packets by protocol and, where the protocol has them, ports or
// an ICMP type. In text it is a protocol (tcp, udp, icmp, esp, ah, gre, any, or
// ip/NUMBER), or one of
//
//	tcp/22               a destination port
//	udp/33434-33463      a range of destination ports
//	udp/67>68            a source port and a destination port
//	icmp/echo-request    an ICMP type, of ICMP and ICMPv6 alike
//
// The zero Match is not valid.
type Match struct {
	proto protocol
	// source and dest limit the ports of TCP and UDP.
	source, dest ports
	// icmp limits the type of ICMP; it is a key of icmpTypes.
	icmp string
}

// protocol is an IP protocol number, or one of the two values beyond them.
type protocol uint16

const (
	protoICMPv4 protocol = 1
	protoTCP    protocol = 6
	protoUDP    protocol = 17
	protoGRE    protocol = 47
	protoESP    protocol = 50
	protoAH     protocol = 51
	protoICMPv6 protocol = 58

	// protoICMP is ICMP on IPv4 and ICMPv6 on IPv6.
	protoICMP protocol = 256
	// protoAny is every protocol.
	protoAny protocol = 257
)

// protocols are the words for protocols. They cannot be names of services.
var protocols = map[string]protocol{
	"tcp":  protoTCP,
	"udp":  protoUDP,
	"icmp": protoICMP,
	"esp":  protoESP,
	"ah":   protoAH,
	"gre":  protoGRE,
	"any":  protoAny,
}

// icmpType is the same message in ICMP (RFC 792) and ICMPv6 (RFC 4443).
type icmpType struct{ v4, v6 uint8 }

var icmpTypes = map[string]icmpType{
	"echo-request":            {8, 128},
	"echo-reply":              {0, 129},
	"destination-unreachable": {3, 1},
	"time-exceeded":           {11, 3},
	"parameter-problem":       {12, 4},
}

// ports is a range of ports, both ends included. The zero value is all ports.
type ports struct{ first, last uint16 }

func (p ports) all() bool { return p == ports{} }

func (p ports) String() string {
	if p.first == p.last {
		return strconv.Itoa(int(p.first))
	}
	return fmt.Sprintf("%d-%d", p.first, p.last)
}

// ParseMatch reads the text form of a Match.
func ParseMatch(text string) (Match, error) {
	word, rest, detailed := strings.Cut(text, "/")
	proto, known := protocols[word]
	switch {
	case word == "ip" && detailed:
		number, err := strconv.ParseUint(rest, 10, 8)
		if err != nil {
			return Match{}, fmt.Errorf("%q is not the number of an IP protocol; write ip/0 to ip/255", rest)
		}
		return Match{proto: numbered(protocol(number))}, nil
	case !known:
		return Match{}, fmt.Errorf("unknown protocol %q; write %s or ip/NUMBER", word, strings.Join(slices.Sorted(maps.Keys(protocols)), ", "))
	case !detailed:
		return Match{proto: proto}, nil
	}
	switch proto {
	case protoTCP, protoUDP:
		return parsePorts(proto, rest)
	case protoICMP:
		if _, ok := icmpTypes[rest]; !ok {
			return Match{}, fmt.Errorf("unknown ICMP type %q; write one of %s", rest, strings.Join(slices.Sorted(maps.Keys(icmpTypes)), ", "))
		}
		return Match{proto: proto, icmp: rest}, nil
	default:
		return Match{}, fmt.Errorf("%s has no ports; write %s alone", word, word)
	}
}

// numbered maps a number to the value a protocol's word has, so that two ways
// to write one thing are one thing to the compiler.
func numbered(n protocol) protocol {
	if n == protoICMPv4 || n == protoICMPv6 {
		return protoICMP
	}
	return n
}

func parsePorts(proto protocol, text string) (Match, error) {
	m := Match{proto: proto}
	dest := text
	if source, after, both := strings.Cut(text, ">"); both {
		var err error
		if m.source, err = parseRange(source); err != nil {
			return Match{}, err
		}
		dest = after
	}
	var err error
	m.dest, err = parseRange(dest)
	if err != nil {
		return Match{}, err
	}
	return m, nil
}

func parseRange(text string) (ports, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	if errA != nil || errB != nil || a == 0 || b == 0 {
		return ports{}, fmt.Errorf("%q is not a port or a range; write 1 to 65535, or 33434-33463", text)
	}
	if b < a {
		return ports{}, fmt.Errorf("the range %s runs backwards; write %s-%s", text, last, first)
	}
	return ports{uint16(a), uint16(b)}, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *Match) UnmarshalText(text []byte) error {
	parsed, err := ParseMatch(string(text))
	if err != nil {
		return err
	}
	*m = parsed
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (m Match) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// String returns the text that ParseMatch reads.
func (m Match) String() string {
	var b strings.Builder
	b.WriteString(m.proto.String())
	switch {
	case m.icmp != "":
		b.WriteString("/" + m.icmp)
	case !m.source.all():
		fmt.Fprintf(&b, "/%s>%s", m.source, m.dest)
	case !m.dest.all():
		fmt.Fprintf(&b, "/%s", m.dest)
	}
	return b.String()
}

func (p protocol) String() string {
	for word, proto := range protocols {
		if proto == p {
			return word
		}
	}
	return fmt.Sprintf("ip/%d", uint16(p))
}
