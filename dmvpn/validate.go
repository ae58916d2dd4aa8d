package dmvpn

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
	"github.com/farspoke/farspoke/internal/invalid"
)

const (
	// minMTU and minMTU6 are what every host must take (RFC 791, RFC 8200).
	minMTU  = 576
	minMTU6 = 1280
	maxMTU  = 9000
	// minMSS is that of TCP without the option (RFC 9293, 3.7.1).
	minMSS = 536
	// minHoldingTime keeps registrations, sent every third of it, well apart;
	// the maximum is what 16 bits of seconds hold.
	minHoldingTime = 10 * time.Second
	maxHoldingTime = 65535 * time.Second
	// maxPriority, maxCluster and maxFallback are those of IOS.
	maxPriority = 255
	maxCluster  = 10
	maxFallback = 60 * time.Second
)

// minMTU is the least that the family of the tunnel's address can live with.
func (c Config) minMTU() int {
	if c.Address.Addr().Is6() {
		return minMTU6
	}
	return minMTU
}

// Validate reports everything wrong with c, as errors of package invalid.
func (c Config) Validate() error {
	var errs []error
	field := func(name, problem, fix string) { errs = append(errs, invalid.Field(name, problem, fix)) }

	switch address := c.Address.Addr(); {
	case !c.Address.IsValid():
		field("address", "the tunnel has no address", "write our address in the cloud, such as 172.16.100.17/24")
	case !ordinary(address):
		field("address", address.String()+" cannot be the address of a host", "write a unicast address")
	case c.Address.Bits() < address.BitLen()-1 && c.Address.Masked().Addr() == address:
		field("address", c.Address.String()+" is the network itself", "write the address that the box has in it")
	}
	mtu := c.WithDefaults().MTU
	least := c.minMTU()
	if mtu < least || mtu > maxMTU {
		field("mtu", fmt.Sprintf("%d octets is out of range", mtu), fmt.Sprintf("write a number from %d to %d", least, maxMTU))
	} else if mss := c.WithDefaults().MSS; mss < minMSS || mss > mtu-c.tcpHeaders() {
		field("mss", fmt.Sprintf("segments of %d octets do not suit an MTU of %d", mss, mtu),
			fmt.Sprintf("write a number from %d to %d", minMSS, mtu-c.tcpHeaders()))
	}
	if c.IPsec == "" {
		field("ipsec", "the tunnel has no IPsec profile and would carry nothing: GRE never leaves in clear", "write the name of an entry under ipsec")
	}
	errs = append(errs, c.validateRoutes()...)
	return errors.Join(append(errs, invalid.In(c.NHRP.validate(c.Address), "nhrp"))...)
}

func (c Config) validateRoutes() []error {
	var errs []error
	seen := make(map[netip.Prefix]bool)
	for i, route := range c.Routes {
		problem, fix := "", ""
		switch {
		case route != route.Masked():
			problem, fix = route.String()+" has bits beyond its length", "write "+route.Masked().String()
		case c.Address.IsValid() && route.Addr().Is4() != c.Address.Addr().Is4():
			problem, fix = route.String()+" is of another family than the tunnel's address", "give the tunnel an address of that family"
		case route.Addr().IsMulticast():
			problem, fix = route.String()+" is multicast, which has no next hop", "mark the server with multicast: true instead"
		case c.intoItself(route):
			problem, fix = route.String()+" leads the tunnel into itself: its servers are behind it in the same VRF", "move the underlay to a VRF of its own"
		case seen[route]:
			problem, fix = route.String()+" is there twice", "remove one"
		case c.Address.IsValid() && route == c.Address.Masked():
			problem, fix = route.String()+" is the tunnel's own network", "remove it: the tunnel's address is the route"
		default:
			seen[route] = true
			continue
		}
		errs = append(errs, invalid.In(&invalid.Error{Problem: problem, Fix: fix}, "routes", strconv.Itoa(i)))
	}
	return errs
}

// intoItself reports whether a route over the tunnel would catch the tunnel's
// own packets, as far as that shows without resolving names.
func (c Config) intoItself(route netip.Prefix) bool {
	return c.Underlay == c.VRF && slices.ContainsFunc(c.NHRP.Servers, func(s Server) bool {
		nbma, err := netip.ParseAddr(s.NBMA)
		return route.Contains(nbma) || err != nil && route.Bits() == 0
	})
}

func (n NHRP) validate(tunnel netip.Prefix) error {
	var errs []error
	if text := n.Authentication.Reveal(); len(text) > nhrp.MaxSecret || !printable(text) {
		// The text itself must not end up in a message.
		errs = append(errs, invalid.Field("authentication",
			fmt.Sprintf("%s holds %d octets, or others than letters, digits and signs", n.Authentication, len(text)),
			fmt.Sprintf("use at most %d of ASCII without blanks, as all servers do", nhrp.MaxSecret)))
	}
	if len(n.Group) > nhrp.MaxGroup || !printable(n.Group) {
		errs = append(errs, invalid.Field("group", fmt.Sprintf("%q cannot be the name of a group", n.Group),
			fmt.Sprintf("use at most %d letters, digits and signs of ASCII without blanks", nhrp.MaxGroup)))
	}
	if len(n.Servers) == 0 {
		errs = append(errs, invalid.Field("servers", "there is no server to register with", "write at least one with its address and nbma"))
	}
	addresses := make(map[netip.Addr]bool)
	nbmas := make(map[string]bool)
	for i, server := range n.Servers {
		errs = append(errs, invalid.Index(server.validate(tunnel), "servers", i))
		if addresses[server.Address] {
			errs = append(errs, invalid.Index(invalid.Field("address", server.Address.String()+" is another server's already", "remove one of the two"), "servers", i))
		}
		if server.NBMA != "" && nbmas[server.NBMA] {
			errs = append(errs, invalid.Index(invalid.Field("nbma", server.NBMA+" is another server's already", "give each server its own"), "servers", i))
		}
		addresses[server.Address] = server.Address.IsValid()
		nbmas[server.NBMA] = true
	}
	return errors.Join(append(errs, n.validateTimes(), n.validateClusters())...)
}

func (n NHRP) validateTimes() error {
	var errs []error
	if t := n.HoldingTime; t != 0 && (t < minHoldingTime || t > maxHoldingTime || t%time.Second != 0) {
		errs = append(errs, invalid.Field("holding-time", t.String()+" is out of range or not whole seconds",
			fmt.Sprintf("write a duration from %s to %s", minHoldingTime, maxHoldingTime)))
	}
	if t := n.RegistrationTimeout; t != 0 && (t < time.Second || t > cmp.Or(n.HoldingTime, defaultHoldingTime)/2 || t%time.Second != 0) {
		errs = append(errs, invalid.Field("registration-timeout", t.String()+" is out of range or not whole seconds",
			fmt.Sprintf("write a duration from 1s to half the holding time, %s", cmp.Or(n.HoldingTime, defaultHoldingTime)/2)))
	}
	if t := n.Fallback; t < 0 || t > maxFallback {
		errs = append(errs, invalid.Field("fallback", t.String()+" is out of range", fmt.Sprintf("write a duration from 0s to %s", maxFallback)))
	}
	return errors.Join(errs...)
}

func (n NHRP) validateClusters() error {
	var errs []error
	seen := make(map[int]bool)
	for i, c := range n.Clusters {
		switch {
		case seen[c.Cluster]:
			errs = append(errs, invalid.Index(invalid.Field("cluster", fmt.Sprintf("cluster %d is there twice", c.Cluster), "remove one"), "clusters", i))
		case !slices.ContainsFunc(n.Servers, func(s Server) bool { return s.Cluster == c.Cluster }):
			errs = append(errs, invalid.Index(invalid.Field("cluster", fmt.Sprintf("no server belongs to cluster %d", c.Cluster), "write the cluster of a server"), "clusters", i))
		case c.MaxConnections < 1 || c.MaxConnections > maxPriority:
			errs = append(errs, invalid.Index(invalid.Field("max-connections", fmt.Sprintf("%d is out of range", c.MaxConnections), fmt.Sprintf("write a number from 1 to %d, or remove the cluster to register with all of its servers", maxPriority)), "clusters", i))
		}
		seen[c.Cluster] = true
	}
	return errors.Join(errs...)
}

func (s Server) validate(tunnel netip.Prefix) error {
	var errs []error
	field := func(name, problem, fix string) { errs = append(errs, invalid.Field(name, problem, fix)) }
	if s.Priority < 0 || s.Priority > maxPriority {
		field("priority", fmt.Sprintf("%d is out of range", s.Priority), fmt.Sprintf("write a number from 0 to %d", maxPriority))
	}
	if s.Cluster < 0 || s.Cluster > maxCluster {
		field("cluster", fmt.Sprintf("%d is out of range", s.Cluster), fmt.Sprintf("write a number from 0 to %d", maxCluster))
	}
	switch {
	case s.Dynamic && s.Address.IsValid():
		field("dynamic", "the server has an address already, so none is learned", "remove one of the two")
	case s.Dynamic:
	case !s.Address.IsValid():
		field("address", "the server has no address in the tunnel", "write its address in the cloud, or dynamic: true to have it learned")
	case !tunnel.IsValid():
	case s.Address == tunnel.Addr():
		field("address", s.Address.String()+" is our own address", "write the server's")
	case !tunnel.Contains(s.Address):
		field("address", fmt.Sprintf("%s lies outside of the tunnel's network %s", s.Address, tunnel.Masked()), "write an address in it, or widen the tunnel's prefix")
	}
	switch address, err := netip.ParseAddr(s.NBMA); {
	case s.NBMA == "":
		field("nbma", "the server has no address on the underlay", "write its public address or name")
	case err == nil && !address.Is4():
		field("nbma", s.NBMA+" is IPv6, and GRE is carried over IPv4", "write an IPv4 address or a name that has one")
	case err == nil && !ordinary(address):
		field("nbma", s.NBMA+" cannot be the address of a server", "write a unicast address")
	case err != nil && !hostName(s.NBMA):
		field("nbma", fmt.Sprintf("%q is neither an address nor a host name", s.NBMA), "write it like 198.51.100.1 or hub1.example.net")
	}
	return errors.Join(errs...)
}

// ordinary reports whether a may be a host's address.
func ordinary(a netip.Addr) bool {
	return !a.IsUnspecified() && !a.IsMulticast() && !a.IsLoopback() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// hostName reports whether s may be the name of a host (RFC 1123, 2.1). A name
// whose last label is a number is a mistyped address.
func hostName(s string) bool {
	if len(s) > 253 {
		return false
	}
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return strings.Trim(labels[len(labels)-1], "0123456789") != ""
}

// printable reports whether s is ASCII without blanks and control characters.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
