package firewall

import (
	"fmt"
	"net/netip"
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
	case protoTCP, protoUDP, protoSCTP, protoGRE, protoESP, protoAH:
		return "meta l4proto " + p.String()
	default:
		return fmt.Sprintf("meta l4proto %d", p)
	}
}

// transport matches TCP, UDP or SCTP by ports. At least one range is limited.
type transport struct {
	proto        protocol
	source, dest ports
}

func (t transport) nft() string {
	var words []string
	if !t.source.all() {
		words = append(words, t.proto.String()+" sport "+t.source.String())
	}
	if !t.dest.all() {
		words = append(words, t.proto.String()+" dport "+t.dest.String())
	}
	return strings.Join(words, " ")
}

func (m icmpMessage) nft() string {
	proto := "icmp"
	if m.v6 {
		proto = "icmpv6"
	}
	text := fmt.Sprintf("%s type %d", proto, m.number)
	if m.coded {
		text += fmt.Sprintf(" %s code %d", proto, m.code)
	}
	return text
}

// address matches the source or destination with a prefix, addressIn with a
// set. Before them stands a word for the family, as before dscp and hops.
type address struct {
	source bool
	prefix netip.Prefix
}

func (a address) nft() string {
	text := a.prefix.String()
	if a.prefix.IsSingleIP() {
		text = a.prefix.Addr().String()
	}
	return fmt.Sprintf("%s %s", addressWord(a.prefix.Addr().Is6(), a.source), text)
}

type addressIn struct {
	v6, source bool
	set        string
}

func (a addressIn) nft() string { return addressWord(a.v6, a.source) + " @" + a.set }

func addressWord(v6, source bool) string {
	return familyWord(v6) + " " + map[bool]string{true: "saddr", false: "daddr"}[source]
}

func familyWord(v6 bool) string { return map[bool]string{true: "ip6", false: "ip"}[v6] }

// dscp matches the differentiated services field.
type dscp struct {
	v6    bool
	value DSCP
}

func (d dscp) nft() string { return fmt.Sprintf("%s dscp 0x%02x", familyWord(d.v6), uint8(d.value)) }

// hops matches the time to live, or hop limit.
type hops struct {
	v6    bool
	value uint8
}

func (h hops) nft() string {
	if h.v6 {
		return fmt.Sprintf("ip6 hoplimit %d", h.value)
	}
	return fmt.Sprintf("ip ttl %d", h.value)
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

// stamped matches packets of connections that bear the stamp, setStamp puts it
// on; see stamp.go.
type stamped struct{ *stamp }

func (s stamped) nft() string { return "ct mark " + s.String() }

type setStamp struct{ *stamp }

func (s setStamp) nft() string { return "ct mark set " + s.String() }

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

	// fromSelf and toSelf match packets from the router to itself, byVRF the
	// first pass of a packet that the router sends in a VRF.
	fromSelf word = `iif "lo"`
	toSelf   word = `oif "lo"`
	byVRF    word = `meta oifkind "vrf"`

	ipv4 word = "meta nfproto ipv4"
	ipv6 word = "meta nfproto ipv6"
	// toMulticast matches the destination.
	toMulticast word = "ip daddr 224.0.0.0/4"
	// onLink matches IPv6 packets that no router has forwarded, andNoFurther
	// those that none may forward.
	onLink       word = "ip6 hoplimit 255"
	andNoFurther word = "ip6 hoplimit 1"
	// toRouter matches packets to an address of the device they came in by.
	toRouter word = "fib daddr . iif type local"
	// fromIPsec matches packets that came out of an SA and are not yet out of
	// the tunnel inside it; intoIPsec those whose route leads into one.
	fromIPsec word = "meta secpath exists"
	intoIPsec word = "rt ipsec exists"
	// known matches packets of connections that a policy knows.
	known word = "ct mark @" + setStamps
	// answering matches packets in the direction opposite to the one that
	// opened the connection, onceInspected those of connections that some policy
	// has inspected.
	answering     word = "ct direction reply"
	onceInspected word = "ct mark != 0x00000000"
	// translated matches packets of connections whose destination is translated.
	translated word = "ct status dnat"
	// tooBig4 and tooBig6 match the errors of path MTU discovery (RFC 1191,
	// RFC 8201).
	tooBig4 word = "icmp type destination-unreachable icmp code frag-needed"
	tooBig6 word = "icmpv6 type packet-too-big"
	// openTCP matches the packets that carry the MSS option.
	openTCP word = "tcp flags syn / syn,rst"
	// beginTCP matches the first packet of a connection.
	beginTCP word = "tcp flags syn / syn,ack"
	// clampRoute lowers the MSS to what the route's MTU allows.
	clampRoute word = "tcp option maxseg size set rt mtu"
)

// familyOf is the word that matches a family.
func familyOf(v6 bool) word {
	if v6 {
		return ipv6
	}
	return ipv4
}

func (w word) nft() string { return string(w) }

// clamp lowers the MSS of the TCP packet to the given octets. The kernel never
// raises it.
type clamp uint16

func (c clamp) nft() string { return fmt.Sprintf("tcp option maxseg size set %d", uint16(c)) }

// count counts the packet on a named counter.
type count string

func (c count) nft() string { return `counter name "` + string(c) + `"` }

// logged sends the beginning of the packet to the log's reader with the prefix,
// at most logRate a second over time and logBurst at once. The rest of the rule
// is then not reached beyond the rate, so it stands in a rule of its own.
type logged string

const (
	logRate  = 5
	logBurst = 10
	// logLength is how much of a packet tells all that is shown of it.
	logLength = 128
)

func (l logged) nft() string {
	return fmt.Sprintf("limit rate %d/second burst %d packets log prefix %q group %d snaplen %d", logRate, logBurst, string(l), logGroup, logLength)
}

// overRate matches what exceeds the rate.
type overRate Rate

func (o overRate) nft() string {
	return fmt.Sprintf("limit rate over %s burst %d packets", Rate(o), Rate(o).burst())
}

// sourceOverRate matches what exceeds the rate of one source address, which the
// set remembers.
type sourceOverRate struct {
	v6   bool
	set  string
	rate Rate
}

func (s sourceOverRate) nft() string {
	return fmt.Sprintf("update @%s { %s %s }", s.set, addressWord(s.v6, true), overRate(s.rate).nft())
}

// sourceOverCount matches connections of one source address beyond a number of
// open ones, which the set counts.
type sourceOverCount struct {
	v6          bool
	set         string
	connections uint32
}

func (s sourceOverCount) nft() string {
	return fmt.Sprintf("add @%s { %s ct count over %d }", s.set, addressWord(s.v6, true), s.connections)
}

// helped matches packets of connections that a helper has announced.
type helped helper

func (h helped) nft() string { return fmt.Sprintf("ct helper %q", h.name) }

// help makes a helper listen to the connection.
type help helper

func (h help) nft() string { return fmt.Sprintf("ct helper set %q", helper(h).object()) }

// object is the name of the helper in the table.
func (h helper) object() string { return h.name + "-" + h.proto.String() }

// translate gives a packet another source or destination: an address, of a
// range any, of two prefixes of a length the one that corresponds.
type translate struct {
	source bool
	to     AddressRange
	// ports, if limited, replace the port; only with one address.
	ports ports
	// prefix says that the address corresponds to the old one.
	prefix bool
}

func (t translate) nft() string {
	kind := map[bool]string{true: "snat", false: "dnat"}[t.source]
	text := fmt.Sprintf("%s %s ", kind, familyWord(t.to.v6()))
	if t.prefix {
		p, _ := t.to.prefix()
		return text + "prefix to " + p.String()
	}
	text += "to "
	if t.ports.all() {
		if t.to.first == t.to.last {
			return text + t.to.first.String()
		}
		return text + t.to.first.String() + "-" + t.to.last.String()
	}
	if t.to.v6() {
		return fmt.Sprintf("%s[%s]:%s", text, t.to.first, t.ports)
	}
	return fmt.Sprintf("%s%s:%s", text, t.to.first, t.ports)
}

// jumpTo goes on in another chain and does not come back.
type jumpTo string

func (j jumpTo) nft() string { return "goto " + string(j) }

// call goes on in another chain and comes back if nothing is decided there.
type call string

func (c call) nft() string { return "jump " + string(c) }

// verdict is what a map's element leads to: accept, drop, or another chain.
type verdict interface {
	statement
	isVerdict()
}

func (jumpTo) isVerdict() {}
func (word) isVerdict()   {}
