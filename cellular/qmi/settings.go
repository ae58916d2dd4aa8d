package qmi

import "net/netip"

// Settings is a set of things to ask for.
type Settings uint32

// The sets with one thing.
const (
	SettingProfile Settings = 1 << 0
	SettingAPN     Settings = 1 << 3
	SettingDNS     Settings = 1 << 4
	SettingAddress Settings = 1 << 8
	SettingGateway Settings = 1 << 9
	SettingMTU     Settings = 1 << 13
	SettingFamily  Settings = 1 << 15
)

// GetSettingsRequest (GET_CURRENT_SETTINGS) asks for the addresses of the
// client's call.
type GetSettingsRequest struct {
	Wanted *Settings
}

// Kind returns WDS 0x002d request.
func (*GetSettingsRequest) Kind() Kind { return Kind{WDS, 0x002d, Request} }

func (m *GetSettingsRequest) walk(f *fields) { optional(f, 0x10, "settings", &m.Wanted, u32) }

// IPv4Settings are the addresses of an IPv4 call. Mask is that of the network
// between host and modem, which the modem makes up.
type IPv4Settings struct {
	Address, Gateway, Mask *netip.Addr
	DNS1, DNS2             *netip.Addr
}

func (m *IPv4Settings) walk(f *fields) {
	optional(f, 0x15, "first IPv4 DNS server", &m.DNS1, ipv4)
	optional(f, 0x16, "second IPv4 DNS server", &m.DNS2, ipv4)
	optional(f, 0x1e, "IPv4 address", &m.Address, ipv4)
	optional(f, 0x20, "IPv4 gateway", &m.Gateway, ipv4)
	optional(f, 0x21, "IPv4 mask", &m.Mask, ipv4)
}

// IPv6Settings are the addresses of an IPv6 call.
type IPv6Settings struct {
	Address, Gateway *netip.Prefix
	DNS1, DNS2       *netip.Addr
}

func (m *IPv6Settings) walk(f *fields) {
	optional(f, 0x25, "IPv6 address", &m.Address, ipv6Prefix)
	optional(f, 0x26, "IPv6 gateway", &m.Gateway, ipv6Prefix)
	optional(f, 0x27, "first IPv6 DNS server", &m.DNS1, ipv6)
	optional(f, 0x28, "second IPv6 DNS server", &m.DNS2, ipv6)
}

// GetSettingsResponse has the addresses of the client's call, of its family only.
type GetSettingsResponse struct {
	Result
	APN  *string
	IPv4 IPv4Settings
	IPv6 IPv6Settings
	// MTU is the network's, in octets.
	MTU    *uint32
	Family *IPFamily
}

// Kind returns WDS 0x002d response.
func (*GetSettingsResponse) Kind() Kind { return Kind{WDS, 0x002d, Response} }

func (m *GetSettingsResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x14, "APN", &m.APN, text)
	m.IPv4.walk(f)
	m.IPv6.walk(f)
	optional(f, 0x29, "MTU", &m.MTU, u32)
	optional(f, 0x2b, "IP family", &m.Family, u8)
}
