package nhc

import (
	"log/slog"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// purgePause is the least time between two registrations that a server's purges
// bring about.
const purgePause = 5 * time.Second

// purged acts on a purge request (RFC 2332, 5.2.5): what it names is forgotten,
// and a reply sent unless none is wanted. A server that forgets our registration
// gets another, at once but not each time that it says so.
func (c *Client) purged(p *nhrp.Packet, from netip.Addr) {
	if !c.provoked(from) {
		return
	}
	for _, e := range p.CIEs {
		prefix, ok := prefixOf(e)
		if !ok {
			continue
		}
		c.forget(prefix, from)
		if prefix.Contains(c.cfg.Address.Addr()) {
			for _, s := range c.order {
				if s.nbma == from && s.phase == Registered && s.registration.Refresh > s.purgeable {
					c.event(slog.LevelInfo, s, "the hub has purged our registration, so the box registers again")
					s.registration.Refresh = s.purgeable
					s.purgeable = max(c.now, s.purgeable) + purgePause
				}
			}
		}
	}
	if p.Flags&nhrp.PurgeNoReply == 0 {
		c.send(from, c.reply(p))
	}
}

// prefixOf returns the prefix that a CIE is about. A length of 0 or 0xff stands
// for the whole address, as nobody speaks for everything.
func prefixOf(e nhrp.CIE) (netip.Prefix, bool) {
	bits := int(e.PrefixLen)
	if bits == 0 || bits == uniquePrefix {
		bits = e.Protocol.BitLen()
	}
	prefix, err := e.Protocol.Prefix(bits)
	return prefix, err == nil && e.Protocol.IsValid()
}
