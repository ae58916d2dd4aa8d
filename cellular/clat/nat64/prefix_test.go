package nat64

import (
	"net/netip"
	"testing"
)

// prefix returns the prefix of a text.
func prefix(t testing.TB, text string) Prefix {
	t.Helper()
	p, err := NewPrefix(netip.MustParsePrefix(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEmbed has the tables of RFC 6052, 2.4.
func TestEmbed(t *testing.T) {
	address := netip.MustParseAddr("192.0.2.33").As4()
	for _, test := range []struct{ prefix, want string }{
		{"2001:db8::/32", "2001:db8:c000:221::"},
		{"2001:db8:100::/40", "2001:db8:1c0:2:21::"},
		{"2001:db8:122::/48", "2001:db8:122:c000:2:2100::"},
		{"2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"},
		{"2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"},
		{"2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"},
		{"64:ff9b::/96", "64:ff9b::192.0.2.33"},
	} {
		p := prefix(t, test.prefix)
		if got := netip.AddrFrom16(p.Embed(address)); got != netip.MustParseAddr(test.want) {
			t.Errorf("in %s it is %s, want %s", p, got, test.want)
		}
		if got, ok := p.Extract(netip.MustParseAddr(test.want).As16()); !ok || got != address {
			t.Errorf("of %s is extracted %v, %t", test.want, got, ok)
		}
		if p.String() != test.prefix {
			t.Errorf("%s prints as %s", test.prefix, p)
		}
	}
}

func TestExtractOfAnother(t *testing.T) {
	outside := netip.MustParseAddr("2001:db8:122:345::192.0.2.33").As16()
	if got, ok := prefix(t, "2001:db8:122:344::/96").Extract(outside); ok {
		t.Errorf("an address outside gives %v", got)
	}
	if got, ok := (Prefix{}).Extract(outside); ok {
		t.Errorf("no prefix gives %v", got)
	}
	// What is behind the IPv4 address may be in use one day.
	behind := netip.MustParseAddr("2001:db8:c000:221::7").As16()
	if got, ok := prefix(t, "2001:db8::/32").Extract(behind); !ok || got != [4]byte{192, 0, 2, 33} {
		t.Errorf("with something behind it is %v, %t", got, ok)
	}
}

func TestNewPrefixRefuses(t *testing.T) {
	for _, text := range []string{
		"0.0.0.0/0", "192.0.2.0/32", "::ffff:192.0.2.0/96", "2001:db8::/33", "2001:db8::/128", "::/0",
		"2001:db8:0:0:100::/96", // bits 64 to 71
	} {
		if p, err := NewPrefix(netip.MustParsePrefix(text)); err == nil {
			t.Errorf("%s is taken as %s", text, p)
		}
	}
	if _, err := NewPrefix(netip.Prefix{}); err == nil {
		t.Error("no prefix is taken")
	}
	if p := prefix(t, "2001:db8::1:2/64"); p.String() != "2001:db8::/64" {
		t.Errorf("bits beyond the length are kept: %s", p)
	}
}
