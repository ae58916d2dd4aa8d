package qmi

// ProvisioningChange starts or ends the use of an application.
type ProvisioningChange struct {
	Session  SessionType
	Activate bool
}

func walkProvisioningChange(c *cursor, v *ProvisioningChange) {
	u8(c, &v.Session)
	flag(c, &v.Activate)
}

// SlotApplication is an application in a slot, counted from 1.
type SlotApplication struct {
	Slot uint8
	AID  []byte
}

func walkSlotApplication(c *cursor, v *SlotApplication) {
	u8(c, &v.Slot)
	octets8(c, &v.AID)
}

// ChangeProvisioningSessionRequest has the modem register with an application,
// or no longer.
type ChangeProvisioningSessionRequest struct {
	Change ProvisioningChange
	// Application is needed to activate.
	Application *SlotApplication
}

// Kind returns UIM 0x0038 request.
func (*ChangeProvisioningSessionRequest) Kind() Kind { return Kind{UIM, 0x0038, Request} }

func (m *ChangeProvisioningSessionRequest) walk(f *fields) {
	need(f, 0x01, "change", &m.Change, walkProvisioningChange)
	optional(f, 0x10, "application", &m.Application, walkSlotApplication)
}

// ChangeProvisioningSessionResponse answers ChangeProvisioningSessionRequest.
type ChangeProvisioningSessionResponse struct{ Result }

// Kind returns UIM 0x0038 response.
func (*ChangeProvisioningSessionResponse) Kind() Kind { return Kind{UIM, 0x0038, Response} }

// SlotCard is whether there is a card in a physical slot.
type SlotCard uint32

// The states of a physical slot.
const (
	SlotUnknown SlotCard = 0
	SlotEmpty   SlotCard = 1
	SlotFilled  SlotCard = 2
)

// Slot is a physical slot for a card.
type Slot struct {
	Card SlotCard
	// Active is 1 where the modem uses the slot, else 0.
	Active uint32
	// Logical is the logical slot that an active one serves, from 1.
	Logical uint8
	// ICCID is the card's number as on the card, two digits an octet with the
	// first one low; empty while it is not known.
	ICCID []byte
}

func walkSlot(c *cursor, v *Slot) {
	u32(c, &v.Card)
	u32(c, &v.Active)
	u8(c, &v.Logical)
	octets8(c, &v.ICCID)
}

func walkSlots(c *cursor, v *[]Slot) { list8(c, v, walkSlot) }

// GetSlotStatusRequest asks for the physical slots.
type GetSlotStatusRequest struct{ noFields }

// Kind returns UIM 0x0047 request.
func (*GetSlotStatusRequest) Kind() Kind { return Kind{UIM, 0x0047, Request} }

// GetSlotStatusResponse has the physical slots in their order.
type GetSlotStatusResponse struct {
	Result
	Slots *[]Slot
}

// Kind returns UIM 0x0047 response.
func (*GetSlotStatusResponse) Kind() Kind { return Kind{UIM, 0x0047, Response} }

func (m *GetSlotStatusResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "slots", &m.Slots, walkSlots)
}

// SlotStatusIndication tells the physical slots when one changes.
type SlotStatusIndication struct {
	Slots *[]Slot
}

// Kind returns UIM 0x0048 indication.
func (*SlotStatusIndication) Kind() Kind { return Kind{UIM, 0x0048, Indication} }

func (m *SlotStatusIndication) walk(f *fields) { optional(f, 0x10, "slots", &m.Slots, walkSlots) }

// SwitchSlotRequest puts a logical slot on another physical one, both counted
// from 1. The modem drops its registration; some restart.
type SwitchSlotRequest struct {
	Logical  uint8
	Physical uint32
}

// Kind returns UIM 0x0046 request.
func (*SwitchSlotRequest) Kind() Kind { return Kind{UIM, 0x0046, Request} }

func (m *SwitchSlotRequest) walk(f *fields) {
	need(f, 0x01, "logical slot", &m.Logical, u8)
	need(f, 0x02, "physical slot", &m.Physical, u32)
}

// SwitchSlotResponse answers SwitchSlotRequest.
type SwitchSlotResponse struct{ Result }

// Kind returns UIM 0x0046 response.
func (*SwitchSlotResponse) Kind() Kind { return Kind{UIM, 0x0046, Response} }
