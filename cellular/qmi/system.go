package qmi

import "github.com/farspoke/farspoke/cellular/modem"

// ServiceDomain is what a network serves: calls, packets or both.
type ServiceDomain uint8

// The service domains.
const (
	DomainNone    ServiceDomain = 0
	DomainCS      ServiceDomain = 1
	DomainPS      ServiceDomain = 2
	DomainBoth    ServiceDomain = 3
	DomainUnknown ServiceDomain = 4
)

// RadioStatus is how much service a radio interface has.
type RadioStatus struct {
	Status, TrueStatus ServiceStatus
	// Preferred: packets go this way.
	Preferred bool
}

func walkRadioStatus(c *cursor, v *RadioStatus) {
	u8(c, &v.Status)
	u8(c, &v.TrueStatus)
	flag(c, &v.Preferred)
}

// Reject is the network's no to registration.
type Reject struct {
	Domain ServiceDomain
	Cause  modem.RejectCause
}

func walkReject(c *cursor, v *Reject) {
	u8(c, &v.Domain)
	u8(c, &v.Cause)
}

// NetworkID is a network by its digits, MNC with all it has.
type NetworkID struct {
	MCC, MNC string
}

func walkNetworkID(c *cursor, v *NetworkID) {
	digits(c, &v.MCC)
	digits(c, &v.MNC)
}

// digits is up to three digits, filled up with 0xff.
func digits(c *cursor, v *string) {
	const size, filler = 3, 0xff
	if !c.writing {
		b := c.take(size)
		for len(b) > 0 && b[len(b)-1] == filler {
			b = b[:len(b)-1]
		}
		*v = string(b)
		return
	}
	if len(*v) > size {
		c.fail("%q has more than %d digits", *v, size)
		return
	}
	c.b = append(c.b, *v...)
	for range size - len(*v) {
		c.b = append(c.b, filler)
	}
}

// RadioSystem is the network that serves the modem by one radio interface. What is
// not known is nil.
type RadioSystem struct {
	// Domain is what the network serves now, Capability what it could.
	Domain, Capability *ServiceDomain
	// Roaming: 0 at home, else roaming. Mind the order: it is not that of
	// [RoamingIndicator].
	Roaming   *uint8
	Forbidden *bool
	LAC       *uint16
	Cell      *uint32
	Reject    *Reject
	Network   *NetworkID
	// TAC is LTE's; 5G has a longer one beside.
	TAC *uint16
}

// walkCommonSystem goes over what all radio interfaces begin with.
func walkCommonSystem(c *cursor, v *RadioSystem) {
	known(c, &v.Domain, u8)
	known(c, &v.Capability, u8)
	known(c, &v.Roaming, u8)
	known(c, &v.Forbidden, flag)
	known(c, &v.LAC, u16)
	known(c, &v.Cell, u32)
	known(c, &v.Reject, walkReject)
	known(c, &v.Network, walkNetworkID)
}

// walkRadioSystem is LTE's and 5G's.
func walkRadioSystem(c *cursor, v *RadioSystem) {
	walkCommonSystem(c, v)
	known(c, &v.TAC, u16)
}

// walkGSMSystem ends in GPRS features, which are passed over.
func walkGSMSystem(c *cursor, v *RadioSystem) {
	walkCommonSystem(c, v)
	unused(c, 2*2)
}

// walkWCDMASystem ends in high speed features and the scrambling code, which are
// passed over.
func walkWCDMASystem(c *cursor, v *RadioSystem) {
	walkCommonSystem(c, v)
	unused(c, 2*2+3)
}

// System is all about the radio interfaces and their networks.
type System struct {
	GSM, WCDMA, LTE, NR5G                         *RadioStatus
	GSMSystem, WCDMASystem, LTESystem, NR5GSystem *RadioSystem
	// NR5GTAC is the tracking area of 5G.
	NR5GTAC *uint32
}

// systemTLVs are the types of the TLVs that the indication numbers otherwise
// than the response.
type systemTLVs struct{ nr5g, nr5gSystem, nr5gTAC uint8 }

func (m *System) walk(f *fields, t systemTLVs) {
	optional(f, 0x12, "GSM status", &m.GSM, walkRadioStatus)
	optional(f, 0x13, "WCDMA status", &m.WCDMA, walkRadioStatus)
	optional(f, 0x14, "LTE status", &m.LTE, walkRadioStatus)
	optional(f, 0x17, "GSM system", &m.GSMSystem, walkGSMSystem)
	optional(f, 0x18, "WCDMA system", &m.WCDMASystem, walkWCDMASystem)
	optional(f, 0x19, "LTE system", &m.LTESystem, walkRadioSystem)
	optional(f, t.nr5g, "5G status", &m.NR5G, walkRadioStatus)
	optional(f, t.nr5gSystem, "5G system", &m.NR5GSystem, walkRadioSystem)
	optional(f, t.nr5gTAC, "5G tracking area", &m.NR5GTAC, u24)
}

// GetSystemRequest (GET_SYS_INFO) asks for the radio interfaces' networks.
type GetSystemRequest struct{ noFields }

// Kind returns NAS 0x004d request.
func (*GetSystemRequest) Kind() Kind { return Kind{NAS, 0x004d, Request} }

// GetSystemResponse has the radio interfaces' networks.
type GetSystemResponse struct {
	Result
	System System
}

// Kind returns NAS 0x004d response.
func (*GetSystemResponse) Kind() Kind { return Kind{NAS, 0x004d, Response} }

func (m *GetSystemResponse) walk(f *fields) {
	m.Result.walk(f)
	m.System.walk(f, systemTLVs{nr5g: 0x4a, nr5gSystem: 0x4b, nr5gTAC: 0x50})
}

// SystemIndication tells the radio interfaces' networks when they change.
type SystemIndication struct {
	System System
}

// Kind returns NAS 0x004e indication.
func (*SystemIndication) Kind() Kind { return Kind{NAS, 0x004e, Indication} }

func (m *SystemIndication) walk(f *fields) {
	m.System.walk(f, systemTLVs{nr5g: 0x4c, nr5gSystem: 0x4d, nr5gTAC: 0x52})
}
