package nhc

import (
	"log/slog"
	"net/netip"
)

// Shared is another spoke behind the same public address.
type Shared struct {
	Public netip.Addr `json:"public"`
	// With is the other's address in the tunnel.
	With netip.Addr `json:"with"`
}

// share notes that the member with a tunnel address is behind our public address,
// which a hub that tells its spokes by that address does not get over.
func (c *Client) share(with netip.Addr) {
	public, _ := c.public()
	shared := Shared{public, with}
	if shared == c.shared || !with.IsValid() {
		return
	}
	c.shared, c.out.Save = shared, true
	c.note(slog.LevelWarn, "another spoke is behind the same public address: a hub that tells spokes by that address serves only one of the two; ask the provider for an address of its own, or use another uplink",
		"public", public, "spoke", with)
}

// sharedWith returns the spoke that shares an address with us, invalid if none is
// known.
func (c *Client) sharedWith(public netip.Addr) netip.Addr {
	if !public.IsValid() || c.shared.Public != public {
		return netip.Addr{}
	}
	return c.shared.With
}
