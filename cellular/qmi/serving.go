package qmi

import "fmt"

// RegistrationState is whether a network serves the modem.
type RegistrationState uint8

// The registration states.
const (
	NotRegistered       RegistrationState = 0
	Registered          RegistrationState = 1
	Searching           RegistrationState = 2
	RegistrationDenied  RegistrationState = 3
	RegistrationUnknown RegistrationState = 4
)

var registrationNames = []string{"not registered", "registered", "searching", "denied", "unknown"}

// String names the state.
func (s RegistrationState) String() string {
	if int(s) < len(registrationNames) {
		return registrationNames[s]
	}
	return fmt.Sprintf("registration state %d", uint8(s))
}

// AttachState is whether a domain of the network serves the modem.
type AttachState uint8

// The attach states.
const (
	AttachUnknown AttachState = 0
	Attached      AttachState = 1
	Detached      AttachState = 2
)

// ServingNetwork is how a network serves the modem.
type ServingNetwork struct {
	State RegistrationState
	// CS and PS are attachment for calls and for packets.
	CS, PS AttachState
	// Selected is 2 for a 3GPP network, 1 for CDMA, 0 for neither.
	Selected uint8
	Radios   []RadioInterface
}

func walkServingNetwork(c *cursor, v *ServingNetwork) {
	u8(c, &v.State)
	u8(c, &v.CS)
	u8(c, &v.PS)
	u8(c, &v.Selected)
	list8(c, &v.Radios, u8)
}

// RoamingIndicator is whether the serving network is another than that of the
// SIM. Mind the order: home is 1.
type RoamingIndicator uint8

// The roaming indicators of the serving system.
const (
	Roaming RoamingIndicator = 0
	Home    RoamingIndicator = 1
)

// PLMN is a network by its numbers and name. How many digits the MNC has, 2 or
// 3, it does not say: see [MNCDigits].
type PLMN struct {
	MCC, MNC uint16
	Name     string
}

func walkPLMN(c *cursor, v *PLMN) {
	u16(c, &v.MCC)
	u16(c, &v.MNC)
	text8(c, &v.Name)
}

// MNCDigits tells networks apart whose numbers differ in the digits of the MNC
// alone.
type MNCDigits struct {
	MCC, MNC uint16
	// Three: the MNC has three digits, leading zeros included.
	Three bool
}

func walkMNCDigits(c *cursor, v *MNCDigits) {
	u16(c, &v.MCC)
	u16(c, &v.MNC)
	flag(c, &v.Three)
}

// String writes the network's number with all its digits.
func (d MNCDigits) String() string {
	if d.Three {
		return fmt.Sprintf("%03d%03d", d.MCC, d.MNC)
	}
	return fmt.Sprintf("%03d%02d", d.MCC, d.MNC)
}

// ServiceStatus is how much service there is.
type ServiceStatus uint8

// The service statuses.
const (
	NoService              ServiceStatus = 0
	LimitedService         ServiceStatus = 1
	FullService            ServiceStatus = 2
	LimitedRegionalService ServiceStatus = 3
	PowerSave              ServiceStatus = 4
	PowerSaveInDeepSleep   ServiceStatus = 5
)

// DetailedStatus is how much service there is, and for what.
type DetailedStatus struct {
	Status ServiceStatus
	Domain ServiceDomain
	// HDRStatus and HDRHybrid are CDMA's.
	HDRStatus ServiceStatus
	HDRHybrid bool
	// Forbidden: the network has refused this SIM.
	Forbidden bool
}

func walkDetailedStatus(c *cursor, v *DetailedStatus) {
	u8(c, &v.Status)
	u8(c, &v.Domain)
	u8(c, &v.HDRStatus)
	flag(c, &v.HDRHybrid)
	flag(c, &v.Forbidden)
}

// ServingSystem is all about the network that serves the modem.
type ServingSystem struct {
	Network  ServingNetwork
	Roaming  *RoamingIndicator
	PLMN     *PLMN
	LAC      *uint16
	Cell     *uint32
	Detailed *DetailedStatus
	// TAC is the tracking area of LTE.
	TAC       *uint16
	MNCDigits *MNCDigits
}

// servingTLVs are the types of the TLVs that the indication numbers otherwise
// than the response.
type servingTLVs struct{ lac, cell, detailed, tac, digits uint8 }

func (m *ServingSystem) walk(f *fields, t servingTLVs) {
	need(f, 0x01, "serving network", &m.Network, walkServingNetwork)
	optional(f, 0x10, "roaming indicator", &m.Roaming, u8)
	optional(f, 0x12, "PLMN", &m.PLMN, walkPLMN)
	optional(f, t.lac, "location area", &m.LAC, u16)
	optional(f, t.cell, "cell", &m.Cell, u32)
	optional(f, t.detailed, "detailed status", &m.Detailed, walkDetailedStatus)
	optional(f, t.tac, "tracking area", &m.TAC, u16)
	optional(f, t.digits, "digits of the MNC", &m.MNCDigits, walkMNCDigits)
}

// GetServingSystemRequest asks for the network that serves the modem.
type GetServingSystemRequest struct{ noFields }

// Kind returns NAS 0x0024 request.
func (*GetServingSystemRequest) Kind() Kind { return Kind{NAS, 0x0024, Request} }

// GetServingSystemResponse has the network that serves the modem.
type GetServingSystemResponse struct {
	Result
	System ServingSystem
}

// Kind returns NAS 0x0024 response.
func (*GetServingSystemResponse) Kind() Kind { return Kind{NAS, 0x0024, Response} }

func (m *GetServingSystemResponse) walk(f *fields) {
	m.Result.walk(f)
	m.System.walk(f, servingTLVs{lac: 0x1c, cell: 0x1d, detailed: 0x21, tac: 0x24, digits: 0x27})
}

// ServingSystemIndication tells the network when it changes.
type ServingSystemIndication struct {
	System ServingSystem
}

// Kind returns NAS 0x0024 indication.
func (*ServingSystemIndication) Kind() Kind { return Kind{NAS, 0x0024, Indication} }

func (m *ServingSystemIndication) walk(f *fields) {
	m.System.walk(f, servingTLVs{lac: 0x1d, cell: 0x1e, detailed: 0x22, tac: 0x25, digits: 0x29})
}
