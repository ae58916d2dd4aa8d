package mbim

// PINType is what a PIN is for.
type PINType uint32

// The types of PINs.
const (
	PINTypeUnknown            PINType = 0
	PINTypeCustom             PINType = 1
	PINTypePIN1               PINType = 2
	PINTypePIN2               PINType = 3
	PINTypeDeviceSIMPIN       PINType = 4
	PINTypeDeviceFirstSIMPIN  PINType = 5
	PINTypeNetworkPIN         PINType = 6
	PINTypeNetworkSubsetPIN   PINType = 7
	PINTypeServiceProviderPIN PINType = 8
	PINTypeCorporatePIN       PINType = 9
	PINTypeSubsidyPIN         PINType = 10
	PINTypePUK1               PINType = 11
	PINTypePUK2               PINType = 12
	PINTypeDeviceFirstSIMPUK  PINType = 13
	PINTypeNetworkPUK         PINType = 14
	PINTypeNetworkSubsetPUK   PINType = 15
	PINTypeServiceProviderPUK PINType = 16
	PINTypeCorporatePUK       PINType = 17
	PINTypeNEV                PINType = 18
	PINTypeADM                PINType = 19
)

// PINState is whether a PIN is in the way.
type PINState uint32

// The states of a PIN.
const (
	PINStateUnlocked PINState = 0
	PINStateLocked   PINState = 1
)

// UnknownAttempts is PINStatus's RemainingAttempts where a modem does not know.
const UnknownAttempts = 0xffffffff

// PINStatus says which PIN the modem wants next, if any. It shows only one: what
// it says of PIN2 says nothing of PIN1.
type PINStatus struct {
	Type              PINType
	State             PINState
	RemainingAttempts uint32
}

func (*PINStatus) about() Command   { return CmdPIN }
func (*PINStatus) classes() classes { return answers }

func (m *PINStatus) walk(c *cursor) {
	u32(c, &m.Type)
	u32(c, &m.State)
	u32(c, &m.RemainingAttempts)
}

// PINOperation is what to do with a PIN.
type PINOperation uint32

// The operations.
const (
	PINOperationEnter   PINOperation = 0
	PINOperationEnable  PINOperation = 1
	PINOperationDisable PINOperation = 2
	PINOperationChange  PINOperation = 3
)

// PINRequest gives the SIM a PIN. Each wrong one costs one of few attempts.
type PINRequest struct {
	Type      PINType
	Operation PINOperation
	PIN       PIN
	// New is the PIN to change to, or to have after a PUK.
	New PIN
}

func (*PINRequest) about() Command   { return CmdPIN }
func (*PINRequest) classes() classes { return sets }

func (m *PINRequest) walk(c *cursor) {
	u32(c, &m.Type)
	u32(c, &m.Operation)
	text(c, &m.PIN)
	text(c, &m.New)
}

// PINMode is whether a PIN is in use.
type PINMode uint32

// The modes of a PIN.
const (
	PINModeNotSupported PINMode = 0
	PINModeEnabled      PINMode = 1
	PINModeDisabled     PINMode = 2
)

// PINFormat is what a PIN consists of.
type PINFormat uint32

// The formats of a PIN.
const (
	PINFormatUnknown      PINFormat = 0
	PINFormatNumeric      PINFormat = 1
	PINFormatAlphanumeric PINFormat = 2
)

// PINDescription is how a type of PIN is used.
type PINDescription struct {
	Mode                 PINMode
	Format               PINFormat
	MinLength, MaxLength uint32
}

func walkPINDescription(c *cursor, v *PINDescription) {
	u32(c, &v.Mode)
	u32(c, &v.Format)
	u32(c, &v.MinLength)
	u32(c, &v.MaxLength)
}

// PINList is how each type of PIN is used.
type PINList struct {
	PIN1, PIN2                 PINDescription
	DeviceSIM, DeviceFirstSIM  PINDescription
	Network, NetworkSubset     PINDescription
	ServiceProvider, Corporate PINDescription
	SubsidyLock, Custom        PINDescription
}

func (*PINList) about() Command   { return CmdPINList }
func (*PINList) classes() classes { return answers }

func (m *PINList) walk(c *cursor) {
	for _, d := range []*PINDescription{
		&m.PIN1, &m.PIN2, &m.DeviceSIM, &m.DeviceFirstSIM, &m.Network, &m.NetworkSubset,
		&m.ServiceProvider, &m.Corporate, &m.SubsidyLock, &m.Custom,
	} {
		walkPINDescription(c, d)
	}
}
