package dmvpn

import (
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhc"
	"github.com/farspoke/farspoke/internal/secret"
)

// Config is one entry of the configuration's tunnels: a DMVPN cloud that the
// box joins as a spoke.
type Config struct {
	Underlay string         `json:"underlay,omitempty" jsonschema:"the front-door VRF that carries the tunnel; the main table if absent"`
	VRF      string         `json:"vrf,omitempty" jsonschema:"the VRF that the tunnel itself belongs to; the main table if absent"`
	Address  netip.Prefix   `json:"address" jsonschema:"our address in the tunnel with the prefix length of the cloud, such as 172.16.100.17/24"`
	Key      *uint32        `json:"key,omitempty" jsonschema:"the GRE key, the same on every member of the cloud; 0 is a key, absent is none"`
	MTU      int            `json:"mtu,omitempty" jsonschema:"largest IP packet in the tunnel in octets (default 1400); where the uplink and the cipher leave less room, that is used"`
	MSS      int            `json:"mss,omitempty" jsonschema:"largest TCP segment that the firewall lets through the tunnel in octets (default 1360, or mtu less the headers if that is smaller)"`
	Zone     string         `json:"zone,omitempty" jsonschema:"the firewall zone the tunnel is a member of"`
	NHRP     NHRP           `json:"nhrp" jsonschema:"how the box finds the other members"`
	IPsec    string         `json:"ipsec" jsonschema:"the IPsec profile that protects the tunnel"`
	Routes   []netip.Prefix `json:"routes,omitempty" jsonschema:"prefixes reached through the first server that is up, and in no other way; 0.0.0.0/0 is only preferred, and gives way while no server is up"`
}

// NHRP is the Next Hop Resolution Protocol's part of a tunnel.
type NHRP struct {
	NetworkID      uint32        `json:"network-id,omitempty" jsonschema:"number of the cloud; it stays on this box and is never sent"`
	Authentication secret.Secret `json:"authentication,omitzero" jsonschema:"the authentication string of the cloud, at most 8 characters"`
	HoldingTime    time.Duration `json:"holding-time,omitempty" jsonschema:"for how long servers keep our registration; it is renewed at a third of it (default 600s)"`
	// RegistrationTimeout is IOS's name for the time between registrations.
	RegistrationTimeout time.Duration `json:"registration-timeout,omitempty" jsonschema:"time between registrations (default a third of what the server grants)"`
	Unique              bool          `json:"unique,omitempty" jsonschema:"whether servers must refuse our tunnel address to anybody else; a box whose public address changes is then refused itself until its former registration expires or is purged"`
	Group               string        `json:"group,omitempty" jsonschema:"the group that the box belongs to, by which servers pick a QoS policy for it; what IOS calls nhrp group"`
	Shortcut            bool          `json:"shortcut,omitempty" jsonschema:"whether direct paths to other spokes are wanted; without, all traffic goes by way of the servers"`
	Servers             []Server      `json:"servers" jsonschema:"the next hop servers (hubs); the box registers with every one of them, or as many as their cluster may have"`
	Clusters            []Cluster     `json:"clusters,omitempty" jsonschema:"how many servers of a cluster to be registered with at a time"`
	Fallback            time.Duration `json:"fallback,omitempty" jsonschema:"how long a server that was down must have been up before it is preferred again (default 0s: at once)"`
}

// Cluster is a group of servers that replace one another.
type Cluster struct {
	Cluster        int `json:"cluster" jsonschema:"number of the cluster, as the servers have it"`
	MaxConnections int `json:"max-connections" jsonschema:"how many of its servers, the best that are up, the box registers with"`
}

// Server is a next hop server: a hub.
type Server struct {
	Address   netip.Addr `json:"address,omitzero" jsonschema:"the server's address in the tunnel; absent if it is dynamic"`
	Dynamic   bool       `json:"dynamic,omitempty" jsonschema:"whether the server's address in the tunnel is learned; every address that the name under nbma has is then a server"`
	NBMA      string     `json:"nbma" jsonschema:"the server's address on the underlay, or a name that is resolved there; of several addresses the next is tried when one fails"`
	Priority  int        `json:"priority,omitempty" jsonschema:"order of the servers of a cluster, lowest first (default 0)"`
	Cluster   int        `json:"cluster,omitempty" jsonschema:"the cluster that the server belongs to (default 0); lower ones are preferred"`
	Multicast bool       `json:"multicast,omitempty" jsonschema:"whether what is multicast into the tunnel goes to this server; without, it goes nowhere"`
}

const (
	// defaultMTU leaves room for GRE, ESP in UDP and a block cipher's padding
	// in the 1500 octets of Ethernet.
	defaultMTU         = 1400
	defaultMSS         = 1360
	defaultHoldingTime = 600 * time.Second
)

// WithDefaults returns c with the default in every field that was left out.
func (c Config) WithDefaults() Config {
	if c.MTU == 0 {
		c.MTU = defaultMTU
	}
	if c.MSS == 0 {
		c.MSS = min(defaultMSS, c.MTU-c.tcpHeaders())
	}
	if c.NHRP.HoldingTime == 0 {
		c.NHRP.HoldingTime = defaultHoldingTime
	}
	return c
}

// tcpHeaders returns the octets of the IP and TCP headers without options.
func (c Config) tcpHeaders() int {
	if c.Address.Addr().Is6() {
		return 60
	}
	return 40
}

// client returns what the Next Hop Client is to work by.
func (c Config) client() nhc.Config {
	n := nhc.Config{
		Address:        c.Address,
		Secret:         c.NHRP.Authentication.Reveal(),
		HoldingTime:    c.NHRP.HoldingTime,
		Interval:       c.NHRP.RegistrationTimeout,
		Unique:         c.NHRP.Unique,
		Group:          c.NHRP.Group,
		MaxConnections: make(map[uint8]int),
		Fallback:       c.NHRP.Fallback,
		Shortcut:       c.NHRP.Shortcut,
		Routes:         c.Routes,
	}
	for _, s := range c.NHRP.Servers {
		n.Servers = append(n.Servers, nhc.Server{
			Address: s.Address, NBMA: s.NBMA, Cluster: uint8(s.Cluster), Priority: uint8(s.Priority), Multicast: s.Multicast,
		})
	}
	for _, cluster := range c.NHRP.Clusters {
		n.MaxConnections[uint8(cluster.Cluster)] = cluster.MaxConnections
	}
	return n
}
