package mbim

// LTEAttachContextRoamingControl is for which networks attach settings are.
type LTEAttachContextRoamingControl uint32

// The networks, seen from the SIM's own.
const (
	LTEAttachContextRoamingControlHome       LTEAttachContextRoamingControl = 0
	LTEAttachContextRoamingControlPartner    LTEAttachContextRoamingControl = 1
	LTEAttachContextRoamingControlNonPartner LTEAttachContextRoamingControl = 2
)

// AttachSettings is what a modem asks for when it attaches to an LTE network, the
// default bearer, which need not be what a connection asks for.
type AttachSettings struct {
	IPType  ContextIPType
	Roaming LTEAttachContextRoamingControl
	Source  ContextSource
	// AccessString is the APN. An empty one leaves it to the network.
	AccessString string
	UserName     string
	Password     Password
	Compression  Compression
	Auth         AuthProtocol
}

func walkAttachSettings(c *cursor, v *AttachSettings) {
	u32(c, &v.IPType)
	u32(c, &v.Roaming)
	u32(c, &v.Source)
	text(c, &v.AccessString)
	text(c, &v.UserName)
	text(c, &v.Password)
	u32(c, &v.Compression)
	u32(c, &v.Auth)
}

// LTEAttachConfiguration is a modem's settings for each sort of network, always
// three.
type LTEAttachConfiguration struct {
	Settings []AttachSettings
}

func (*LTEAttachConfiguration) about() Command   { return CmdLTEAttachConfiguration }
func (*LTEAttachConfiguration) classes() classes { return reports }

func (m *LTEAttachConfiguration) walk(c *cursor) { list(c, &m.Settings, walkAttachSettings) }

// LTEAttachContextOperation is what to do with a modem's attach settings.
type LTEAttachContextOperation uint32

// The operations: Default sets those that are given.
const (
	LTEAttachContextOperationDefault        LTEAttachContextOperation = 0
	LTEAttachContextOperationRestoreFactory LTEAttachContextOperation = 1
)

// SetLTEAttachConfiguration changes them, all three at once.
type SetLTEAttachConfiguration struct {
	Operation LTEAttachContextOperation
	Settings  []AttachSettings
}

func (*SetLTEAttachConfiguration) about() Command   { return CmdLTEAttachConfiguration }
func (*SetLTEAttachConfiguration) classes() classes { return sets }

func (m *SetLTEAttachConfiguration) walk(c *cursor) {
	u32(c, &m.Operation)
	list(c, &m.Settings, walkAttachSettings)
}

// LTEAttachState is whether a modem is attached to an LTE network.
type LTEAttachState uint32

// The states.
const (
	LTEAttachStateDetached LTEAttachState = 0
	LTEAttachStateAttached LTEAttachState = 1
)

// LTEAttachInfo is what the modem is attached with.
type LTEAttachInfo struct {
	State        LTEAttachState
	IPType       ContextIPType
	AccessString string
	UserName     string
	Password     Password
	Compression  Compression
	Auth         AuthProtocol
}

func (*LTEAttachInfo) about() Command   { return CmdLTEAttachInfo }
func (*LTEAttachInfo) classes() classes { return reports }

func (m *LTEAttachInfo) walk(c *cursor) {
	u32(c, &m.State)
	u32(c, &m.IPType)
	text(c, &m.AccessString)
	text(c, &m.UserName)
	text(c, &m.Password)
	u32(c, &m.Compression)
	u32(c, &m.Auth)
}

// PCOType is whether protocol configuration options are all there are.
type PCOType uint32

// The types.
const (
	PCOTypeComplete PCOType = 0
	PCOTypePartial  PCOType = 1
)

// PCO is the protocol configuration options that the network sent with a
// connection (3GPP TS 24.008, 10.5.6.3). A query has only the Session.
type PCO struct {
	Session uint32
	Type    PCOType
	Data    []byte
}

func (*PCO) about() Command   { return CmdPCO }
func (*PCO) classes() classes { return queries | reports }

func (m *PCO) walk(c *cursor) {
	u32(c, &m.Session)
	n := c.count(len(m.Data))
	u32(c, &m.Type)
	if c.writing {
		c.fixed = padded(append(c.fixed, m.Data...))
	} else if b := c.take(n); len(b) > 0 {
		m.Data = append([]byte(nil), b...)
	}
}
