package qmi

import "fmt"

// OperatingMode is whether the modem uses its radio.
type OperatingMode uint8

// The operating modes.
const (
	ModeOnline             OperatingMode = 0
	ModeLowPower           OperatingMode = 1
	ModeFactoryTest        OperatingMode = 2
	ModeOffline            OperatingMode = 3
	ModeResetting          OperatingMode = 4
	ModeShuttingDown       OperatingMode = 5
	ModePersistentLowPower OperatingMode = 6
	ModeOnlyLowPower       OperatingMode = 7
)

var modeNames = []string{"online", "low power", "factory test", "offline", "resetting", "shutting down", "persistent low power", "only low power"}

// String names the mode.
func (m OperatingMode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("operating mode %d", uint8(m))
}

// GetOperatingModeRequest asks for the operating mode.
type GetOperatingModeRequest struct{ noFields }

// Kind returns DMS 0x002d request.
func (*GetOperatingModeRequest) Kind() Kind { return Kind{DMS, 0x002d, Request} }

// GetOperatingModeResponse has the operating mode.
type GetOperatingModeResponse struct {
	Result
	Mode OperatingMode
	// OfflineReason is a set of bits: 1 host image misconfigured, 2 firmware image
	// misconfigured, 4 versions do not match, 8 configuration memory full.
	OfflineReason *uint16
	// HardwareRestricted: a switch on the case or the slot keeps the radio off.
	HardwareRestricted *bool
}

// Kind returns DMS 0x002d response.
func (*GetOperatingModeResponse) Kind() Kind { return Kind{DMS, 0x002d, Response} }

func (m *GetOperatingModeResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "operating mode", &m.Mode, u8)
	optional(f, 0x10, "offline reason", &m.OfflineReason, u16)
	optional(f, 0x11, "hardware restriction", &m.HardwareRestricted, flag)
}

// SetOperatingModeRequest sets the operating mode. ModeResetting restarts the
// modem, from ModeOffline alone.
type SetOperatingModeRequest struct {
	Mode OperatingMode
}

// Kind returns DMS 0x002e request.
func (*SetOperatingModeRequest) Kind() Kind { return Kind{DMS, 0x002e, Request} }

func (m *SetOperatingModeRequest) walk(f *fields) { need(f, 0x01, "operating mode", &m.Mode, u8) }

// SetOperatingModeResponse answers SetOperatingModeRequest.
type SetOperatingModeResponse struct{ Result }

// Kind returns DMS 0x002e response.
func (*SetOperatingModeResponse) Kind() Kind { return Kind{DMS, 0x002e, Response} }

// SetDeviceEventsRequest (SET_EVENT_REPORT) asks DMS for indications.
type SetDeviceEventsRequest struct {
	OperatingMode *bool
}

// Kind returns DMS 0x0001 request.
func (*SetDeviceEventsRequest) Kind() Kind { return Kind{DMS, 0x0001, Request} }

func (m *SetDeviceEventsRequest) walk(f *fields) {
	optional(f, 0x14, "operating mode reports", &m.OperatingMode, flag)
}

// SetDeviceEventsResponse answers SetDeviceEventsRequest.
type SetDeviceEventsResponse struct{ Result }

// Kind returns DMS 0x0001 response.
func (*SetDeviceEventsResponse) Kind() Kind { return Kind{DMS, 0x0001, Response} }

// DeviceEventIndication tells the operating mode when it changes.
type DeviceEventIndication struct {
	OperatingMode *OperatingMode
}

// Kind returns DMS 0x0001 indication.
func (*DeviceEventIndication) Kind() Kind { return Kind{DMS, 0x0001, Indication} }

func (m *DeviceEventIndication) walk(f *fields) {
	optional(f, 0x14, "operating mode", &m.OperatingMode, u8)
}

// AuthenticateRequest (SET_FCC_AUTHENTICATION) unlocks the radio of a modem that
// its maker has tied to a make of host: until it comes such a modem stays in low
// power after each start.
type AuthenticateRequest struct{ noFields }

// Kind returns DMS 0x555f request.
func (*AuthenticateRequest) Kind() Kind { return Kind{DMS, 0x555f, Request} }

// AuthenticateResponse answers AuthenticateRequest.
type AuthenticateResponse struct{ Result }

// Kind returns DMS 0x555f response.
func (*AuthenticateResponse) Kind() Kind { return Kind{DMS, 0x555f, Response} }
