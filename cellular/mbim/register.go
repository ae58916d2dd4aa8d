package mbim

import "fmt"

// NwError is the network's cause: an EMM or MM cause where it concerns
// registration, an ESM or SM cause where it concerns a connection (3GPP TS 24.301
// and 24.008), and 0 where there is none.
type NwError uint32

// RegisterAction is who chooses the network.
type RegisterAction uint32

// The ways to choose a network.
const (
	RegisterActionAutomatic RegisterAction = 0
	RegisterActionManual    RegisterAction = 1
)

// Register chooses a network.
type Register struct {
	// ProviderID is empty unless Action is manual.
	ProviderID string
	Action     RegisterAction
	// DataClass is which technologies to use, 0 for any.
	DataClass DataClass
}

func (*Register) about() Command   { return CmdRegisterState }
func (*Register) classes() classes { return sets }

func (m *Register) walk(c *cursor) {
	text(c, &m.ProviderID)
	u32(c, &m.Action)
	u32(c, &m.DataClass)
}

// RegisterState is whether a network serves the modem.
type RegisterState uint32

// The states of registration.
const (
	RegisterStateUnknown      RegisterState = 0
	RegisterStateDeregistered RegisterState = 1
	RegisterStateSearching    RegisterState = 2
	RegisterStateHome         RegisterState = 3
	RegisterStateRoaming      RegisterState = 4
	RegisterStatePartner      RegisterState = 5
	RegisterStateDenied       RegisterState = 6
)

var registerStateNames = []string{"unknown", "deregistered", "searching", "home", "roaming", "partner", "denied"}

// String names the state.
func (s RegisterState) String() string {
	if int(s) < len(registerStateNames) {
		return registerStateNames[s]
	}
	return fmt.Sprintf("register state %d", uint32(s))
}

// RegisterMode is who has chosen the network.
type RegisterMode uint32

// The modes of registration.
const (
	RegisterModeUnknown   RegisterMode = 0
	RegisterModeAutomatic RegisterMode = 1
	RegisterModeManual    RegisterMode = 2
)

// RegistrationFlag is a set of what is particular to a modem's registration.
type RegistrationFlag uint32

// The flags.
const (
	RegistrationFlagNone                         RegistrationFlag = 0
	RegistrationFlagManualSelectionNotAvailable  RegistrationFlag = 1 << 0
	RegistrationFlagPacketServiceAutomaticAttach RegistrationFlag = 1 << 1
)

// Registration is which network serves the modem.
type Registration struct {
	NwError              NwError
	State                RegisterState
	Mode                 RegisterMode
	AvailableDataClasses DataClass
	CellularClass        CellularClass
	ProviderID           string
	ProviderName         string
	RoamingText          string
	Flags                RegistrationFlag
	// PreferredDataClasses is which technologies are to be used (from [V2]).
	PreferredDataClasses DataClass
}

func (*Registration) about() Command   { return CmdRegisterState }
func (*Registration) classes() classes { return reports }

func (m *Registration) walk(c *cursor) {
	u32(c, &m.NwError)
	u32(c, &m.State)
	u32(c, &m.Mode)
	u32(c, &m.AvailableDataClasses)
	u32(c, &m.CellularClass)
	text(c, &m.ProviderID)
	text(c, &m.ProviderName)
	text(c, &m.RoamingText)
	u32(c, &m.Flags)
	if c.version >= V2 {
		u32(c, &m.PreferredDataClasses)
	}
}
