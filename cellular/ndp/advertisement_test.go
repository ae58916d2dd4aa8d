package ndp

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// octets returns those of a hexadecimal text with spaces.
func octets(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// captured is what Scapy 2.5.0 makes of IPv6(src="fe80::1", dst="ff02::1", hlim=255) /
// ICMPv6ND_RA(chlim=0) / ICMPv6NDOptMTU(mtu=1280), with the options PREF64 for
// 64:ff9b::/96, 1800 seconds, and 2001:db8:122:344::/64, 600 seconds.
const captured = "6000000000383afffe800000000000000000000000000001ff02000000000000" +
	"00000000000000018600e3710008070800000000000000000501000000000500" +
	"260207080064ff9b00000000000000002602025920010db80122034400000000"

// advertisement returns the packet with the options, which fit and sum up.
func advertisement(t testing.TB, options string) []byte {
	t.Helper()
	p := octets(t, "60000000 0000 3a ff fe800000000000000000000000000001 ff020000000000000000000000000001"+
		"86000000 00000000 00000000 00000000"+options)
	return sealed(p)
}

// sealed gives a packet its length and its checksum.
func sealed(p []byte) []byte {
	p[5] = byte(len(p) - headerLength)
	p[42], p[43] = 0, 0
	sum := checksum(p[8:headerLength], p[headerLength:])
	p[42], p[43] = byte(sum>>8), byte(sum)
	return p
}

// prefix returns one that is advertised for so many seconds, preferred as well.
func prefix(text string, seconds int) Prefix {
	lifetime := time.Duration(seconds) * time.Second
	return Prefix{netip.MustParsePrefix(text), lifetime, lifetime}
}

func TestParse(t *testing.T) {
	addresses := func(text ...string) (all []netip.Addr) {
		for _, a := range text {
			all = append(all, netip.MustParseAddr(a))
		}
		return all
	}
	for _, test := range []struct {
		name, options string
		want          Advertisement
	}{
		{"none", "", Advertisement{}},
		{"unknown", "01010011 22334455", Advertisement{}},
		{"MTU", "05010000 000005dc", Advertisement{MTU: 1500}},
		{"prefix without end", "03044040 ffffffff ffffffff 00000000 20010db8 00720001 00000000 00000000",
			Advertisement{Prefixes: []Prefix{{netip.MustParsePrefix("2001:db8:72:1::/64"), Infinity, Infinity}}}},
		{"prefix that is not for hosts", "03044080 ffffffff ffffffff 00000000 20010db8 00720001 00000000 00000000", Advertisement{}},
		{"prefix longer than an address", "03048140 ffffffff ffffffff 00000000 20010db8 00720001 00000000 00000000", Advertisement{}},
		{"prefix cut", "03034040 ffffffff ffffffff 00000000 20010db8 00720001", Advertisement{}},
		{"name servers", "19050000 00000258 20010db8 00000000 00000000 00000053 20010db8 00000000 00000000 00000054",
			Advertisement{DNS: []Server{{addresses("2001:db8::53")[0], 600 * time.Second}, {addresses("2001:db8::54")[0], 600 * time.Second}}}},
		{"no name server", "19010000 00000258", Advertisement{}},
		{"half a name server", "19020000 00000258 20010db8 00000000", Advertisement{}},
		{"NAT64 of all lengths", "26020008 0064ff9b 00000000 00000000" + "26020011 20010db8 01220344 00000000" +
			"2602001a 20010db8 01220300 00000000" + "26020023 20010db8 01220000 00000000" +
			"2602002c 20010db8 01000000 00000000" + "26020035 20010db8 00000000 00000000", Advertisement{NAT64: []Prefix{
			prefix("64:ff9b::/96", 8), prefix("2001:db8:122:344::/64", 16), prefix("2001:db8:122:300::/56", 24),
			prefix("2001:db8:122::/48", 32), prefix("2001:db8:100::/40", 40), prefix("2001:db8::/32", 48),
		}}},
		{"NAT64 for longest", "2602fff8 0064ff9b 00000000 00000000", Advertisement{NAT64: []Prefix{prefix("64:ff9b::/96", 65528)}}},
		{"NAT64 withdrawn", "26020000 0064ff9b 00000000 00000000", Advertisement{NAT64: []Prefix{prefix("64:ff9b::/96", 0)}}},
		{"NAT64 of lengths that are not", "2602000e 20010db8 00000000 00000000" + "2602000f 20010db8 00000000 00000000", Advertisement{}},
		{"NAT64 too long", "26030008 0064ff9b 00000000 00000000 0000000000000000", Advertisement{}},
		{"behind another", "05010000 000005dc" + "2602000d 20010db8 ffffffff ffffffff",
			Advertisement{MTU: 1500, NAT64: []Prefix{prefix("2001:db8:ffff:ffff:ffff:ffff::/32", 8)}}},
	} {
		got, err := Parse(advertisement(t, test.options))
		test.want.Router = netip.MustParseAddr("fe80::1")
		if diff := cmp.Diff(test.want, got, netips); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", test.name, err, diff)
		}
	}
}

// netips lets cmp compare addresses, into which it cannot look.
var netips = cmp.Options{
	cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
}

// capturedSLAAC is what Scapy 2.5.0 makes of IPv6(src="fe80::1", dst="ff02::1", hlim=255)
// / ICMPv6ND_RA(chlim=64, routerlifetime=9000) / ICMPv6NDOptMTU(mtu=1428), with the
// options of a prefix, 2001:db8:72:1::/64 for 7200 and 3600 seconds, and of two name
// servers for 600 seconds.
const capturedSLAAC = "6000000000603afffe800000000000000000000000000001ff02000000000000" +
	"00000000000000018600fb024008232800000000000000000501000000000594" +
	"0304404000001c2000000e100000000020010db8007200010000000000000000" +
	"190500000000025820010db800000000000000000000005320010db800000000" +
	"0000000000000054"

// TestCaptured reads advertisements of another make.
func TestCaptured(t *testing.T) {
	router := netip.MustParseAddr("fe80::1")
	for text, want := range map[string]Advertisement{
		captured: {Router: router, Lifetime: 1800 * time.Second, MTU: 1280, NAT64: []Prefix{prefix("64:ff9b::/96", 1800), prefix("2001:db8:122:344::/64", 600)}},
		capturedSLAAC: {
			Router: router, Lifetime: 9000 * time.Second, MTU: 1428,
			Prefixes: []Prefix{{netip.MustParsePrefix("2001:db8:72:1::/64"), 7200 * time.Second, 3600 * time.Second}},
			DNS:      []Server{{netip.MustParseAddr("2001:db8::53"), 600 * time.Second}, {netip.MustParseAddr("2001:db8::54"), 600 * time.Second}},
		},
	} {
		got, err := Parse(octets(t, text))
		if diff := cmp.Diff(want, got, netips); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	good := advertisement(t, "2602000d 20010db8 00000000 00000000")
	for _, test := range []struct {
		name   string
		change func(p []byte) []byte
		want   string
	}{
		{"nothing", func([]byte) []byte { return nil }, "no Router"},
		{"IPv4", func(p []byte) []byte { p[0] = 0x40; return p }, "no Router"},
		{"another protocol", func(p []byte) []byte { p[6] = 17; return p }, "no Router"},
		{"another message", func(p []byte) []byte { p[40] = 136; return sealed(p) }, "no Router"},
		{"cut", func(p []byte) []byte { return p[:len(p)-1] }, "of 32 octets, 31 are there"},
		{"length short", func(p []byte) []byte { p[5] = 15; return p }, "of 15 octets"},
		{"forwarded", func(p []byte) []byte { p[7] = 254; return p }, "hop limit 254"},
		{"from elsewhere", func(p []byte) []byte { p[8] = 0x20; return sealed(p) }, "not of this link"},
		{"code", func(p []byte) []byte { p[41] = 1; return sealed(p) }, "code 1"},
		{"checksum", func(p []byte) []byte { p[43]++; return p }, "wrong checksum"},
		{"option without a length", func(p []byte) []byte { p[57] = 0; return sealed(p) }, "option that is cut"},
		{"option beyond the end", func(p []byte) []byte { p[57] = 3; return sealed(p) }, "option that is cut"},
		{"half an option", func(p []byte) []byte { return sealed(p[:57]) }, "option that is cut"},
	} {
		got, err := Parse(test.change(bytes.Clone(good)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, %v, want an error of %q", test.name, got, err, test.want)
		}
	}
}

// TestSolicitation has the octets that Scapy 2.5.0 gives IPv6(dst="ff02::2", hlim=255)
// / ICMPv6ND_RS(), from no address and from one.
func TestSolicitation(t *testing.T) {
	for from, want := range map[netip.Addr]string{
		{}:                               "6000000000083aff00000000000000000000000000000000ff02000000000000000000000000000285007bb800000000",
		netip.MustParseAddr("fe80::464"): "6000000000083afffe800000000000000000000000000464ff020000000000000000000000000002850078d300000000",
	} {
		if got := Solicitation(from); !bytes.Equal(got, octets(t, want)) {
			t.Errorf("from %v it is %x, want %s", from, got, want)
		}
	}
}

// FuzzParse: whatever is advertised makes no more addresses than there were octets,
// and a Host that hears it has an address of its own identifier or none.
func FuzzParse(f *testing.F) {
	f.Add(octets(f, captured))
	f.Add(octets(f, capturedSLAAC))
	f.Add(advertisement(f, "2602000d 20010db8 00000000 00000000 0501000000000500"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) >= headerLength+advertisementLength && len(p) < headerLength+256 {
			// Let the fuzzer past what guards the options.
			p = bytes.Clone(p)
			copy(p, []byte{0x60, 0, 0, 0, 0, 0, protocolICMP, onLink, 0xfe, 0x80})
			p[40], p[41] = typeAdvertisement, 0
			sealed(p)
		}
		a, err := Parse(p)
		if err != nil {
			return
		}
		if n := len(a.Prefixes) + len(a.DNS) + len(a.NAT64); n*16 > len(p) {
			t.Errorf("%d octets advertise %d things", len(p), n)
		}
		h := NewHost(identifier)
		h.Due(0)
		h.Advertised(0, a)
		c := h.Config()
		if _, again := h.Due(0); again <= 0 {
			t.Errorf("%x is to be followed by a question at once", p)
		}
		if own := c.Address.Addr(); own.IsValid() && (own.As16()[15] != identifier.As16()[15] || c.Address.Bits() != hostBits || own.IsLinkLocalUnicast()) {
			t.Errorf("%x gives the address %v", p, c.Address)
		}
	})
}
