package qmi

// The messages of CTL. Its client id is always 0.

// SyncRequest frees all client ids, those too that a former run has leaked. It
// goes first.
type SyncRequest struct{ noFields }

// Kind returns CTL 0x0027 request.
func (*SyncRequest) Kind() Kind { return Kind{CTL, 0x0027, Request} }

// SyncResponse answers SyncRequest.
type SyncResponse struct{ Result }

// Kind returns CTL 0x0027 response.
func (*SyncResponse) Kind() Kind { return Kind{CTL, 0x0027, Response} }

// SyncIndication tells that the modem has started anew: all client ids are gone.
type SyncIndication struct{ noFields }

// Kind returns CTL 0x0027 indication.
func (*SyncIndication) Kind() Kind { return Kind{CTL, 0x0027, Indication} }

// GetVersionInfoRequest asks which services there are.
type GetVersionInfoRequest struct{ noFields }

// Kind returns CTL 0x0021 request.
func (*GetVersionInfoRequest) Kind() Kind { return Kind{CTL, 0x0021, Request} }

// ServiceVersion is a service that the modem has.
type ServiceVersion struct {
	Service      Service
	Major, Minor uint16
}

func walkServiceVersion(c *cursor, v *ServiceVersion) {
	u8(c, &v.Service)
	u16(c, &v.Major)
	u16(c, &v.Minor)
}

// GetVersionInfoResponse lists the modem's services.
type GetVersionInfoResponse struct {
	Result
	Services []ServiceVersion
}

// Kind returns CTL 0x0021 response.
func (*GetVersionInfoResponse) Kind() Kind { return Kind{CTL, 0x0021, Response} }

func (m *GetVersionInfoResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "services", &m.Services, func(c *cursor, v *[]ServiceVersion) { list8(c, v, walkServiceVersion) })
}

// ClientID is a client id of a service. They are the service's own: the same
// number of another service is another client.
type ClientID struct {
	Service Service
	Client  uint8
}

func walkClientID(c *cursor, v *ClientID) {
	u8(c, &v.Service)
	u8(c, &v.Client)
}

// GetClientIDRequest asks for a client id of a service.
type GetClientIDRequest struct {
	Service Service
}

// Kind returns CTL 0x0022 request.
func (*GetClientIDRequest) Kind() Kind { return Kind{CTL, 0x0022, Request} }

func (m *GetClientIDRequest) walk(f *fields) { need(f, 0x01, "service", &m.Service, u8) }

// GetClientIDResponse brings the client id.
type GetClientIDResponse struct {
	Result
	ID ClientID
}

// Kind returns CTL 0x0022 response.
func (*GetClientIDResponse) Kind() Kind { return Kind{CTL, 0x0022, Response} }

func (m *GetClientIDResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "client id", &m.ID, walkClientID)
}

// ReleaseClientIDRequest gives a client id back.
type ReleaseClientIDRequest struct {
	ID ClientID
}

// Kind returns CTL 0x0023 request.
func (*ReleaseClientIDRequest) Kind() Kind { return Kind{CTL, 0x0023, Request} }

func (m *ReleaseClientIDRequest) walk(f *fields) { need(f, 0x01, "client id", &m.ID, walkClientID) }

// ReleaseClientIDResponse says which client id is free now.
type ReleaseClientIDResponse struct {
	Result
	ID ClientID
}

// Kind returns CTL 0x0023 response.
func (*ReleaseClientIDResponse) Kind() Kind { return Kind{CTL, 0x0023, Response} }

func (m *ReleaseClientIDResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "client id", &m.ID, walkClientID)
}

// LinkProtocol is a bit for how packets are framed, in CTL's older way of setting
// that; WDA's is [LinkLayer].
type LinkProtocol uint16

// The link protocols.
const (
	LinkProtocol8023 LinkProtocol = 1
	LinkProtocolIP   LinkProtocol = 2
)

// SetLinkFormatRequest (SET_DATA_FORMAT) sets how packets are framed on a modem
// that has no WDA.
type SetLinkFormatRequest struct {
	// QoS puts a header for quality of service before each packet.
	QoS      bool
	Protocol *LinkProtocol
}

// Kind returns CTL 0x0026 request.
func (*SetLinkFormatRequest) Kind() Kind { return Kind{CTL, 0x0026, Request} }

func (m *SetLinkFormatRequest) walk(f *fields) {
	need(f, 0x01, "QoS header", &m.QoS, flag)
	optional(f, 0x10, "link protocol", &m.Protocol, u16)
}

// SetLinkFormatResponse says which framing is in force.
type SetLinkFormatResponse struct {
	Result
	Protocol *LinkProtocol
}

// Kind returns CTL 0x0026 response.
func (*SetLinkFormatResponse) Kind() Kind { return Kind{CTL, 0x0026, Response} }

func (m *SetLinkFormatResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "link protocol", &m.Protocol, u16)
}
