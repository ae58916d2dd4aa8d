package modem

import (
	"fmt"
	"net/netip"
	"slices"
)

// Auth is how a user name is proved to a network.
type Auth uint8

// The ways of authentication.
const (
	// NoAuth: there is no user name.
	NoAuth Auth = iota
	PAP
	CHAP
	// MSCHAPv2 is MBIM's alone.
	MSCHAPv2
)

var authWords = []string{"none", "pap", "chap", "mschapv2"}

// String names the way, as the configuration does.
func (a Auth) String() string { return word(a, authWords...) }

// MarshalText is String.
func (a Auth) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (a *Auth) UnmarshalText(text []byte) error { return unword(a, text, authWords...) }

// Families is which kinds of addresses to ask for.
type Families uint8

// The families.
const (
	// AnyFamily leaves it to the modem.
	AnyFamily Families = iota
	IPv4
	IPv6
	IPv4v6
)

var familyWords = []string{"any", "ipv4", "ipv6", "ipv4v6"}

// String names the families, as the configuration does.
func (f Families) String() string { return word(f, familyWords...) }

// MarshalText is String.
func (f Families) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (f *Families) UnmarshalText(text []byte) error { return unword(f, text, familyWords...) }

// Password is a password for an APN. It does not print.
type Password string

// String hides the password.
func (Password) String() string { return "(password)" }

// GoString hides the password.
func (Password) GoString() string { return "(password)" }

// MarshalText hides the password.
func (Password) MarshalText() ([]byte, error) { return []byte("(password)"), nil }

// APN is which network behind the operator's to connect to, and as whom. An empty
// Name leaves it to the operator.
type APN struct {
	Name     string   `json:"name"`
	User     string   `json:"user,omitempty"`
	Password Password `json:"-"`
	Auth     Auth     `json:"auth,omitempty"`
	Families Families `json:"families,omitempty"`
}

// String names the APN, whose emptiness it says in words, and its families.
func (a APN) String() string {
	name := a.Name
	if name == "" {
		name = "(the network's own)"
	}
	if a.User != "" {
		name += fmt.Sprintf(" as %s by %v", a.User, a.Auth)
	}
	if a.Families != AnyFamily {
		name += fmt.Sprintf(", %v", a.Families)
	}
	return name
}

// Connection is what the network gave to a connection. A family that it did not
// give has no address.
type Connection struct {
	// Address4 and Address6 have the prefix length of the network's choice. The
	// addresses of IPv6 may be incomplete: MBIM and QMI give an interface identifier
	// and often the prefix too, else it comes by a router advertisement.
	Address4, Address6 netip.Prefix
	// Gateway4 and Gateway6 are invalid where the network names none: the link leads
	// to the network by itself.
	Gateway4, Gateway6 netip.Addr
	DNS                []netip.Addr
	// MTU is the largest IP packet in octets, 0 where the network does not say. The
	// smaller one, if it differs by family.
	MTU int
	// APN is the one the network connected us to, where it says.
	APN string
	// DHCP: the addresses of IPv4 that hold on the link are to be had by DHCP. The
	// modem is a router of its own then, and Address4 is one that it keeps to itself.
	DHCP bool
}

// Equal reports whether c and o are the same.
func (c Connection) Equal(o Connection) bool {
	return c.Address4 == o.Address4 && c.Address6 == o.Address6 && c.Gateway4 == o.Gateway4 && c.Gateway6 == o.Gateway6 &&
		slices.Equal(c.DNS, o.DNS) && c.MTU == o.MTU && c.APN == o.APN && c.DHCP == o.DHCP
}

// Counters count a connection's traffic.
type Counters struct {
	OctetsIn, OctetsOut   uint64
	PacketsIn, PacketsOut uint64
}
