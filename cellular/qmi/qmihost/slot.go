package qmihost

import (
	"context"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
	"github.com/farspoke/farspoke/cellular/simfile"
)

// Slots lists the SIM slots. A modem that cannot tell has one.
func (m *Modem) Slots(ctx context.Context) ([]modem.Slot, error) {
	var got qmi.GetSlotStatusResponse
	err := m.ask(ctx, answerLimit, &qmi.GetSlotStatusRequest{}, &got)
	if saidNo(err) || err == nil && (got.Slots == nil || len(*got.Slots) == 0) {
		return m.onlySlot(ctx)
	}
	if err != nil {
		return nil, err
	}
	var slots []modem.Slot
	for i, s := range *got.Slots {
		slot := modem.Slot{Number: i + 1, Active: s.Active == 1, Filled: s.Card == qmi.SlotFilled}
		slot.ICCID, _ = simfile.ICCID(s.ICCID)
		slots = append(slots, slot)
	}
	return slots, nil
}

// onlySlot is the slot of a modem with one.
func (m *Modem) onlySlot(ctx context.Context) ([]modem.Slot, error) {
	sim, err := m.SIM(ctx)
	if err != nil {
		return nil, err
	}
	return []modem.Slot{{Number: 1, Active: true, Filled: sim.State != modem.SIMAbsent, ICCID: sim.ICCID}}, nil
}

// UseSlot makes a slot the one in use.
func (m *Modem) UseSlot(ctx context.Context, slot int) error {
	request := &qmi.SwitchSlotRequest{Logical: 1, Physical: uint32(slot)}
	return exceptDone(m.ask(ctx, answerLimit, request, &qmi.SwitchSlotResponse{}))
}
