package firewall

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// ipv4Header is one without options, from 198.51.100.7 to 203.0.113.2.
func ipv4Header(proto byte) []byte {
	return []byte{
		0x45, 0, 0, 40, 0x12, 0x34, 0x40, 0, 64, proto, 0, 0,
		198, 51, 100, 7,
		203, 0, 113, 2,
	}
}

// ipv6Header is from 2001:db8::7 to 2001:db8:1::2.
func ipv6Header(next byte) []byte {
	return []byte{
		0x60, 0, 0, 0, 0, 20, next, 64,
		0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7,
		0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
	}
}

// packets are beginnings of packets and what they tell beside the addresses of
// ipv4Header or ipv6Header.
var packets = map[string]struct {
	data []byte
	want Headers
}{
	"TCP SYN": {
		slices.Concat(ipv4Header(6), []byte{0x9c, 0xb8, 0, 23, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0xff, 0xff, 0, 0, 0, 0}),
		Headers{Protocol: "tcp", SourcePort: 40120, DestinationPort: 23, Flags: "SYN"},
	},
	"TCP with every flag": {
		slices.Concat(ipv6Header(6), []byte{0, 80, 0x9c, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0xff}),
		Headers{Protocol: "tcp", SourcePort: 80, DestinationPort: 40120, Flags: "SYN,RST,FIN,ACK,PSH,URG,ECE,CWR"},
	},
	"TCP without flags": {
		slices.Concat(ipv4Header(6), []byte{0, 80, 0x9c, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0}),
		Headers{Protocol: "tcp", SourcePort: 80, DestinationPort: 40120},
	},
	"TCP cut off before the flags": {
		slices.Concat(ipv4Header(6), []byte{0, 80, 0x9c, 0xb8, 0, 0, 0, 1, 0, 0, 0, 0, 0x50}),
		Headers{Protocol: "tcp", SourcePort: 80, DestinationPort: 40120},
	},
	"TCP cut off in the ports": {
		slices.Concat(ipv4Header(6), []byte{0, 80, 0x9c}),
		Headers{Protocol: "tcp"},
	},
	"UDP": {
		slices.Concat(ipv6Header(17), []byte{0x11, 0x94, 0x01, 0xf4}),
		Headers{Protocol: "udp", SourcePort: 4500, DestinationPort: 500},
	},
	"SCTP": {
		slices.Concat(ipv4Header(132), []byte{0x0b, 0x59, 0x0b, 0x5a}),
		Headers{Protocol: "sctp", SourcePort: 2905, DestinationPort: 2906},
	},
	"ICMP echo": {
		slices.Concat(ipv4Header(1), []byte{8, 0, 0, 0}),
		Headers{Protocol: "icmp", ICMP: "echo-request"},
	},
	"ICMPv6 echo": {
		slices.Concat(ipv6Header(58), []byte{128, 0, 0, 0}),
		Headers{Protocol: "icmp", ICMP: "echo-request"},
	},
	"ICMP type of the other family": {
		slices.Concat(ipv4Header(1), []byte{128, 0, 0, 0}),
		Headers{Protocol: "icmp", ICMP: "type 128"},
	},
	"ICMP kind by its code": {
		slices.Concat(ipv4Header(1), []byte{3, 3, 0, 0}),
		Headers{Protocol: "icmp", ICMP: "port-unreachable"},
	},
	"ICMP kind with another code": {
		slices.Concat(ipv4Header(1), []byte{3, 6, 0, 0}),
		Headers{Protocol: "icmp", ICMP: "destination-unreachable code 6"},
	},
	"ICMPv6 neighbour solicitation": {
		slices.Concat(ipv6Header(58), []byte{135, 0, 0, 0}),
		Headers{Protocol: "icmp", ICMP: "type 135"},
	},
	"ICMP of no known type": {
		slices.Concat(ipv4Header(1), []byte{42, 7, 0, 0}),
		Headers{Protocol: "icmp", ICMP: "type 42 code 7"},
	},
	"ICMP cut off": {
		slices.Concat(ipv4Header(1), []byte{8}),
		Headers{Protocol: "icmp"},
	},
	"GRE":         {slices.Concat(ipv4Header(47), []byte{0x20, 0, 8, 0}), Headers{Protocol: "gre"}},
	"ESP":         {slices.Concat(ipv6Header(50), []byte{0, 0, 0, 1}), Headers{Protocol: "esp"}},
	"AH":          {slices.Concat(ipv6Header(51), []byte{6, 4, 0, 0, 0, 0, 0, 1}), Headers{Protocol: "ah"}},
	"OSPF":        {ipv4Header(89), Headers{Protocol: "ip/89"}},
	"header only": {ipv4Header(17), Headers{Protocol: "udp"}},
	"options of IPv4": {
		slices.Concat(edit(ipv4Header(17), 0, 0x46), []byte{0x94, 4, 0, 0}, []byte{0, 53, 0, 54}),
		Headers{Protocol: "udp", SourcePort: 53, DestinationPort: 54},
	},
	"options that are cut off": {
		slices.Concat(edit(ipv4Header(17), 0, 0x4f), []byte{0, 53, 0, 54}),
		Headers{Protocol: "udp"},
	},
	"header length below the least": {
		slices.Concat(edit(ipv4Header(17), 0, 0x44), []byte{0, 53, 0, 54}),
		Headers{Protocol: "udp"},
	},
	"first fragment of IPv4": {
		slices.Concat(edit(ipv4Header(17), 6, 0x20), []byte{0, 53, 0, 54}),
		Headers{Protocol: "udp", SourcePort: 53, DestinationPort: 54},
	},
	"later fragment of IPv4": {
		slices.Concat(edit(ipv4Header(17), 7, 1), []byte{0, 53, 0, 54}),
		Headers{Protocol: "udp"},
	},
	"extension headers": {
		slices.Concat(ipv6Header(0),
			[]byte{60, 0, 1, 4, 0, 0, 0, 0},
			[]byte{43, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
			[]byte{44, 0, 0, 0, 0, 0, 0, 0},
			[]byte{17, 0, 0, 1, 0, 0, 0, 9},
			[]byte{0, 53, 0, 54}),
		Headers{Protocol: "udp", SourcePort: 53, DestinationPort: 54},
	},
	"later fragment of IPv6": {
		slices.Concat(ipv6Header(44), []byte{6, 0, 0, 8, 0, 0, 0, 9}, []byte{0, 53, 0, 54}),
		Headers{Protocol: "tcp"},
	},
	"fragment header cut off": {slices.Concat(ipv6Header(44), []byte{6, 0, 0, 8, 0, 0, 0}), Headers{Protocol: "ip/44"}},
	"extension header longer than the packet": {
		slices.Concat(ipv6Header(0), []byte{17, 255, 0, 0, 0, 0, 0, 0}, []byte{0, 53, 0, 54}),
		Headers{Protocol: "udp"},
	},
	"extension headers beyond the end": {slices.Concat(ipv6Header(0), []byte{60, 0, 0, 0, 0, 0, 0, 0}), Headers{Protocol: "ip/60"}},
	"no next header":                   {ipv6Header(59), Headers{Protocol: "ip/59"}},
}

// edit returns the octets with another one at an offset.
func edit(octets []byte, at int, value byte) []byte {
	octets[at] = value
	return octets
}

func TestParseHeaders(t *testing.T) {
	for name, test := range packets {
		t.Run(name, func(t *testing.T) {
			want := test.want
			want.Source, want.Destination = netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("203.0.113.2")
			if test.data[0]>>4 == 6 {
				want.Source, want.Destination = netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("2001:db8:1::2")
			}
			if diff := cmp.Diff(want, parseHeaders(test.data), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("headers differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseHeadersOfNoPacket(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":        nil,
		"short IPv4":     ipv4Header(6)[:19],
		"short IPv6":     ipv6Header(6)[:39],
		"other version":  edit(ipv6Header(6), 0, 0x50),
		"ARP":            {0, 1, 8, 0, 6, 4, 0, 1},
		"IPv6 of 20":     ipv6Header(6)[:20],
		"a single octet": {0x45},
	} {
		if h := parseHeaders(data); h != (Headers{}) {
			t.Errorf("%s is read as %+v", name, h)
		}
	}
}

// TestManyExtensions has 64 KiB of the shortest extension headers.
func TestManyExtensions(t *testing.T) {
	data := slices.Concat(ipv6Header(60), []byte(strings.Repeat("\x3c\x00\x00\x00\x00\x00\x00\x00", 8192)))
	if allocations := testing.AllocsPerRun(100, func() { parseHeaders(data) }); allocations > 4 {
		t.Errorf("%g allocations", allocations)
	}
	if h := parseHeaders(data); h.Protocol != "ip/60" {
		t.Errorf("the protocol is %q", h.Protocol)
	}
}

func FuzzParseHeaders(f *testing.F) {
	for _, p := range packets {
		f.Add(p.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h := parseHeaders(data)
		if h.Source.IsValid() != h.Destination.IsValid() || h.Source.Is4() != h.Destination.Is4() || h.Source.IsValid() != (h.Protocol != "") {
			t.Errorf("%x is read as %+v", data, h)
		}
		ports := h.SourcePort != 0 || h.DestinationPort != 0
		if ports && h.ICMP != "" || h.Flags != "" && h.Protocol != "tcp" || h.ICMP != "" && h.Protocol != "icmp" {
			t.Errorf("%x is read as %+v", data, h)
		}
		// More octets never change what fewer have told.
		if longer := parseHeaders(slices.Concat(data, make([]byte, 64))); h.Protocol != "" && (longer.Source != h.Source || h.Flags != "" && longer.Flags != h.Flags) {
			t.Errorf("%x is read as %+v, and with zeros behind it as %+v", data, h, longer)
		}
	})
}
