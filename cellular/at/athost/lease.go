package athost

import (
	"context"
	"encoding/binary"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/farspoke/farspoke/cellular/at"
	"github.com/farspoke/farspoke/cellular/modem"
)

// lease is what holds on the network device, as the modem says by AT commands what
// it would say by DHCP.
type lease struct {
	address netip.Prefix
	gateway netip.Addr
	dns     []netip.Addr
}

// leased gives c the addresses that hold on the network device, where the modem tells
// them, and reports whether it does.
func (h *Host) leased(ctx context.Context, c *modem.Connection) (bool, error) {
	question := h.maker.path.lease
	if question == "" {
		return false, nil
	}
	p, err := h.readOne(ctx, question, strings.TrimSuffix(question, "?"))
	if fatal(err) {
		return false, err
	}
	l, ok := h.maker.path.leaseOf(p)
	if !ok {
		return false, nil
	}
	c.Address4, c.Gateway4 = l.address, l.gateway
	c.DNS = append(l.dns, slices.DeleteFunc(c.DNS, netip.Addr.Is4)...)
	return true, nil
}

// huaweiLease reads ^DHCP: address, mask, gateway, server and two name servers as
// hexadecimal numbers, on most firmware with the low octet first:
// 930E790A,000000FF,0100000A,0100000A,... is 10.121.14.147/8. Which way, the mask
// tells.
func huaweiLease(p at.Params) (lease, bool) {
	swapped := false
	number := func(i int) netip.Addr {
		n, err := strconv.ParseUint(strings.TrimPrefix(p.Text(i), "0x"), 16, 32)
		if err != nil {
			return netip.Addr{}
		}
		var octets [4]byte
		binary.LittleEndian.PutUint32(octets[:], uint32(n))
		if swapped {
			slices.Reverse(octets[:])
		}
		return netip.AddrFrom4(octets)
	}
	mask, ok := maskLength(number(1))
	if !ok {
		swapped = true
		if mask, ok = maskLength(number(1)); !ok {
			return lease{}, false
		}
	}
	l := lease{gateway: number(2)}
	if own := number(0); own.IsValid() && !own.IsUnspecified() {
		l.address = netip.PrefixFrom(own, mask)
	}
	for i := 4; i <= 5; i++ {
		if server := number(i); server.IsValid() && !server.IsUnspecified() {
			l.dns = append(l.dns, server)
		}
	}
	if l.gateway.IsValid() && l.gateway.IsUnspecified() {
		l.gateway = netip.Addr{}
	}
	return l, l.address.IsValid()
}

// maskLength returns the length of the prefix that a mask stands for, and whether it
// stands for one.
func maskLength(mask netip.Addr) (int, bool) {
	if !mask.IsValid() {
		return 0, false
	}
	octets := mask.As4()
	n := binary.BigEndian.Uint32(octets[:])
	ones := bits.LeadingZeros32(^n)
	return ones, ones > 0 && n<<ones == 0
}

// ericssonLease reads *E2IPCFG: (1,"46.157.32.246")(2,"46.157.32.243")(3,"193.213.112.4"),
// where 1 is the address, 2 the gateway and 3 a name server.
func ericssonLease(p at.Params) (lease, bool) {
	var l lease
	for _, v := range p {
		pair := at.Params(v.List)
		kind, _ := pair.Int(0)
		address, ok := at.ParsePrefix(pair.Text(1))
		if !ok || !address.Addr().Is4() {
			continue
		}
		switch kind {
		case 1:
			l.address = address
		case 2:
			l.gateway = address.Addr()
		case 3:
			l.dns = append(l.dns, address.Addr())
		}
	}
	return l, l.address.IsValid()
}
