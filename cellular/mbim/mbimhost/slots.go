package mbimhost

import (
	"context"
	"fmt"
	"slices"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// maxSlots bounds how many slots a modem can make us ask for.
const maxSlots = 8

// Slots lists the SIM slots. Of a modem that does not say how many it has there is
// the one in use.
func (m *Modem) Slots(ctx context.Context) ([]modem.Slot, error) {
	active, err := m.SIM(ctx)
	if err != nil {
		return nil, err
	}
	filled := active.State != modem.SIMAbsent
	if !m.has(mbim.CmdSysCaps) || !m.has(mbim.CmdDeviceSlotMappings) || !m.has(mbim.CmdSlotInfoStatus) {
		return []modem.Slot{{Number: 1, Active: true, Filled: filled, ICCID: active.ICCID}}, nil
	}
	var caps mbim.SysCaps
	if err := m.query(ctx, mbim.CmdSysCaps, &caps); err != nil {
		return nil, err
	}
	mapped, err := m.mappings(ctx)
	if err != nil {
		return nil, err
	}
	var slots []modem.Slot
	for i := range min(max(caps.Slots, 1), maxSlots) {
		if i == mapped[0] {
			slots = append(slots, modem.Slot{Number: int(i) + 1, Active: true, Filled: filled, ICCID: active.ICCID})
			continue
		}
		var info mbim.SlotInfo
		if err := m.do(ctx, mbim.Query, &mbim.SlotInfoQuery{Slot: i}, &info); err != nil {
			return nil, err
		}
		empty := info.State == mbim.UICCSlotStateOffEmpty || info.State == mbim.UICCSlotStateEmpty || info.State == mbim.UICCSlotStateUnknown
		slots = append(slots, modem.Slot{Number: int(i) + 1, Filled: !empty})
	}
	return slots, nil
}

// mappings returns the slot that each executor uses. Ours is the first.
func (m *Modem) mappings(ctx context.Context) ([]uint32, error) {
	var mapped mbim.SlotMappings
	if err := m.query(ctx, mbim.CmdDeviceSlotMappings, &mapped); err != nil {
		return nil, err
	}
	if len(mapped.Slots) == 0 {
		return nil, fmt.Errorf("%v: the modem uses no slot", mbim.CmdDeviceSlotMappings)
	}
	return mapped.Slots, nil
}

// UseSlot makes the slot of the given number the one in use. An executor that uses
// it already gets the one that was.
func (m *Modem) UseSlot(ctx context.Context, slot int) error {
	if err := m.need(mbim.CmdDeviceSlotMappings); err != nil {
		return err
	}
	mapped, err := m.mappings(ctx)
	if err != nil {
		return err
	}
	wanted := uint32(slot - 1)
	if mapped[0] == wanted {
		return nil
	}
	if other := slices.Index(mapped, wanted); other > 0 {
		mapped[other] = mapped[0]
	}
	mapped[0] = wanted
	return m.set(ctx, &mbim.SlotMappings{Slots: mapped})
}
