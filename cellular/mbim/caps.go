package mbim

// DeviceType is how a modem is built in.
type DeviceType uint32

// The types of devices.
const (
	DeviceTypeUnknown   DeviceType = 0
	DeviceTypeEmbedded  DeviceType = 1
	DeviceTypeRemovable DeviceType = 2
	DeviceTypeRemote    DeviceType = 3
)

// CellularClass is a set of families of networks.
type CellularClass uint32

// The families: 3GPP's (which includes LTE and 5G), and 3GPP2's.
const (
	CellularClassGSM  CellularClass = 1 << 0
	CellularClassCDMA CellularClass = 1 << 1
)

// VoiceClass is whether a modem can make calls.
type VoiceClass uint32

// The classes of voice.
const (
	VoiceClassUnknown               VoiceClass = 0
	VoiceClassNoVoice               VoiceClass = 1
	VoiceClassSeparatedVoiceData    VoiceClass = 2
	VoiceClassSimultaneousVoiceData VoiceClass = 3
)

// SIMClass is a set of kinds of SIMs.
type SIMClass uint32

// The kinds of SIMs.
const (
	SIMClassLogical   SIMClass = 1 << 0
	SIMClassRemovable SIMClass = 1 << 1
)

// DataClass is a set of technologies that carry packets.
type DataClass uint32

// The technologies.
const (
	DataClassGPRS       DataClass = 1 << 0
	DataClassEDGE       DataClass = 1 << 1
	DataClassUMTS       DataClass = 1 << 2
	DataClassHSDPA      DataClass = 1 << 3
	DataClassHSUPA      DataClass = 1 << 4
	DataClassLTE        DataClass = 1 << 5
	DataClass5GNSA      DataClass = 1 << 6
	DataClass5GSA       DataClass = 1 << 7
	DataClass1XRTT      DataClass = 1 << 16
	DataClass1XEVDO     DataClass = 1 << 17
	DataClass1XEVDORevA DataClass = 1 << 18
	DataClass1XEVDV     DataClass = 1 << 19
	DataClass3XRTT      DataClass = 1 << 20
	DataClass1XEVDORevB DataClass = 1 << 21
	DataClassUMB        DataClass = 1 << 22
	DataClassCustom     DataClass = 1 << 31
)

// SMSCaps is a set of what a modem can do with short messages.
type SMSCaps uint32

// What a modem can do with short messages.
const (
	SMSCapsPDUReceive  SMSCaps = 1 << 0
	SMSCapsPDUSend     SMSCaps = 1 << 1
	SMSCapsTextReceive SMSCaps = 1 << 2
	SMSCapsTextSend    SMSCaps = 1 << 3
)

// CtrlCaps is a set of what a modem lets its host control.
type CtrlCaps uint32

// What a modem lets its host control.
const (
	CtrlCapsNone                   CtrlCaps = 0
	CtrlCapsRegManual              CtrlCaps = 1 << 0
	CtrlCapsHWRadioSwitch          CtrlCaps = 1 << 1
	CtrlCapsCDMAMobileIP           CtrlCaps = 1 << 2
	CtrlCapsCDMASimpleIP           CtrlCaps = 1 << 3
	CtrlCapsMultiCarrier           CtrlCaps = 1 << 4
	CtrlCapsESIM                   CtrlCaps = 1 << 5
	CtrlCapsUEPolicyRouteSelection CtrlCaps = 1 << 6
	CtrlCapsSIMHotSwapCapable      CtrlCaps = 1 << 7
)

// DeviceCaps says what a modem is and can do.
type DeviceCaps struct {
	DeviceType    DeviceType
	CellularClass CellularClass
	VoiceClass    VoiceClass
	SIMClass      SIMClass
	DataClass     DataClass
	SMSCaps       SMSCaps
	CtrlCaps      CtrlCaps
	// MaxSessions is how many connections it can have at a time.
	MaxSessions     uint32
	CustomDataClass string
	// DeviceID is the IMEI.
	DeviceID     string
	FirmwareInfo string
	HardwareInfo string
}

func (*DeviceCaps) about() Command   { return CmdDeviceCaps }
func (*DeviceCaps) classes() classes { return answers }

func (m *DeviceCaps) walk(c *cursor) {
	u32(c, &m.DeviceType)
	u32(c, &m.CellularClass)
	u32(c, &m.VoiceClass)
	u32(c, &m.SIMClass)
	u32(c, &m.DataClass)
	u32(c, &m.SMSCaps)
	u32(c, &m.CtrlCaps)
	u32(c, &m.MaxSessions)
	text(c, &m.CustomDataClass)
	text(c, &m.DeviceID)
	text(c, &m.FirmwareInfo)
	text(c, &m.HardwareInfo)
}

// DeviceCapsV2 is DeviceCaps of one of a modem's executors, the parts of it that
// each serve a SIM.
type DeviceCapsV2 struct {
	DeviceCaps
	// Executor counts from 0.
	Executor uint32
}

func (*DeviceCapsV2) about() Command { return CmdDeviceCapsV2 }

func (m *DeviceCapsV2) walk(c *cursor) {
	m.DeviceCaps.walk(c)
	u32(c, &m.Executor)
}

// SysCaps says how many SIMs a modem takes, and how many it can serve.
type SysCaps struct {
	Executors, Slots uint32
	// Concurrency is how many executors can have a connection at a time.
	Concurrency uint32
	// ModemID is the same in all executors of a modem.
	ModemID uint64
}

func (*SysCaps) about() Command   { return CmdSysCaps }
func (*SysCaps) classes() classes { return answers }

func (m *SysCaps) walk(c *cursor) {
	u32(c, &m.Executors)
	u32(c, &m.Slots)
	u32(c, &m.Concurrency)
	u64(c, &m.ModemID)
}

// Versions is what each side speaks: the host in a query, the function in its
// answer. The lower [Version] of both holds from then on.
type Versions struct {
	// MBIM is the specification's, binary-coded decimal, always 1.0.
	MBIM uint16
	// Extended is that of Microsoft's extensions.
	Extended Version
}

func (*Versions) about() Command   { return CmdVersion }
func (*Versions) classes() classes { return queries | answers }

func (m *Versions) walk(c *cursor) {
	u16(c, &m.MBIM)
	u16(c, &m.Extended)
}
