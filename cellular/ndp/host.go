package ndp

import (
	"net/netip"
	"slices"
	"time"
)

// Host makes an address of an interface identifier and of what the routers of its
// link advertise, and knows when to ask them. It is fed with advertisements and with
// instants, durations since whenever. It asks at once.
//
// A prefix that is to be preferred comes before one that is only valid still, and
// among equals the one in use stays (RFC 4862, 5.5.4). The first router leads out for
// as long as it says it does; only then another one. There is nobody else on the link
// to claim the address: it is not asked for (TS 23.401, 5.3.1.2.2).
type Host struct {
	identifier [8]byte
	prefixes   []held
	current    netip.Prefix
	router     router
	// next is when to ask, and tries how often was asked in vain.
	next  time.Duration
	tries int
}

// held is a prefix with the instants at which it ends.
type held struct {
	prefix           netip.Prefix
	valid, preferred time.Duration
}

// router is the one that leads out, until an instant, and what it said last.
type router struct {
	address netip.Addr
	end     time.Duration
	mtu     int
	dns     []netip.Addr
}

// Config is what a Host has.
type Config struct {
	// Address is its own, not valid while there is none or no router that leads out.
	Address netip.Prefix
	// Router is the next hop to other networks.
	Router netip.Addr
	// MTU is the largest IPv6 packet in octets, 0 if the router does not say.
	MTU int
	DNS []netip.Addr
}

// Equal reports whether c and o are the same.
func (c Config) Equal(o Config) bool {
	return c.Address == o.Address && c.Router == o.Router && c.MTU == o.MTU && slices.Equal(c.DNS, o.DNS)
}

const (
	// firstPause is that after the first question; each one doubles it up to lastPause
	// (RFC 7559, 2, which begins with 4 seconds: but a modem often loses what is said
	// right after it has connected, and there is nobody else on the link to disturb).
	firstPause = time.Second
	lastPause  = time.Hour
	// leastTrust is for how long an address is used at least, whatever an advertisement
	// says that nobody has signed (RFC 4862, 5.5.3).
	leastTrust = 2 * time.Hour
	// maxHeld bounds how many prefixes are held.
	maxHeld = 8
	// hostBits are those of an interface identifier.
	hostBits = 64
	// minMTU is the smallest that a link of IPv6 may have (RFC 8200, 5).
	minMTU = 1280
)

// NewHost returns one with the interface identifier of an address.
func NewHost(identifier netip.Addr) *Host {
	b := identifier.As16()
	return &Host{identifier: [8]byte(b[8:])}
}

// LinkLocal returns the host's address that holds on the link alone.
func (h *Host) LinkLocal() netip.Addr { return h.address(netip.MustParsePrefix("fe80::/64")) }

// Due reports whether routers are to be asked now, which is taken to be done, and
// returns the instant at which to call Due again, at the latest.
func (h *Host) Due(now time.Duration) (ask bool, again time.Duration) {
	h.settle(now)
	if ask = h.next <= now; ask {
		h.next = now + min(firstPause<<min(h.tries, 20), lastPause)
		h.tries++
	}
	again = h.next
	if h.router.address.IsValid() {
		again = min(again, h.router.end)
	}
	for _, p := range h.prefixes {
		again = min(again, p.valid)
		if p.preferred > now {
			again = min(again, p.preferred)
		}
	}
	return ask, again
}

// Advertised says that a router has advertised.
func (h *Host) Advertised(now time.Duration, a Advertisement) {
	h.settle(now)
	for _, p := range a.Prefixes {
		h.hold(now, p)
	}
	if !h.router.address.IsValid() || h.router.address == a.Router {
		h.router = router{}
		if a.Lifetime > 0 {
			h.router = router{address: a.Router, end: now + a.Lifetime}
			if a.MTU >= minMTU {
				h.router.mtu = a.MTU
			}
			for _, s := range a.DNS {
				if s.Lifetime > 0 {
					h.router.dns = append(h.router.dns, s.Address)
				}
			}
		}
	}
	h.settle(now)
	if h.Config().Address.IsValid() {
		// Routers repeat themselves. Should they not, they are asked in time.
		h.next, h.tries = now+max((h.end(now)-now)/4*3, firstPause), 0
	}
}

// hold takes over a prefix, unless no address can be made of it (RFC 4862, 5.5.3).
func (h *Host) hold(now time.Duration, p Prefix) {
	prefix := p.Masked()
	if prefix.Bits() != hostBits || prefix.Addr().IsLinkLocalUnicast() || prefix.Addr().IsMulticast() || p.Preferred > p.Valid {
		return
	}
	fresh := held{prefix, now + p.Valid, now + p.Preferred}
	i := slices.IndexFunc(h.prefixes, func(old held) bool { return old.prefix == prefix })
	switch {
	case i >= 0:
		fresh.valid = max(fresh.valid, min(h.prefixes[i].valid, now+leastTrust))
		h.prefixes[i] = fresh
	case p.Valid > 0 && len(h.prefixes) < maxHeld:
		h.prefixes = append(h.prefixes, fresh)
	}
}

// Config returns what the host has.
func (h *Host) Config() Config {
	if !h.current.IsValid() || !h.router.address.IsValid() {
		return Config{}
	}
	return Config{
		Address: netip.PrefixFrom(h.address(h.current), hostBits), Router: h.router.address,
		MTU: h.router.mtu, DNS: slices.Clone(h.router.dns),
	}
}

// settle forgets what has ended and chooses the prefix to use. When nothing is left,
// routers are asked.
func (h *Host) settle(now time.Duration) {
	had := h.Config().Address.IsValid()
	if h.router.end <= now {
		h.router = router{}
	}
	h.prefixes = slices.DeleteFunc(h.prefixes, func(p held) bool { return p.valid <= now })
	var best held
	for _, p := range h.prefixes {
		preferred, chosen := p.preferred > now, best.preferred > now
		if !best.prefix.IsValid() || preferred && !chosen || preferred == chosen && p.prefix == h.current {
			best = p
		}
	}
	h.current = best.prefix
	if had && !h.Config().Address.IsValid() {
		h.next, h.tries = now, 0
	}
}

// end returns when what is in use ends, or is not to be preferred any more.
func (h *Host) end(now time.Duration) time.Duration {
	end := h.router.end
	for _, p := range h.prefixes {
		if p.prefix != h.current {
			continue
		}
		if end = min(end, p.valid); p.preferred > now {
			end = min(end, p.preferred)
		}
	}
	return end
}

// address returns the host's in a prefix of 64 bits.
func (h *Host) address(prefix netip.Prefix) netip.Addr {
	b := prefix.Addr().As16()
	copy(b[8:], h.identifier[:])
	return netip.AddrFrom16(b)
}
