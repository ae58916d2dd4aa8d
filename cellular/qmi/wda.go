package qmi

// LinkLayer is how a packet is framed between host and modem.
type LinkLayer uint32

// The link layers.
const (
	LinkUnknown  LinkLayer = 0
	LinkEthernet LinkLayer = 1
	// LinkRawIP has no frame; the kernel's qmi_wwan is to be told (raw_ip).
	LinkRawIP LinkLayer = 2
)

// Aggregation is how packets share a transfer.
type Aggregation uint32

// The ways of aggregation.
const (
	AggregationNone   Aggregation = 0
	AggregationQMAP   Aggregation = 5
	AggregationQMAPv4 Aggregation = 8
	AggregationQMAPv5 Aggregation = 9
)

// DataFormat is how packets go between host and modem. What is nil is up to the
// modem, or not known.
type DataFormat struct {
	// QoS puts a header for quality of service before each packet.
	QoS      *bool
	Link     *LinkLayer
	Up, Down *Aggregation
	// DownPackets and DownSize limit an aggregate from the modem, in packets and in
	// octets.
	DownPackets, DownSize *uint32
}

func (m *DataFormat) walk(f *fields) {
	optional(f, 0x10, "QoS header", &m.QoS, flag)
	optional(f, 0x11, "link layer", &m.Link, u32)
	optional(f, 0x12, "aggregation up", &m.Up, u32)
	optional(f, 0x13, "aggregation down", &m.Down, u32)
	optional(f, 0x15, "packets of an aggregate down", &m.DownPackets, u32)
	optional(f, 0x16, "octets of an aggregate down", &m.DownSize, u32)
}

// SetDataFormatRequest sets how packets go between host and modem.
type SetDataFormatRequest struct {
	Format DataFormat
	// Endpoint is the data path that is meant.
	Endpoint *Endpoint
}

// Kind returns WDA 0x0020 request.
func (*SetDataFormatRequest) Kind() Kind { return Kind{WDA, 0x0020, Request} }

func (m *SetDataFormatRequest) walk(f *fields) {
	m.Format.walk(f)
	optional(f, 0x17, "endpoint", &m.Endpoint, walkEndpoint)
}

// SetDataFormatResponse says what is in force, which may be something else.
type SetDataFormatResponse struct {
	Result
	Format DataFormat
}

// Kind returns WDA 0x0020 response.
func (*SetDataFormatResponse) Kind() Kind { return Kind{WDA, 0x0020, Response} }

func (m *SetDataFormatResponse) walk(f *fields) {
	m.Result.walk(f)
	m.Format.walk(f)
}

// GetDataFormatRequest asks how packets go between host and modem.
type GetDataFormatRequest struct {
	Endpoint *Endpoint
}

// Kind returns WDA 0x0021 request.
func (*GetDataFormatRequest) Kind() Kind { return Kind{WDA, 0x0021, Request} }

func (m *GetDataFormatRequest) walk(f *fields) {
	optional(f, 0x10, "endpoint", &m.Endpoint, walkEndpoint)
}

// GetDataFormatResponse says how packets go between host and modem.
type GetDataFormatResponse struct {
	Result
	Format DataFormat
}

// Kind returns WDA 0x0021 response.
func (*GetDataFormatResponse) Kind() Kind { return Kind{WDA, 0x0021, Response} }

func (m *GetDataFormatResponse) walk(f *fields) {
	m.Result.walk(f)
	m.Format.walk(f)
}
