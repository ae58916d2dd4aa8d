package qmi

// Counts is a set of counts of a call's traffic to ask for.
type Counts uint32

// The sets with one count.
const (
	CountPacketsSent     Counts = 1 << 0
	CountPacketsReceived Counts = 1 << 1
	CountOctetsSent      Counts = 1 << 6
	CountOctetsReceived  Counts = 1 << 7
)

// GetStatisticsRequest (GET_PACKET_STATISTICS) asks what the client's call has
// carried.
type GetStatisticsRequest struct {
	Counts Counts
}

// Kind returns WDS 0x0024 request.
func (*GetStatisticsRequest) Kind() Kind { return Kind{WDS, 0x0024, Request} }

func (m *GetStatisticsRequest) walk(f *fields) { need(f, 0x01, "counts", &m.Counts, u32) }

// GetStatisticsResponse has what the client's call has carried since it started.
// Packets of 0xffffffff are not known.
type GetStatisticsResponse struct {
	Result
	PacketsSent, PacketsReceived *uint32
	OctetsSent, OctetsReceived   *uint64
}

// Kind returns WDS 0x0024 response.
func (*GetStatisticsResponse) Kind() Kind { return Kind{WDS, 0x0024, Response} }

func (m *GetStatisticsResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "packets sent", &m.PacketsSent, u32)
	optional(f, 0x11, "packets received", &m.PacketsReceived, u32)
	optional(f, 0x19, "octets sent", &m.OctetsSent, u64)
	optional(f, 0x1a, "octets received", &m.OctetsReceived, u64)
}
