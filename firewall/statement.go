package firewall

import (
	"fmt"
	"strings"
)

// device matches one device of the packet's path.
type device struct {
	key  nameKey
	name string
}

func (d device) nft() string { return fmt.Sprintf("%s %q", d.key, d.name) }

// member matches packets whose devices are in a set.
type member struct {
	keys []nameKey
	set  string
}

func (m member) nft() string { return joinKeys(m.keys) + " @" + m.set }

// dispatch looks the packet's devices up in a verdict map.
type dispatch struct {
	keys []nameKey
	set  string
}

func (d dispatch) nft() string { return joinKeys(d.keys) + " vmap @" + d.set }

func joinKeys(keys []nameKey) string {
	words := make([]string, len(keys))
	for i, k := range keys {
		words[i] = string(k)
	}
	return strings.Join(words, " . ")
}

// layer4 matches the IP protocol. It is a real number, not one of the values
// that stand for several.
type layer4 protocol

func (l layer4) nft() string {
	switch p := protocol(l); p {
	case protoICMPv4:
		return "meta l4proto icmp"
	case protoICMPv6:
		return "meta l4proto ipv6-icmp"
	case protoTCP, protoUDP, protoGRE, protoESP, protoAH:
		return "meta l4proto " + p.String()
	default:
		return fmt.Sprintf("meta l4proto %d", p)
	}
}

// transport matches TCP or UDP by ports. At least one range is limited.
type transport struct {
	proto        protocol
	source, dest ports
}

func (t transport) nft() string {
	var words []string
	if !t.source.all() {
		words = append(words, fmt.Sprintf("%s sport %s", t.proto, t.source))
	}
	if !t.dest.all() {
		words = append(words, fmt.Sprintf("%s dport %s", t.proto, t.dest))
	}
	return strings.Join(words, " ")
}

// icmpMessage matches an ICMP or ICMPv6 type.
type icmpMessage struct {
	v6     bool
	number uint8
}

func (m icmpMessage) nft() string {
	if m.v6 {
		return fmt.Sprintf("icmpv6 type %d", m.number)
	}
	return fmt.Sprintf("icmp type %d", m.number)
}

// ctState matches any of the connection tracking states in the mask.
type ctState uint32

// The bits of NF_CT_STATE_BIT (linux/netfilter/nf_conntrack_common.h).
const (
	stateEstablished ctState = 1 << 1
	stateRelated     ctState = 1 << 2
	stateNew         ctState = 1 << 3
)

func (s ctState) nft() string {
	var words []string
	for _, bit := range []struct {
		state ctState
		word  string
	}{{stateEstablished, "established"}, {stateRelated, "related"}, {stateNew, "new"}} {
		if s&bit.state != 0 {
			words = append(words, bit.word)
		}
	}
	return "ct state " + strings.Join(words, ",")
}

// Bits of the connection mark. A connection entry is made for every packet that
// gets through, also for those that pass, so the entry alone allows nothing.
const (
	// inspectedMark says that the connection was opened under inspect: its
	// packets pass between its zones, both ways.
	inspectedMark uint32 = 1 << 31
	// withinMark says that the connection was opened within a zone. It does
	// not allow its packets to leave the zone, should their route change.
	withinMark uint32 = 1 << 30
)

// word is a statement without parameters. Its value is its nft text.
type word string

const (
	accept word = "accept"
	drop   word = "drop"
	// notrack keeps connection tracking away from the packet.
	notrack word = "notrack"
	// masquerade gives the packet the address of the device it leaves by.
	masquerade word = "masquerade"
	// reset answers with a TCP reset, prohibit with an ICMP error.
	reset    word = "reject with tcp reset"
	prohibit word = "reject with icmpx admin-prohibited"

	ipv4 word = "meta nfproto ipv4"
	// toMulticast matches the destination.
	toMulticast word = "ip daddr 224.0.0.0/4"
	// onLink matches IPv6 packets that no router has forwarded.
	onLink word = "ip6 hoplimit 255"
	// fromIPsec matches packets that came out of an SA and are not yet out of
	// the tunnel inside it; intoIPsec those whose route leads into one.
	fromIPsec word = "meta secpath exists"
	intoIPsec word = "rt ipsec exists"
	// inspected matches packets of connections with inspectedMark, allowed
	// those with either mark. The others set a mark.
	inspected     word = "ct mark & 0x80000000 != 0x0"
	allowed       word = "ct mark & 0xc0000000 != 0x0"
	markInspected word = "ct mark set ct mark | 0x80000000"
	markWithin    word = "ct mark set ct mark | 0x40000000"
	// tooBig4 and tooBig6 match the errors of path MTU discovery (RFC 1191,
	// RFC 8201).
	tooBig4 word = "icmp type destination-unreachable icmp code frag-needed"
	tooBig6 word = "icmpv6 type packet-too-big"
	// openTCP matches the packets that carry the MSS option.
	openTCP word = "tcp flags syn / syn,rst"
	// clampRoute lowers the MSS to what the route's MTU allows.
	clampRoute word = "tcp option maxseg size set rt mtu"
)

func (w word) nft() string { return string(w) }

// clamp lowers the MSS of the TCP packet to the given octets. The kernel never
// raises it.
type clamp uint16

func (c clamp) nft() string { return fmt.Sprintf("tcp option maxseg size set %d", uint16(c)) }

// count counts the packet on a named counter.
type count string

func (c count) nft() string { return fmt.Sprintf("counter name %q", string(c)) }

// logged writes a line with the prefix to the kernel's log, at most logRate a
// second over time and logBurst at once. The rest of the rule is then not
// reached beyond the rate, so it stands in a rule of its own.
type logged string

const (
	logRate  = 5
	logBurst = 10
)

func (l logged) nft() string {
	return fmt.Sprintf("limit rate %d/second burst %d packets log prefix %q level info", logRate, logBurst, string(l))
}

// jumpTo goes on in another chain and does not come back.
type jumpTo string

func (j jumpTo) nft() string { return "goto " + string(j) }

// verdict is what a map's element leads to: accept, drop, or another chain.
type verdict interface {
	statement
	isVerdict()
}

func (jumpTo) isVerdict() {}
func (word) isVerdict()   {}
