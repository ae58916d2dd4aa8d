package nat64

import (
	"time"

	"github.com/farspoke/farspoke/cellular/ndp"
)

// Offer is a prefix that the network names, and for how long. No time at all is
// the end of an earlier offer.
type Offer struct {
	Prefix   Prefix
	Lifetime time.Duration
}

// Advertised returns what a router offers, which may well be nothing. Prefixes that no
// NAT64 can have are passed over.
func Advertised(a ndp.Advertisement) (offers []Offer) {
	for _, p := range a.NAT64 {
		if prefix, err := NewPrefix(p.Prefix); err == nil {
			offers = append(offers, Offer{prefix, p.Valid})
		}
	}
	return offers
}
