package mbim

import "fmt"

// ReadyState is how far a SIM is.
type ReadyState uint32

// The states of a SIM.
const (
	ReadyStateNotInitialized ReadyState = 0
	ReadyStateInitialized    ReadyState = 1
	ReadyStateSIMNotInserted ReadyState = 2
	ReadyStateBadSIM         ReadyState = 3
	ReadyStateFailure        ReadyState = 4
	ReadyStateNotActivated   ReadyState = 5
	ReadyStateDeviceLocked   ReadyState = 6
	ReadyStateNoESIMProfile  ReadyState = 7
)

var readyStateNames = []string{
	"not initialised", "ready", "no SIM", "bad SIM", "failure", "subscription not activated", "locked", "eSIM without a profile",
}

// String says the state in words.
func (s ReadyState) String() string {
	if int(s) < len(readyStateNames) {
		return readyStateNames[s]
	}
	return fmt.Sprintf("ready state %d", uint32(s))
}

// ReadyInfoFlag says how a SIM's identities are to be treated.
type ReadyInfoFlag uint32

// The flags.
const (
	ReadyInfoFlagNone            ReadyInfoFlag = 0
	ReadyInfoFlagProtectUniqueID ReadyInfoFlag = 1 << 0
)

// SubscriberReady says whether there is a SIM that is ready, and whose.
type SubscriberReady struct {
	State ReadyState
	// SubscriberID is the IMSI, SIMICCID the SIM's number.
	SubscriberID string
	SIMICCID     string
	Info         ReadyInfoFlag
	Numbers      []string
}

func (*SubscriberReady) about() Command   { return CmdSubscriberReadyStatus }
func (*SubscriberReady) classes() classes { return reports }

func (m *SubscriberReady) walk(c *cursor) {
	u32(c, &m.State)
	text(c, &m.SubscriberID)
	text(c, &m.SIMICCID)
	u32(c, &m.Info)
	inline(c, &m.Numbers, c.count(len(m.Numbers)), text)
}
