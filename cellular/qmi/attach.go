package qmi

// The messages of WDS about the attach APN: the connection that LTE makes when
// it registers, from the first profile of a list.

// GetAttachRequest (GET_LTE_ATTACH_PARAMETERS) asks how the modem has attached.
type GetAttachRequest struct{ noFields }

// Kind returns WDS 0x0085 request.
func (*GetAttachRequest) Kind() Kind { return Kind{WDS, 0x0085, Request} }

// AttachFamilies is which IP families the network gave at the attach.
type AttachFamilies uint8

// The families of an attach.
const (
	AttachIPv4   AttachFamilies = 0
	AttachIPv6   AttachFamilies = 1
	AttachIPv4v6 AttachFamilies = 2
)

// GetAttachResponse says how the modem has attached: the APN is that of the
// network, whatever the profile asked for.
type GetAttachResponse struct {
	Result
	APN      *string
	Families *AttachFamilies
	// OverTheAir: the attach has been made with the network.
	OverTheAir *bool
}

// Kind returns WDS 0x0085 response.
func (*GetAttachResponse) Kind() Kind { return Kind{WDS, 0x0085, Response} }

func (m *GetAttachResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "APN", &m.APN, text)
	optional(f, 0x11, "IP families", &m.Families, u8)
	optional(f, 0x12, "attach over the air", &m.OverTheAir, flag)
}

func walkProfileIndices(c *cursor, v *[]uint16) { list8(c, v, u16) }

// GetAttachProfilesRequest (GET_LTE_ATTACH_PDN_LIST) asks which profiles the
// modem attaches with.
type GetAttachProfilesRequest struct{ noFields }

// Kind returns WDS 0x0094 request.
func (*GetAttachProfilesRequest) Kind() Kind { return Kind{WDS, 0x0094, Request} }

// GetAttachProfilesResponse has the indices of the profiles that the modem
// attaches with now, and with the next time.
type GetAttachProfilesResponse struct {
	Result
	Current, Pending *[]uint16
}

// Kind returns WDS 0x0094 response.
func (*GetAttachProfilesResponse) Kind() Kind { return Kind{WDS, 0x0094, Response} }

func (m *GetAttachProfilesResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "current profiles", &m.Current, walkProfileIndices)
	optional(f, 0x11, "pending profiles", &m.Pending, walkProfileIndices)
}

// AttachAction is what is to happen at once.
type AttachAction uint32

// What can happen.
const (
	AttachNextTime AttachAction = 1
	AttachAnew     AttachAction = 2
)

// SetAttachProfilesRequest (SET_LTE_ATTACH_PDN_LIST) sets which profiles the
// modem attaches with, by their indices in order.
type SetAttachProfilesRequest struct {
	Profiles []uint16
	Action   *AttachAction
}

// Kind returns WDS 0x0093 request.
func (*SetAttachProfilesRequest) Kind() Kind { return Kind{WDS, 0x0093, Request} }

func (m *SetAttachProfilesRequest) walk(f *fields) {
	need(f, 0x01, "profiles", &m.Profiles, walkProfileIndices)
	optional(f, 0x10, "action", &m.Action, u32)
}

// SetAttachProfilesResponse answers SetAttachProfilesRequest.
type SetAttachProfilesResponse struct{ Result }

// Kind returns WDS 0x0093 response.
func (*SetAttachProfilesResponse) Kind() Kind { return Kind{WDS, 0x0093, Response} }
