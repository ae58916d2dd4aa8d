package mbim

import "fmt"

// The types of contexts that are used here: a connection to the internet, and a
// context that has no type.
var (
	ContextTypeInternet = mustUUID("7e5e2a7e-4e6f-7272-736b-656e7e5e2a7e")
	ContextTypeNone     = mustUUID("b43f758c-a560-4b46-b35e-c5869641fb54")
)

// ActivationCommand is what to do with a connection.
type ActivationCommand uint32

// The commands.
const (
	ActivationCommandDeactivate ActivationCommand = 0
	ActivationCommandActivate   ActivationCommand = 1
)

// Compression is whether headers are compressed, which nobody does.
type Compression uint32

// The compressions.
const (
	CompressionNone   Compression = 0
	CompressionEnable Compression = 1
)

// AuthProtocol is how a user name is proved.
type AuthProtocol uint32

// The ways of authentication.
const (
	AuthProtocolNone     AuthProtocol = 0
	AuthProtocolPAP      AuthProtocol = 1
	AuthProtocolCHAP     AuthProtocol = 2
	AuthProtocolMSCHAPv2 AuthProtocol = 3
)

// ContextIPType is which families of addresses a connection has.
type ContextIPType uint32

// The families: IPv4v6 is one connection with both, IPv4AndIPv6 one for each.
const (
	ContextIPTypeDefault     ContextIPType = 0
	ContextIPTypeIPv4        ContextIPType = 1
	ContextIPTypeIPv6        ContextIPType = 2
	ContextIPTypeIPv4v6      ContextIPType = 3
	ContextIPTypeIPv4AndIPv6 ContextIPType = 4
)

// Connect starts a connection, or ends it.
type Connect struct {
	// Session is the connection's number, from 0.
	Session uint32
	Command ActivationCommand
	// AccessString is the APN. An empty one leaves it to the network.
	AccessString string
	UserName     string
	Password     Password
	Compression  Compression
	Auth         AuthProtocol
	IPType       ContextIPType
	ContextType  UUID
}

func (*Connect) about() Command   { return CmdConnect }
func (*Connect) classes() classes { return sets }

func (m *Connect) walk(c *cursor) {
	u32(c, &m.Session)
	u32(c, &m.Command)
	text(c, &m.AccessString)
	text(c, &m.UserName)
	text(c, &m.Password)
	u32(c, &m.Compression)
	u32(c, &m.Auth)
	u32(c, &m.IPType)
	uuid(c, &m.ContextType)
}

// ActivationState is how far a connection is.
type ActivationState uint32

// The states of a connection.
const (
	ActivationStateUnknown      ActivationState = 0
	ActivationStateActivated    ActivationState = 1
	ActivationStateActivating   ActivationState = 2
	ActivationStateDeactivated  ActivationState = 3
	ActivationStateDeactivating ActivationState = 4
)

var activationStateNames = []string{"unknown", "activated", "activating", "deactivated", "deactivating"}

// String names the state.
func (s ActivationState) String() string {
	if int(s) < len(activationStateNames) {
		return activationStateNames[s]
	}
	return fmt.Sprintf("activation state %d", uint32(s))
}

// VoiceCallState is whether a call is going on.
type VoiceCallState uint32

// The states of calls.
const (
	VoiceCallStateNone       VoiceCallState = 0
	VoiceCallStateInProgress VoiceCallState = 1
	VoiceCallStateHangUp     VoiceCallState = 2
)

// Connection is how far a connection is. A query has only its Session. Unasked,
// with ActivationStateDeactivated, it says that the connection was lost.
type Connection struct {
	Session     uint32
	State       ActivationState
	VoiceCall   VoiceCallState
	IPType      ContextIPType
	ContextType UUID
	// NwError is the network's cause, which many modems tell with a status that says
	// no, too.
	NwError NwError
}

func (*Connection) about() Command   { return CmdConnect }
func (*Connection) classes() classes { return queries | reports }

func (m *Connection) walk(c *cursor) {
	u32(c, &m.Session)
	u32(c, &m.State)
	u32(c, &m.VoiceCall)
	u32(c, &m.IPType)
	uuid(c, &m.ContextType)
	u32(c, &m.NwError)
}
