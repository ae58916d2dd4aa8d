package mbim

// ProvisionedContext is a connection's settings that the modem keeps.
type ProvisionedContext struct {
	ID           uint32
	ContextType  UUID
	AccessString string
	UserName     string
	Password     Password
	Compression  Compression
	Auth         AuthProtocol
}

func walkProvisionedContext(c *cursor, v *ProvisionedContext) {
	u32(c, &v.ID)
	uuid(c, &v.ContextType)
	text(c, &v.AccessString)
	text(c, &v.UserName)
	text(c, &v.Password)
	u32(c, &v.Compression)
	u32(c, &v.Auth)
}

// ProvisionedContexts are all that the modem keeps.
type ProvisionedContexts struct {
	Contexts []ProvisionedContext
}

func (*ProvisionedContexts) about() Command   { return CmdProvisionedContexts }
func (*ProvisionedContexts) classes() classes { return reports }

func (m *ProvisionedContexts) walk(c *cursor) { list(c, &m.Contexts, walkProvisionedContext) }

// SetProvisionedContext makes the modem keep one.
type SetProvisionedContext struct {
	Context    ProvisionedContext
	ProviderID string
}

func (*SetProvisionedContext) about() Command   { return CmdProvisionedContexts }
func (*SetProvisionedContext) classes() classes { return sets }

func (m *SetProvisionedContext) walk(c *cursor) {
	walkProvisionedContext(c, &m.Context)
	text(c, &m.ProviderID)
}

// ContextState is whether a context may be used.
type ContextState uint32

// The states of a context.
const (
	ContextStateDisabled ContextState = 0
	ContextStateEnabled  ContextState = 1
)

// ContextRoamingControl is in which networks a context may be used.
type ContextRoamingControl uint32

// The networks, seen from the SIM's own.
const (
	ContextRoamingControlHomeOnly             ContextRoamingControl = 0
	ContextRoamingControlPartnerOnly          ContextRoamingControl = 1
	ContextRoamingControlNonPartnerOnly       ContextRoamingControl = 2
	ContextRoamingControlHomeAndPartner       ContextRoamingControl = 3
	ContextRoamingControlHomeAndNonPartner    ContextRoamingControl = 4
	ContextRoamingControlPartnerAndNonPartner ContextRoamingControl = 5
	ContextRoamingControlAllowAll             ContextRoamingControl = 6
)

// ContextMediaType is over which media a context may be used.
type ContextMediaType uint32

// The media.
const (
	ContextMediaTypeCellularOnly ContextMediaType = 0
	ContextMediaTypeWiFiOnly     ContextMediaType = 1
	ContextMediaTypeAll          ContextMediaType = 2
)

// ContextSource is who has made a context.
type ContextSource uint32

// The sources.
const (
	ContextSourceAdmin    ContextSource = 0
	ContextSourceUser     ContextSource = 1
	ContextSourceOperator ContextSource = 2
	ContextSourceModem    ContextSource = 3
	ContextSourceDevice   ContextSource = 4
)

// ContextSettings is the part that a context of Microsoft's extensions has both
// where it is kept and where it is set.
type ContextSettings struct {
	ContextType  UUID
	IPType       ContextIPType
	State        ContextState
	Roaming      ContextRoamingControl
	Media        ContextMediaType
	Source       ContextSource
	AccessString string
	UserName     string
	Password     Password
	Compression  Compression
	Auth         AuthProtocol
}

func walkContextSettings(c *cursor, v *ContextSettings) {
	uuid(c, &v.ContextType)
	u32(c, &v.IPType)
	u32(c, &v.State)
	u32(c, &v.Roaming)
	u32(c, &v.Media)
	u32(c, &v.Source)
	text(c, &v.AccessString)
	text(c, &v.UserName)
	text(c, &v.Password)
	u32(c, &v.Compression)
	u32(c, &v.Auth)
}

// ProvisionedContextV2 is a connection's settings that the modem keeps.
type ProvisionedContextV2 struct {
	ID       uint32
	Settings ContextSettings
}

func walkProvisionedContextV2(c *cursor, v *ProvisionedContextV2) {
	u32(c, &v.ID)
	walkContextSettings(c, &v.Settings)
}

// ProvisionedContextsV2 are all that the modem keeps.
type ProvisionedContextsV2 struct {
	Contexts []ProvisionedContextV2
}

func (*ProvisionedContextsV2) about() Command   { return CmdProvisionedContextsV2 }
func (*ProvisionedContextsV2) classes() classes { return reports }

func (m *ProvisionedContextsV2) walk(c *cursor) { list(c, &m.Contexts, walkProvisionedContextV2) }

// ContextOperation is what to do with the contexts that the modem keeps.
type ContextOperation uint32

// The operations: Default sets the one that is given.
const (
	ContextOperationDefault        ContextOperation = 0
	ContextOperationDelete         ContextOperation = 1
	ContextOperationRestoreFactory ContextOperation = 2
)

// SetProvisionedContextV2 changes what the modem keeps.
type SetProvisionedContextV2 struct {
	Operation ContextOperation
	Settings  ContextSettings
}

func (*SetProvisionedContextV2) about() Command   { return CmdProvisionedContextsV2 }
func (*SetProvisionedContextV2) classes() classes { return sets }

func (m *SetProvisionedContextV2) walk(c *cursor) {
	u32(c, &m.Operation)
	walkContextSettings(c, &m.Settings)
}
