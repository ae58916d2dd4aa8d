package qmi

// PacketAttach is whether to ask for packet service.
type PacketAttach uint8

// The ways to ask.
const (
	AttachPackets PacketAttach = 1
	DetachPackets PacketAttach = 2
)

// SetPacketAttachRequest (ATTACH_DETACH) asks the network for packet service, or
// gives it up.
type SetPacketAttachRequest struct {
	Action *PacketAttach
}

// Kind returns NAS 0x0023 request.
func (*SetPacketAttachRequest) Kind() Kind { return Kind{NAS, 0x0023, Request} }

func (m *SetPacketAttachRequest) walk(f *fields) { optional(f, 0x10, "action", &m.Action, u8) }

// SetPacketAttachResponse answers SetPacketAttachRequest.
type SetPacketAttachResponse struct{ Result }

// Kind returns NAS 0x0023 response.
func (*SetPacketAttachResponse) Kind() Kind { return Kind{NAS, 0x0023, Response} }
