package qmi

import "github.com/farspoke/farspoke/cellular/modem"

// RegisterAction is how to find a network.
type RegisterAction uint8

// The ways to find a network.
const (
	RegisterAutomatic RegisterAction = 1
	RegisterManual    RegisterAction = 2
)

// Duration is for how long a preference holds.
type Duration uint8

// The durations of preferences.
const (
	UntilPowerCycle Duration = 0
	Permanent       Duration = 1
)

// ManualNetwork is the network to register with.
type ManualNetwork struct {
	MCC, MNC uint16
	Radio    RadioInterface
}

func walkManualNetwork(c *cursor, v *ManualNetwork) {
	u16(c, &v.MCC)
	u16(c, &v.MNC)
	u8(c, &v.Radio)
}

// RegisterRequest (INITIATE_NETWORK_REGISTER) has the modem register.
type RegisterRequest struct {
	Action   RegisterAction
	Network  *ManualNetwork
	Duration *Duration
	// ThreeDigits: the network's MNC has three digits.
	ThreeDigits *bool
}

// Kind returns NAS 0x0022 request.
func (*RegisterRequest) Kind() Kind { return Kind{NAS, 0x0022, Request} }

func (m *RegisterRequest) walk(f *fields) {
	need(f, 0x01, "action", &m.Action, u8)
	optional(f, 0x10, "network", &m.Network, walkManualNetwork)
	optional(f, 0x11, "duration", &m.Duration, u8)
	optional(f, 0x12, "digits of the MNC", &m.ThreeDigits, flag)
}

// RegisterResponse answers RegisterRequest.
type RegisterResponse struct{ Result }

// Kind returns NAS 0x0022 response.
func (*RegisterResponse) Kind() Kind { return Kind{NAS, 0x0022, Response} }

// Radios is a set of radio technologies.
type Radios uint16

// The sets with one technology.
const (
	UseGSM  Radios = 1 << 2
	UseUMTS Radios = 1 << 3
	UseLTE  Radios = 1 << 4
	UseNR5G Radios = 1 << 6
)

// RoamingPreference is which networks may be used.
type RoamingPreference uint16

// The roaming preferences.
const (
	RoamingOff RoamingPreference = 0x0001
	RoamingAny RoamingPreference = 0x00ff
)

// SelectionMode is who chooses the network.
type SelectionMode uint8

// The ways to choose.
const (
	SelectAutomatic SelectionMode = 0
	SelectManual    SelectionMode = 1
)

// NetworkSelection is who chooses the network, and which it is if we do.
type NetworkSelection struct {
	Mode     SelectionMode
	MCC, MNC uint16
}

func walkNetworkSelection(c *cursor, v *NetworkSelection) {
	u8(c, &v.Mode)
	u16(c, &v.MCC)
	u16(c, &v.MNC)
}

// SetSelectionRequest (SET_SYSTEM_SELECTION_PREFERENCE) sets which networks the
// modem looks for. What is nil stays as it is.
type SetSelectionRequest struct {
	Radios *Radios
	// Bands are those of GSM and UMTS, LTEBands those of LTE: bit 0 is band 1.
	Bands    *uint64
	Roaming  *RoamingPreference
	LTEBands *uint64
	Network  *NetworkSelection
	Duration *Duration
	// Domain is a ServiceDomain less one: 0 calls, 1 packets, 2 both.
	Domain *uint32
	// ThreeDigits: the network's MNC has three digits.
	ThreeDigits *bool
}

// Kind returns NAS 0x0033 request.
func (*SetSelectionRequest) Kind() Kind { return Kind{NAS, 0x0033, Request} }

func (m *SetSelectionRequest) walk(f *fields) {
	optional(f, 0x11, "radios", &m.Radios, u16)
	optional(f, 0x12, "bands", &m.Bands, u64)
	optional(f, 0x14, "roaming preference", &m.Roaming, u16)
	optional(f, 0x15, "LTE bands", &m.LTEBands, u64)
	optional(f, 0x16, "network selection", &m.Network, walkNetworkSelection)
	optional(f, 0x17, "duration", &m.Duration, u8)
	optional(f, 0x18, "service domain", &m.Domain, u32)
	optional(f, 0x1a, "digits of the MNC", &m.ThreeDigits, flag)
}

// SetSelectionResponse answers SetSelectionRequest.
type SetSelectionResponse struct{ Result }

// Kind returns NAS 0x0033 response.
func (*SetSelectionResponse) Kind() Kind { return Kind{NAS, 0x0033, Response} }

// GetSelectionRequest asks which networks the modem looks for.
type GetSelectionRequest struct{ noFields }

// Kind returns NAS 0x0034 request.
func (*GetSelectionRequest) Kind() Kind { return Kind{NAS, 0x0034, Request} }

// GetSelectionResponse says which networks the modem looks for, in the terms of
// [SetSelectionRequest].
type GetSelectionResponse struct {
	Result
	Radios   *Radios
	Bands    *uint64
	Roaming  *RoamingPreference
	LTEBands *uint64
	Mode     *SelectionMode
	Domain   *uint32
	// Network is the one chosen by hand.
	Network *MNCDigits
}

// Kind returns NAS 0x0034 response.
func (*GetSelectionResponse) Kind() Kind { return Kind{NAS, 0x0034, Response} }

func (m *GetSelectionResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x11, "radios", &m.Radios, u16)
	optional(f, 0x12, "bands", &m.Bands, u64)
	optional(f, 0x14, "roaming preference", &m.Roaming, u16)
	optional(f, 0x15, "LTE bands", &m.LTEBands, u64)
	optional(f, 0x16, "network selection", &m.Mode, u8)
	optional(f, 0x18, "service domain", &m.Domain, u32)
	optional(f, 0x1b, "network chosen by hand", &m.Network, walkMNCDigits)
}

// RejectReports is whether NAS tells of rejects.
type RejectReports struct {
	Report bool
	// Suppress: no SystemIndication where nothing but the reject has changed.
	Suppress bool
}

func walkRejectReports(c *cursor, v *RejectReports) {
	flag(c, &v.Report)
	flag(c, &v.Suppress)
}

// SetNetworkEventsRequest (INDICATION_REGISTER) asks NAS for indications. What is
// nil stays as it is.
type SetNetworkEventsRequest struct {
	ServingSystem, System, Signal *bool
	Rejects                       *RejectReports
}

// Kind returns NAS 0x0003 request.
func (*SetNetworkEventsRequest) Kind() Kind { return Kind{NAS, 0x0003, Request} }

func (m *SetNetworkEventsRequest) walk(f *fields) {
	optional(f, 0x13, "serving system reports", &m.ServingSystem, flag)
	optional(f, 0x18, "system reports", &m.System, flag)
	optional(f, 0x19, "signal reports", &m.Signal, flag)
	optional(f, 0x21, "reject reports", &m.Rejects, walkRejectReports)
}

// SetNetworkEventsResponse answers SetNetworkEventsRequest.
type SetNetworkEventsResponse struct{ Result }

// Kind returns NAS 0x0003 response.
func (*SetNetworkEventsResponse) Kind() Kind { return Kind{NAS, 0x0003, Response} }

// RejectIndication tells that a network has said no.
type RejectIndication struct {
	Radio   RadioInterface
	Domain  ServiceDomain
	Cause   modem.RejectCause
	Network *MNCDigits
}

// Kind returns NAS 0x0068 indication.
func (*RejectIndication) Kind() Kind { return Kind{NAS, 0x0068, Indication} }

func (m *RejectIndication) walk(f *fields) {
	need(f, 0x01, "radio interface", &m.Radio, u8)
	need(f, 0x02, "service domain", &m.Domain, u8)
	need(f, 0x03, "reject cause", &m.Cause, u8)
	optional(f, 0x10, "network", &m.Network, walkMNCDigits)
}
