package at

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/farspoke/farspoke/cellular/modem"
)

// Context is what a line of +CGCONTRDP says of a connection; each family has its
// own line, and name servers may have further ones (3GPP TS 27.007, 10.1.23).
type Context struct {
	CID int
	APN string
	// Address is invalid where the line gives none. Its length is that of an address
	// where no mask is given.
	Address netip.Prefix
	Gateway netip.Addr
	DNS     []netip.Addr
	// MTU is IPv4's, 0 where the line gives none.
	MTU int
}

// Where the values are in a line.
const (
	contextAPN     = 2
	contextAddress = 3
	contextGateway = 4
	contextDNS     = 5
	contextMTU     = 11
)

// ParseContext reads a line of +CGCONTRDP.
func ParseContext(line string) (Context, error) {
	name, rest := Split(line)
	if name != "+CGCONTRDP" {
		return Context{}, fmt.Errorf("%q tells of no context", name)
	}
	p, err := ParseParams(rest)
	if err != nil {
		return Context{}, fmt.Errorf("%s: %w", name, err)
	}
	cid, ok := p.Int(0)
	if !ok {
		return Context{}, fmt.Errorf("%s without the number of a context", name)
	}
	c := Context{CID: cid, APN: p.Text(contextAPN)}
	c.Address, _ = ParsePrefix(p.Text(contextAddress))
	if gateway, ok := ParsePrefix(p.Text(contextGateway)); ok {
		c.Gateway = gateway.Addr()
	}
	for i := contextDNS; i < contextDNS+2; i++ {
		if server, ok := ParsePrefix(p.Text(i)); ok {
			c.DNS = append(c.DNS, server.Addr())
		}
	}
	if mtu, ok := p.Int(contextMTU); ok && mtu > 0 {
		c.MTU = mtu
	}
	return c, nil
}

// ParsePrefix reads an address in one of the ways of 27.007 (10.1.23, 10.1.40):
// IPv4 as usual, IPv6 as sixteen decimal numbers between dots or as usual, and a
// mask behind it in the same way, after a dot, a space or a slash. The unspecified
// address is none.
func ParsePrefix(s string) (netip.Prefix, bool) {
	s = strings.TrimSpace(s)
	var address, mask netip.Addr
	switch dots := strings.Count(s, "."); {
	case strings.Contains(s, ":"):
		if p, err := netip.ParsePrefix(s); err == nil {
			return known(p.Addr(), p.Bits())
		}
		first, second, masked := strings.Cut(s, " ")
		address, _ = netip.ParseAddr(first)
		if masked {
			mask, _ = netip.ParseAddr(strings.TrimSpace(second))
		}
	case dots == 3 || dots == 15:
		address = dotted(s)
	case dots == 7 || dots == 31:
		half := middle(s)
		address, mask = dotted(s[:half]), dotted(s[half+1:])
	}
	if !address.IsValid() {
		return netip.Prefix{}, false
	}
	bits := address.BitLen()
	if mask.IsValid() {
		bits = ones(mask)
	}
	return known(address, bits)
}

func known(a netip.Addr, bits int) (netip.Prefix, bool) {
	if a.IsUnspecified() || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	p := netip.PrefixFrom(a, bits)
	return p, p.IsValid()
}

// dotted reads four or sixteen decimal numbers between dots.
func dotted(s string) netip.Addr {
	var octets []byte
	for part := range strings.SplitSeq(s, ".") {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil {
			return netip.Addr{}
		}
		octets = append(octets, byte(n))
	}
	a, _ := netip.AddrFromSlice(octets)
	return a
}

// middle returns the offset of the dot in the middle of s.
func middle(s string) int {
	left := (strings.Count(s, ".") + 1) / 2
	for i := range len(s) {
		if s[i] == '.' {
			if left--; left == 0 {
				return i
			}
		}
	}
	return len(s)
}

// ones counts the ones that a mask begins with.
func ones(mask netip.Addr) int {
	n := 0
	for _, octet := range mask.AsSlice() {
		for bit := byte(0x80); bit != 0; bit >>= 1 {
			if octet&bit == 0 {
				return n
			}
			n++
		}
	}
	return n
}

// firstBearer is the identity of the first EPS bearer (3GPP TS 24.007, 11.2.3.1.5).
const firstBearer = 5

// ContextLines writes the lines that ParseContext reads, of a connection: one for
// each family.
func ContextLines(cid int, c modem.Connection) ([]string, error) {
	var lines []string
	for _, family := range []struct {
		address netip.Prefix
		gateway netip.Addr
	}{{c.Address4, c.Gateway4}, {c.Address6, c.Gateway6}} {
		if !family.address.IsValid() {
			continue
		}
		own := family.address.Addr()
		p := make(Params, contextDNS+2, contextMTU+1)
		p[0], p[1], p[contextAPN] = Int(cid), Int(firstBearer+cid-1), Text(c.APN)
		p[contextAddress] = Text(Decimal(own) + "." + Decimal(mask(family.address)))
		if family.gateway.IsValid() {
			p[contextGateway] = Text(Decimal(family.gateway))
		}
		next := contextDNS
		for _, server := range c.DNS {
			if server.Is4() == own.Is4() && next < contextDNS+2 {
				p[next] = Text(Decimal(server))
				next++
			}
		}
		if c.MTU > 0 {
			p = p[:contextMTU+1]
			p[contextMTU] = Int(c.MTU)
		}
		line, err := Line("+CGCONTRDP", p...)
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// Decimal writes an address as decimal numbers between dots, IPv6's too.
func Decimal(a netip.Addr) string {
	var parts []string
	for _, octet := range a.AsSlice() {
		parts = append(parts, strconv.Itoa(int(octet)))
	}
	return strings.Join(parts, ".")
}

// mask returns the mask of a prefix.
func mask(p netip.Prefix) netip.Addr {
	octets := p.Addr().AsSlice()
	for i := range octets {
		octets[i] = ^byte(0xff >> min(max(p.Bits()-8*i, 0), 8))
	}
	a, _ := netip.AddrFromSlice(octets)
	return a
}

// ContextEvent is what +CGEV tells of connections (3GPP TS 27.007, 10.1.19).
type ContextEvent uint8

// The events. Other is one that changes no connection.
const (
	OtherEvent ContextEvent = iota
	// Detached: there is no packet service any more, and so no connection.
	Detached
	// Activated, Deactivated: a connection came or went.
	Activated
	Deactivated
	// Modified: a connection has other properties.
	Modified
)

// ParseContextEvent reads what follows "+CGEV:".
func ParseContextEvent(text string) ContextEvent {
	_, event, _ := strings.Cut(text, " ") // behind NW or ME, which has done it
	event = strings.TrimPrefix(event, "PDN ")
	word, _, _ := strings.Cut(event, " ")
	switch word {
	case "DETACH":
		return Detached
	case "ACT":
		return Activated
	case "DEACT":
		return Deactivated
	case "MODIFY":
		return Modified
	}
	return OtherEvent
}
