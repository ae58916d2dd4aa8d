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
//	icmp/echo-request    a kind of ICMP message, of ICMP and ICMPv6 alike
//
// The zero Match is not valid.
type Match struct {
	proto protocol
	// source and dest limit the ports of TCP, UDP and SCTP.
	source, dest ports
	// icmp limits the kind of ICMP message; it is a key of icmpKinds.
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
	protoSCTP   protocol = 132

	// protoICMP is ICMP on IPv4 and ICMPv6 on IPv6.
	protoICMP protocol = 256
	// protoAny is every protocol.
	protoAny protocol = 257
	// protoForwarded is every protocol of a connection whose destination has
	// been translated.
	protoForwarded protocol = 258
)

// protocols are the words for protocols. They cannot be names of services.
var protocols = map[string]protocol{
	"tcp":  protoTCP,
	"udp":  protoUDP,
	"sctp": protoSCTP,
	"icmp": protoICMP,
	"esp":  protoESP,
	"ah":   protoAH,
	"gre":  protoGRE,
	"any":  protoAny,
}

// icmpMessage is a kind of ICMP or ICMPv6 message.
type icmpMessage struct {
	v6     bool
	number uint8
	// code narrows the type, if coded.
	code  uint8
	coded bool
}

func icmp4(number uint8) icmpMessage { return icmpMessage{number: number} }
func icmp6(number uint8) icmpMessage { return icmpMessage{v6: true, number: number} }

func (m icmpMessage) with(code uint8) icmpMessage {
	m.code, m.coded = code, true
	return m
}

// isError reports whether the message is about another packet: the errors of
// RFC 792, and RFC 4443, 2.1.
func (m icmpMessage) isError() bool {
	if m.v6 {
		return m.number < 128
	}
	return slices.Contains([]uint8{3, 4, 5, 11, 12}, m.number)
}

// icmpKinds are the messages of RFC 792 and RFC 4443 that mean the same, and
// those that only one family has. Of the errors each is sent by a router or host
// about a packet, and comes back without a policy if the packet was let through.
var icmpKinds = map[string][]icmpMessage{
	"echo-request":            {icmp4(8), icmp6(128)},
	"echo-reply":              {icmp4(0), icmp6(129)},
	"destination-unreachable": {icmp4(3), icmp6(1)},
	"network-unreachable":     {icmp4(3).with(0), icmp6(1).with(0)},
	"host-unreachable":        {icmp4(3).with(1), icmp6(1).with(3)},
	"port-unreachable":        {icmp4(3).with(3), icmp6(1).with(4)},
	"packet-too-big":          {icmp4(3).with(4), icmp6(2)},
	"prohibited":              {icmp4(3).with(13), icmp6(1).with(1)},
	"time-exceeded":           {icmp4(11), icmp6(3)},
	"ttl-exceeded":            {icmp4(11).with(0), icmp6(3).with(0)},
	"parameter-problem":       {icmp4(12), icmp6(4)},
	"redirect":                {icmp4(5), icmp6(137)},
	"router-solicitation":     {icmp4(10), icmp6(133)},
	"router-advertisement":    {icmp4(9), icmp6(134)},
	"timestamp-request":       {icmp4(13)},
	"timestamp-reply":         {icmp4(14)},
}

// icmpAnswers are the kinds that answer others. All the rest have no answer
// but errors.
var icmpAnswers = map[string]string{
	"echo-request":      "echo-reply",
	"timestamp-request": "timestamp-reply",
}

// ports is a range of ports, both ends included. The zero value is all ports.
type ports struct{ first, last uint16 }

func (p ports) all() bool { return p == ports{} }

func (p ports) holds(port uint16) bool { return p.first <= port && port <= p.last }

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
	case protoTCP, protoUDP, protoSCTP:
		return parsePorts(proto, rest)
	case protoICMP:
		if _, ok := icmpKinds[rest]; !ok {
			return Match{}, fmt.Errorf("unknown ICMP message %q; write one of %s", rest, strings.Join(slices.Sorted(maps.Keys(icmpKinds)), ", "))
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
