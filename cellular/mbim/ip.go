package mbim

import "net/netip"

// IPConfigurationAvailableFlag is a set of what the network gave.
type IPConfigurationAvailableFlag uint32

// What the network can give.
const (
	IPConfigurationAvailableFlagNone    IPConfigurationAvailableFlag = 0
	IPConfigurationAvailableFlagAddress IPConfigurationAvailableFlag = 1 << 0
	IPConfigurationAvailableFlagGateway IPConfigurationAvailableFlag = 1 << 1
	IPConfigurationAvailableFlagDNS     IPConfigurationAvailableFlag = 1 << 2
	IPConfigurationAvailableFlagMTU     IPConfigurationAvailableFlag = 1 << 3
)

// IPConfiguration is what the network gave to a connection. A query has only its
// Session.
type IPConfiguration struct {
	Session    uint32
	IPv4, IPv6 IPFamilyConfiguration
}

// IPFamilyConfiguration is what the network gave of one family of addresses.
type IPFamilyConfiguration struct {
	// Available says which of the rest counts.
	Available IPConfigurationAvailableFlag
	Addresses []netip.Prefix
	// Gateway is invalid where there is none.
	Gateway netip.Addr
	DNS     []netip.Addr
	// MTU is in octets.
	MTU uint32
}

func (*IPConfiguration) about() Command   { return CmdIPConfiguration }
func (*IPConfiguration) classes() classes { return queries | reports }

func (m *IPConfiguration) walk(c *cursor) {
	v4, v6 := &m.IPv4, &m.IPv6
	u32(c, &m.Session)
	u32(c, &v4.Available)
	u32(c, &v6.Available)
	fixedArray(c, &v4.Addresses, 4+4, prefix4)
	fixedArray(c, &v6.Addresses, 4+16, prefix6)
	gateway(c, &v4.Gateway, 4, addr4)
	gateway(c, &v6.Gateway, 16, addr6)
	fixedArray(c, &v4.DNS, 4, addr4)
	fixedArray(c, &v6.DNS, 16, addr6)
	u32(c, &v4.MTU)
	u32(c, &v6.MTU)
}

// gateway is the offset of an address of size octets, 0 if there is none.
func gateway(c *cursor, v *netip.Addr, size uint32, walk func(*cursor, *netip.Addr)) {
	if c.writing {
		inner := cursor{writing: true}
		if v.IsValid() {
			walk(&inner, v)
		}
		c.refer(inner.fixed)
		c.adopt(inner.err)
		return
	}
	var offset uint32
	at := c.at
	if u32(c, &offset); offset == 0 {
		return
	}
	if b := c.follow(at, offset, size); c.err == nil {
		walk(newCursor(b, c.version), v)
	}
}

// addr4 is an IPv4 address in the order of the network.
func addr4(c *cursor, v *netip.Addr) {
	if c.writing {
		if !v.Is4() {
			c.fail("%v is no IPv4 address", *v)
			return
		}
		a := v.As4()
		c.fixed = append(c.fixed, a[:]...)
	} else if b := c.take(4); b != nil {
		*v = netip.AddrFrom4([4]byte(b))
	}
}

// addr6 is an IPv6 address in the order of the network.
func addr6(c *cursor, v *netip.Addr) {
	if c.writing {
		if !v.Is6() {
			c.fail("%v is no IPv6 address", *v)
			return
		}
		a := v.As16()
		c.fixed = append(c.fixed, a[:]...)
	} else if b := c.take(16); b != nil {
		*v = netip.AddrFrom16([16]byte(b))
	}
}

func prefix4(c *cursor, v *netip.Prefix) { prefix(c, v, 32, addr4) }
func prefix6(c *cursor, v *netip.Prefix) { prefix(c, v, 128, addr6) }

// prefix is an address behind the length of its prefix, at most longest.
func prefix(c *cursor, v *netip.Prefix, longest uint32, walk func(*cursor, *netip.Addr)) {
	bits, addr := uint32(v.Bits()), v.Addr()
	u32(c, &bits)
	if bits > longest {
		c.fail("a prefix of %d bits", bits)
		return
	}
	walk(c, &addr)
	if !c.writing && c.err == nil {
		*v = netip.PrefixFrom(addr, int(bits))
	}
}

// PacketStatistics is the modem's own count of packets, over all connections.
type PacketStatistics struct {
	InDiscards, InErrors   uint32
	InOctets, InPackets    uint64
	OutOctets, OutPackets  uint64
	OutErrors, OutDiscards uint32
}

func (*PacketStatistics) about() Command   { return CmdPacketStatistics }
func (*PacketStatistics) classes() classes { return answers }

func (m *PacketStatistics) walk(c *cursor) {
	u32(c, &m.InDiscards)
	u32(c, &m.InErrors)
	u64(c, &m.InOctets)
	u64(c, &m.InPackets)
	u64(c, &m.OutOctets)
	u64(c, &m.OutPackets)
	u32(c, &m.OutErrors)
	u32(c, &m.OutDiscards)
}
