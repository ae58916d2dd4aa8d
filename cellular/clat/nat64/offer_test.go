package nat64

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/ndp"
)

// TestAdvertised: prefixes that no NAT64 can have are passed over, here for their
// bits 64 to 71, and the rest of an address is no part of one.
func TestAdvertised(t *testing.T) {
	var a ndp.Advertisement
	for _, text := range []string{"64:ff9b::/96", "2001:db8::100:0:0:0/96", "2001:db8:ffff:ffff::/32"} {
		a.NAT64 = append(a.NAT64, ndp.Prefix{Prefix: netip.MustParsePrefix(text), Valid: time.Hour})
	}
	want := []Offer{{prefix(t, "64:ff9b::/96"), time.Hour}, {prefix(t, "2001:db8::/32"), time.Hour}}
	if got := Advertised(a); !slices.Equal(got, want) {
		t.Errorf("it offers %v, want %v", got, want)
	}
}
