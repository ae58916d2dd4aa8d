package mbim

import "fmt"

// SlotMappings says which slot each executor of a modem uses, both counted from 0.
// With one executor, setting it is how to change the SIM.
type SlotMappings struct {
	Slots []uint32
}

func (*SlotMappings) about() Command   { return CmdDeviceSlotMappings }
func (*SlotMappings) classes() classes { return sets | answers }

func (m *SlotMappings) walk(c *cursor) { list(c, &m.Slots, u32) }

// UICCSlotState is what is in a slot.
type UICCSlotState uint32

// The states of a slot.
const (
	UICCSlotStateUnknown              UICCSlotState = 0
	UICCSlotStateOffEmpty             UICCSlotState = 1
	UICCSlotStateOff                  UICCSlotState = 2
	UICCSlotStateEmpty                UICCSlotState = 3
	UICCSlotStateNotReady             UICCSlotState = 4
	UICCSlotStateActive               UICCSlotState = 5
	UICCSlotStateError                UICCSlotState = 6
	UICCSlotStateActiveESIM           UICCSlotState = 7
	UICCSlotStateActiveESIMNoProfiles UICCSlotState = 8
)

var slotStateNames = []string{
	"unknown", "off and empty", "off", "empty", "not ready", "active", "error", "active eSIM", "active eSIM without a profile",
}

// String says the state in words.
func (s UICCSlotState) String() string {
	if int(s) < len(slotStateNames) {
		return slotStateNames[s]
	}
	return fmt.Sprintf("slot state %d", uint32(s))
}

// SlotInfoQuery asks for a slot, counted from 0.
type SlotInfoQuery struct {
	Slot uint32
}

func (*SlotInfoQuery) about() Command   { return CmdSlotInfoStatus }
func (*SlotInfoQuery) classes() classes { return queries }

func (m *SlotInfoQuery) walk(c *cursor) { u32(c, &m.Slot) }

// SlotInfo is what is in a slot, counted from 0.
type SlotInfo struct {
	Slot  uint32
	State UICCSlotState
}

func (*SlotInfo) about() Command   { return CmdSlotInfoStatus }
func (*SlotInfo) classes() classes { return reports }

func (m *SlotInfo) walk(c *cursor) {
	u32(c, &m.Slot)
	u32(c, &m.State)
}
