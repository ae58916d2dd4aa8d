package qmi

import "fmt"

// IPFamily is a family of addresses. A call has one: dual stack is two calls of
// two clients.
type IPFamily uint8

// The IP families.
const (
	FamilyIPv4        IPFamily = 4
	FamilyIPv6        IPFamily = 6
	FamilyUnspecified IPFamily = 8
)

// String names the family.
func (f IPFamily) String() string {
	switch f {
	case FamilyIPv4:
		return "IPv4"
	case FamilyIPv6:
		return "IPv6"
	case FamilyUnspecified:
		return "unspecified"
	}
	return fmt.Sprintf("IP family %d", uint8(f))
}

// Auth is a set of ways to prove a user name.
type Auth uint8

// The sets with one way.
const (
	AuthNone Auth = 0
	AuthPAP  Auth = 1 << 0
	AuthCHAP Auth = 1 << 1
)

// Handle is a call. Only the client that has started it can stop it.
type Handle uint32

// StartNetworkRequest starts a data call. What is nil is up to the modem's
// profile; an empty APN is another thing than none.
type StartNetworkRequest struct {
	APN      *string
	Auth     *Auth
	User     *string
	Password *Password
	Family   *IPFamily
	// Profile is the number of the modem's 3GPP profile to start from.
	Profile *uint8
}

// Kind returns WDS 0x0020 request.
func (*StartNetworkRequest) Kind() Kind { return Kind{WDS, 0x0020, Request} }

func (m *StartNetworkRequest) walk(f *fields) {
	optional(f, 0x14, "APN", &m.APN, text)
	optional(f, 0x16, "authentication", &m.Auth, u8)
	optional(f, 0x17, "user", &m.User, text)
	optional(f, 0x18, "password", &m.Password, text)
	optional(f, 0x19, "IP family", &m.Family, u8)
	optional(f, 0x31, "profile", &m.Profile, u8)
}

// StartNetworkResponse has the call's handle, or why there is none. It comes
// when the network has answered, which may take minutes.
type StartNetworkResponse struct {
	Result
	Handle  Handle
	Reason  *CallEndReason
	Verbose *VerboseCallEndReason
}

// Kind returns WDS 0x0020 response.
func (*StartNetworkResponse) Kind() Kind { return Kind{WDS, 0x0020, Response} }

func (m *StartNetworkResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "handle", &m.Handle, u32)
	optional(f, 0x10, "call end reason", &m.Reason, u16)
	optional(f, 0x11, "verbose call end reason", &m.Verbose, walkVerbose)
}

// StopNetworkRequest ends a data call.
type StopNetworkRequest struct {
	Handle Handle
	// DisableAutoconnect keeps the modem from starting the call again by itself.
	DisableAutoconnect *bool
}

// Kind returns WDS 0x0021 request.
func (*StopNetworkRequest) Kind() Kind { return Kind{WDS, 0x0021, Request} }

func (m *StopNetworkRequest) walk(f *fields) {
	need(f, 0x01, "handle", &m.Handle, u32)
	optional(f, 0x10, "disable autoconnect", &m.DisableAutoconnect, flag)
}

// StopNetworkResponse answers StopNetworkRequest.
type StopNetworkResponse struct{ Result }

// Kind returns WDS 0x0021 response.
func (*StopNetworkResponse) Kind() Kind { return Kind{WDS, 0x0021, Response} }

// ConnectionStatus is how far a call is.
type ConnectionStatus uint8

// The connection statuses.
const (
	Disconnected   ConnectionStatus = 1
	Connected      ConnectionStatus = 2
	Suspended      ConnectionStatus = 3
	Authenticating ConnectionStatus = 4
)

var connectionNames = []string{"unknown", "disconnected", "connected", "suspended", "authenticating"}

// String names the status.
func (s ConnectionStatus) String() string {
	if int(s) < len(connectionNames) {
		return connectionNames[s]
	}
	return fmt.Sprintf("connection status %d", uint8(s))
}

// GetPacketStatusRequest (GET_PKT_SRVC_STATUS) asks for the client's call.
type GetPacketStatusRequest struct{ noFields }

// Kind returns WDS 0x0022 request.
func (*GetPacketStatusRequest) Kind() Kind { return Kind{WDS, 0x0022, Request} }

// GetPacketStatusResponse says how far the client's call is.
type GetPacketStatusResponse struct {
	Result
	Status ConnectionStatus
}

// Kind returns WDS 0x0022 response.
func (*GetPacketStatusResponse) Kind() Kind { return Kind{WDS, 0x0022, Response} }

func (m *GetPacketStatusResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "connection status", &m.Status, u8)
}

// PacketStatus is how far a call is, as the indication tells it.
type PacketStatus struct {
	Status ConnectionStatus
	// Reconfigure: the address has changed, settings are to be asked for again.
	Reconfigure bool
}

func walkPacketStatus(c *cursor, v *PacketStatus) {
	u8(c, &v.Status)
	flag(c, &v.Reconfigure)
}

// PacketStatusIndication tells what has become of a call, and why.
type PacketStatusIndication struct {
	Status  PacketStatus
	Reason  *CallEndReason
	Verbose *VerboseCallEndReason
	Family  *IPFamily
}

// Kind returns WDS 0x0022 indication.
func (*PacketStatusIndication) Kind() Kind { return Kind{WDS, 0x0022, Indication} }

func (m *PacketStatusIndication) walk(f *fields) {
	need(f, 0x01, "connection status", &m.Status, walkPacketStatus)
	optional(f, 0x10, "call end reason", &m.Reason, u16)
	optional(f, 0x11, "verbose call end reason", &m.Verbose, walkVerbose)
	optional(f, 0x12, "IP family", &m.Family, u8)
}

// SetIPFamilyRequest says which family the client's call will have.
type SetIPFamilyRequest struct {
	Family IPFamily
}

// Kind returns WDS 0x004d request.
func (*SetIPFamilyRequest) Kind() Kind { return Kind{WDS, 0x004d, Request} }

func (m *SetIPFamilyRequest) walk(f *fields) { need(f, 0x01, "IP family", &m.Family, u8) }

// SetIPFamilyResponse answers SetIPFamilyRequest.
type SetIPFamilyResponse struct{ Result }

// Kind returns WDS 0x004d response.
func (*SetIPFamilyResponse) Kind() Kind { return Kind{WDS, 0x004d, Response} }

// EndpointType is the bus between host and modem.
type EndpointType uint32

// The types of endpoints.
const (
	EndpointUSB      EndpointType = 2
	EndpointPCIe     EndpointType = 3
	EndpointEmbedded EndpointType = 4
)

// Endpoint is the data path between host and modem.
type Endpoint struct {
	Type EndpointType
	// Interface is the number of the USB interface.
	Interface uint32
}

func walkEndpoint(c *cursor, v *Endpoint) {
	u32(c, &v.Type)
	u32(c, &v.Interface)
}

// CallClient is where a client of WDS is.
type CallClient uint32

// ClientOutside is a host outside of the modem (tethered).
const ClientOutside CallClient = 1

// BindMuxPortRequest puts the client's call on a channel of a data path that
// carries several (QMAP).
type BindMuxPortRequest struct {
	Endpoint *Endpoint
	Mux      *uint8
	Client   *CallClient
}

// Kind returns WDS 0x00a2 request.
func (*BindMuxPortRequest) Kind() Kind { return Kind{WDS, 0x00a2, Request} }

func (m *BindMuxPortRequest) walk(f *fields) {
	optional(f, 0x10, "endpoint", &m.Endpoint, walkEndpoint)
	optional(f, 0x11, "mux id", &m.Mux, u8)
	optional(f, 0x13, "type of client", &m.Client, u32)
}

// BindMuxPortResponse answers BindMuxPortRequest.
type BindMuxPortResponse struct{ Result }

// Kind returns WDS 0x00a2 response.
func (*BindMuxPortResponse) Kind() Kind { return Kind{WDS, 0x00a2, Response} }
