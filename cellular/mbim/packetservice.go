package mbim

import "fmt"

// PacketServiceAction is what to do with packet service.
type PacketServiceAction uint32

// The actions.
const (
	PacketServiceActionAttach PacketServiceAction = 0
	PacketServiceActionDetach PacketServiceAction = 1
)

// AttachPacketService attaches the modem to packet service, or detaches it.
type AttachPacketService struct {
	Action PacketServiceAction
}

func (*AttachPacketService) about() Command   { return CmdPacketService }
func (*AttachPacketService) classes() classes { return sets }

func (m *AttachPacketService) walk(c *cursor) { u32(c, &m.Action) }

// PacketServiceState is whether the modem has packet service.
type PacketServiceState uint32

// The states of packet service.
const (
	PacketServiceStateUnknown   PacketServiceState = 0
	PacketServiceStateAttaching PacketServiceState = 1
	PacketServiceStateAttached  PacketServiceState = 2
	PacketServiceStateDetaching PacketServiceState = 3
	PacketServiceStateDetached  PacketServiceState = 4
)

var packetServiceStateNames = []string{"unknown", "attaching", "attached", "detaching", "detached"}

// String names the state.
func (s PacketServiceState) String() string {
	if int(s) < len(packetServiceStateNames) {
		return packetServiceStateNames[s]
	}
	return fmt.Sprintf("packet service state %d", uint32(s))
}

// FrequencyRange is a set of the ranges of 5G's frequencies in use.
type FrequencyRange uint32

// The ranges: below 7 GHz, and millimetre waves.
const (
	FrequencyRangeUnknown FrequencyRange = 0
	FrequencyRange1       FrequencyRange = 1 << 0
	FrequencyRange2       FrequencyRange = 1 << 1
)

// PacketService is whether the modem has packet service.
type PacketService struct {
	NwError NwError
	State   PacketServiceState
	// DataClass is the best technology available, and from [V2] the one in use.
	DataClass DataClass
	// The speeds are in bit/s.
	UplinkSpeed, DownlinkSpeed uint64
	// FrequencyRange is there from [V2].
	FrequencyRange FrequencyRange
}

func (*PacketService) about() Command   { return CmdPacketService }
func (*PacketService) classes() classes { return reports }

func (m *PacketService) walk(c *cursor) {
	u32(c, &m.NwError)
	u32(c, &m.State)
	u32(c, &m.DataClass)
	u64(c, &m.UplinkSpeed)
	u64(c, &m.DownlinkSpeed)
	if c.version >= V2 {
		u32(c, &m.FrequencyRange)
	}
}
