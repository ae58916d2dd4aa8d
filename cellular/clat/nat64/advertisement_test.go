package nat64

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
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
		"86000000 00080708 00000000 00000000"+options)
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

func TestParseAdvertisement(t *testing.T) {
	for _, test := range []struct {
		name, options string
		want          []Offer
	}{
		{"none", "", nil},
		{"another option", "05010000000005dc", nil},
		{"all lengths", "26020008 0064ff9b 00000000 00000000" + "26020011 20010db8 01220344 00000000" +
			"2602001a 20010db8 01220300 00000000" + "26020023 20010db8 01220000 00000000" +
			"2602002c 20010db8 01000000 00000000" + "26020035 20010db8 00000000 00000000", []Offer{
			{prefix(t, "64:ff9b::/96"), 8 * time.Second}, {prefix(t, "2001:db8:122:344::/64"), 16 * time.Second},
			{prefix(t, "2001:db8:122:300::/56"), 24 * time.Second}, {prefix(t, "2001:db8:122::/48"), 32 * time.Second},
			{prefix(t, "2001:db8:100::/40"), 40 * time.Second}, {prefix(t, "2001:db8::/32"), 48 * time.Second},
		}},
		{"longest lifetime", "2602fff8 0064ff9b 00000000 00000000", []Offer{{prefix(t, "64:ff9b::/96"), 65528 * time.Second}}},
		{"withdrawn", "26020000 0064ff9b 00000000 00000000", []Offer{{prefix(t, "64:ff9b::/96"), 0}}},
		{"lengths that are not", "2602000e 20010db8 00000000 00000000" + "2602000f 20010db8 00000000 00000000", nil},
		{"bits 64 to 71", "26020008 20010db8 00000000 01000000", nil},
		{"option too long", "26030008 0064ff9b 00000000 00000000 0000000000000000", nil},
		{"behind another", "05010000000005dc" + "2602000d 20010db8 ffffffff ffffffff", []Offer{{prefix(t, "2001:db8::/32"), 8 * time.Second}}},
	} {
		got, err := ParseAdvertisement(advertisement(t, test.options))
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, %v, want %v", test.name, got, err, test.want)
		}
	}
}

// TestCaptured reads an advertisement of another make.
func TestCaptured(t *testing.T) {
	got, err := ParseAdvertisement(octets(t, captured))
	want := []Offer{{prefix(t, "64:ff9b::/96"), 1800 * time.Second}, {prefix(t, "2001:db8:122:344::/64"), 600 * time.Second}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("it offers %v, %v, want %v", got, err, want)
	}
}

func TestParseAdvertisementRefuses(t *testing.T) {
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
		got, err := ParseAdvertisement(test.change(bytes.Clone(good)))
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

// FuzzParseAdvertisement: whatever is offered is a prefix.
func FuzzParseAdvertisement(f *testing.F) {
	f.Add(octets(f, captured))
	f.Add(advertisement(f, "2602000d 20010db8 00000000 00000000 0501000000000500"))
	f.Fuzz(func(t *testing.T, p []byte) {
		if len(p) >= headerLength+advertisementLength && len(p) < headerLength+256 {
			// Let the fuzzer past what guards the options.
			p = bytes.Clone(p)
			copy(p, []byte{0x60, 0, 0, 0, 0, 0, protocolICMP, onLink, 0xfe, 0x80})
			p[40], p[41] = typeAdvertisement, 0
			sealed(p)
		}
		offers, _ := ParseAdvertisement(p)
		for _, o := range offers {
			if _, err := NewPrefix(o.Prefix.Prefix()); err != nil || o.Lifetime < 0 || o.Lifetime > 65528*time.Second {
				t.Errorf("%x offers %v, %v", p, o, err)
			}
		}
	})
}
