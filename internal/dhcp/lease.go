package dhcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

const (
	// forever is the lease time of a lease that never ends (RFC 2131, 3.3).
	forever = math.MaxUint32
	// defaultTime is the lease time where a server names none, which it must.
	defaultTime = time.Hour
	// minMTU is what every IPv4 host must take (RFC 791). The option allows
	// 68, which no tunnel survives.
	minMTU = 576
	// maxServers and maxRoutes bound what one lease may bring.
	maxServers = 8
	maxRoutes  = 64
	// maxDomain is the length of the longest domain name (RFC 1035, 2.3.4).
	maxDomain = 253
)

// Lease is what a server granted, checked.
type Lease struct {
	// Address is ours with the subnet's prefix length, and Server the
	// identifier of the server that leased it.
	Address netip.Prefix `json:"address"`
	Server  netip.Addr   `json:"server"`
	// Gateway is the next hop of the default route, perhaps outside the
	// subnet. It is unset if the lease has no default route through a router.
	Gateway netip.Addr `json:"gateway,omitzero"`
	// Routes are the classless static routes (option 121) but the default
	// through Gateway.
	Routes []Route `json:"routes,omitempty"`
	// DNS and NTP are the servers' addresses, Domain the domain name.
	DNS    []netip.Addr `json:"dns,omitempty"`
	NTP    []netip.Addr `json:"ntp,omitempty"`
	Domain string       `json:"domain,omitempty"`
	// MTU is the link's in octets, 0 if the server names none.
	MTU int `json:"mtu,omitempty"`
	// Time is how long the lease lasts from its grant, 0 for ever. Renew and
	// Rebind are T1 and T2 from the grant, Renew < Rebind < Time.
	Time   time.Duration `json:"time"`
	Renew  time.Duration `json:"renew"`
	Rebind time.Duration `json:"rebind"`
}

// Route is a classless static route (RFC 3442).
type Route struct {
	To netip.Prefix `json:"to"`
	// Via is the router, unset if To is on the link.
	Via netip.Addr `json:"via,omitzero"`
}

// Equal reports whether l and o grant the same.
func (l Lease) Equal(o Lease) bool {
	return l.sameNetwork(o) && l.Time == o.Time && l.Renew == o.Renew && l.Rebind == o.Rebind
}

// sameNetwork reports whether l and o differ at most in their times.
func (l Lease) sameNetwork(o Lease) bool {
	return l.Address == o.Address && l.Server == o.Server && l.Gateway == o.Gateway &&
		slices.Equal(l.Routes, o.Routes) && slices.Equal(l.DNS, o.DNS) && slices.Equal(l.NTP, o.NTP) &&
		l.Domain == o.Domain && l.MTU == o.MTU
}

// Parse decodes a server's message. A message whose options break off or lack
// their end is taken as far as it goes, and said to be so: what a lease needs
// may well be there.
func Parse(data []byte) (*dhcpv4.DHCPv4, error) {
	const header = 240 // RFC 2131, 2: the fixed fields and the magic cookie
	if len(data) < header {
		return nil, fmt.Errorf("message of %d octets ends within the %d of the header", len(data), header)
	}
	p, err := dhcpv4.FromBytes(append(slices.Clone(data[:header]), dhcpv4.OptionEnd.Code()))
	if err != nil {
		return nil, err
	}
	// FromBytes keeps the options before the one that is broken.
	_ = p.Options.FromBytes(data[header:])
	if p.OpCode != dhcpv4.OpcodeBootReply {
		return nil, fmt.Errorf("message is a %v, not a reply", p.OpCode)
	}
	return p, nil
}

// ParseLease reads the lease out of an OFFER or ACK. It refuses one whose
// address cannot be used or whose server is unknown; of the rest it leaves out
// what is malformed and names it in faults.
func ParseLease(p *dhcpv4.DHCPv4) (l Lease, faults []string, err error) {
	r := reader{options: p.Options}
	if l.Address, err = r.address(p.YourIPAddr); err != nil {
		return Lease{}, nil, err
	}
	if l.Server = r.server(); !l.Server.IsValid() {
		return Lease{}, nil, errors.New("option 54 names no server")
	}
	if err := r.times(&l); err != nil {
		return Lease{}, nil, err
	}
	r.routes(&l)
	l.DNS = r.hosts(dhcpv4.OptionDomainNameServer)
	l.NTP = r.hosts(dhcpv4.OptionNTPServers)
	l.Domain = r.domain()
	l.MTU = r.mtu()
	return l, r.faults, nil
}

// reader reads options and collects what is wrong with them.
type reader struct {
	options dhcpv4.Options
	faults  []string
}

func (r *reader) fault(code dhcpv4.OptionCode, format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf("option %d ", code.Code())+fmt.Sprintf(format, args...))
}

// address joins the offered address and the subnet mask. Without a sound mask
// the address stands alone, and everything is reached through the router.
func (r *reader) address(ip net.IP) (netip.Prefix, error) {
	addr, _ := netip.AddrFromSlice(ip.To4())
	if !isHost(addr) {
		return netip.Prefix{}, fmt.Errorf("address %v is not a host's", ip)
	}
	length := 32
	if mask := r.options.Get(dhcpv4.OptionSubnetMask); mask == nil {
		r.fault(dhcpv4.OptionSubnetMask, "is missing")
	} else if n, ok := maskLength(mask); !ok {
		r.fault(dhcpv4.OptionSubnetMask, "is no subnet mask: % x", mask)
	} else {
		length = n
	}
	prefix := netip.PrefixFrom(addr, length)
	if length < 31 {
		host := binary.BigEndian.Uint32(addr.AsSlice()) << length
		if host == 0 || host == math.MaxUint32<<length {
			return netip.Prefix{}, fmt.Errorf("address %v is not a host's in its subnet", prefix)
		}
	}
	return prefix, nil
}

// maskLength returns the prefix length of a mask of 1 to 32 leading ones.
func maskLength(mask []byte) (int, bool) {
	if len(mask) != 4 {
		return 0, false
	}
	m := binary.BigEndian.Uint32(mask)
	n := bits.LeadingZeros32(^m)
	return n, n > 0 && m<<n == 0
}

func (r *reader) server() netip.Addr {
	addr, _ := netip.AddrFromSlice(r.options.Get(dhcpv4.OptionServerIdentifier))
	if !isHost(addr) {
		return netip.Addr{}
	}
	return addr
}

// times sets the lease time, T1 and T2. T1 and T2 that are absent or in the
// wrong order become a half and seven eighths (RFC 2131, 4.4.5).
func (r *reader) times(l *Lease) error {
	seconds, ok := r.seconds(dhcpv4.OptionIPAddressLeaseTime)
	switch {
	case !ok:
		r.fault(dhcpv4.OptionIPAddressLeaseTime, "is missing or malformed; %v assumed", defaultTime)
		l.Time = defaultTime
	case seconds == forever:
		return nil
	case seconds == 0:
		return errors.New("option 51 grants the lease for no time")
	default:
		l.Time = time.Duration(seconds) * time.Second
	}
	t1, ok1 := r.seconds(dhcpv4.OptionRenewTimeValue)
	t2, ok2 := r.seconds(dhcpv4.OptionRebindingTimeValue)
	l.Renew, l.Rebind = time.Duration(t1)*time.Second, time.Duration(t2)*time.Second
	if ok2 && !ok1 && l.Rebind > l.Time/2 {
		l.Renew = l.Time / 2
	}
	if ok1 && !ok2 && l.Renew < l.Time/8*7 {
		l.Rebind = l.Time / 8 * 7
	}
	if l.Renew <= 0 || l.Renew >= l.Rebind || l.Rebind >= l.Time {
		if ok1 || ok2 {
			r.faults = append(r.faults, fmt.Sprintf("options 58 and 59 give T1 %d s and T2 %d s in a lease of %v", t1, t2, l.Time))
		}
		l.Renew, l.Rebind = l.Time/2, l.Time/8*7
	}
	return nil
}

func (r *reader) seconds(code dhcpv4.OptionCode) (uint32, bool) {
	data := r.options.Get(code)
	if len(data) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(data), true
}

// routes sets the gateway and the classless routes. Option 121, where it is
// sound, overrides option 3 (RFC 3442).
func (r *reader) routes(l *Lease) {
	if data := r.options.Get(dhcpv4.OptionClasslessStaticRoute); data != nil {
		routes, err := parseRoutes(data)
		if err == nil {
			for _, route := range routes {
				if route.To.Bits() > 0 || !route.Via.IsValid() {
					l.Routes = append(l.Routes, route)
				} else if !l.Gateway.IsValid() && route.Via != l.Address.Addr() {
					l.Gateway = route.Via
				}
			}
			return
		}
		r.fault(dhcpv4.OptionClasslessStaticRoute, "ignored: %v", err)
	}
	for _, gateway := range r.hosts(dhcpv4.OptionRouter) {
		if gateway != l.Address.Addr() {
			l.Gateway = gateway
			return
		}
		r.fault(dhcpv4.OptionRouter, "names our own address")
	}
}

// parseRoutes decodes option 121: for each route the prefix length, the
// significant octets of the prefix, and the router (RFC 3442).
func parseRoutes(data []byte) ([]Route, error) {
	var routes []Route
	for at := 0; at < len(data); {
		length := int(data[at])
		if length > 32 {
			return nil, fmt.Errorf("prefix length %d at octet %d", length, at)
		}
		significant := (length + 7) / 8
		end := at + 1 + significant + 4
		if end > len(data) {
			return nil, fmt.Errorf("route at octet %d breaks off", at)
		}
		var dst, router [4]byte
		copy(dst[:], data[at+1:at+1+significant])
		copy(router[:], data[end-4:end])
		route := Route{To: netip.PrefixFrom(netip.AddrFrom4(dst), length).Masked()}
		if router != [4]byte{} {
			route.Via = netip.AddrFrom4(router)
			if !isHost(route.Via) {
				return nil, fmt.Errorf("router %v at octet %d is not a host", route.Via, end-4)
			}
		}
		if !slices.ContainsFunc(routes, func(r Route) bool { return r.To == route.To }) {
			routes = append(routes, route)
		}
		if len(routes) > maxRoutes {
			return nil, fmt.Errorf("more than %d routes", maxRoutes)
		}
		at = end
	}
	return routes, nil
}

// hosts reads a list of addresses and leaves out those that are no hosts'.
func (r *reader) hosts(code dhcpv4.OptionCode) []netip.Addr {
	data := r.options.Get(code)
	if len(data)%4 != 0 {
		r.fault(code, "has %d octets, which are no list of addresses", len(data))
		return nil
	}
	var hosts []netip.Addr
	bad := 0
	for octets := range slices.Chunk(data, 4) {
		addr := netip.AddrFrom4([4]byte(octets))
		if !isHost(addr) {
			bad++
			continue
		}
		if len(hosts) < maxServers && !slices.Contains(hosts, addr) {
			hosts = append(hosts, addr)
		}
	}
	if bad > 0 {
		r.fault(code, "has %d addresses that are no hosts'", bad)
	}
	return hosts
}

func (r *reader) domain() string {
	name := strings.TrimRight(string(r.options.Get(dhcpv4.OptionDomainName)), "\x00.")
	isOther := func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.')
	}
	if len(name) > maxDomain || strings.ContainsFunc(name, isOther) {
		r.fault(dhcpv4.OptionDomainName, "is no domain name")
		return ""
	}
	return name
}

func (r *reader) mtu() int {
	data := r.options.Get(dhcpv4.OptionInterfaceMTU)
	if data == nil {
		return 0
	}
	if len(data) != 2 || binary.BigEndian.Uint16(data) < minMTU {
		r.fault(dhcpv4.OptionInterfaceMTU, "is no MTU of at least %d: % x", minMTU, data)
		return 0
	}
	return int(binary.BigEndian.Uint16(data))
}

// isHost reports whether a can be a host's IPv4 address on a network other
// than loopback: not in 0/8, 127/8, multicast or class E (RFC 1122, 3.2.1.3).
func isHost(a netip.Addr) bool {
	if !a.Is4() {
		return false
	}
	first := a.As4()[0]
	return first != 0 && first != 127 && first < 224
}
