package qmi

// CardEvents is a set of indications of UIM.
type CardEvents uint32

// The indications.
const (
	CardStatusEvents   CardEvents = 1 << 0
	PhysicalSlotEvents CardEvents = 1 << 4
)

// RegisterCardEventsRequest asks UIM for indications.
type RegisterCardEventsRequest struct {
	Events CardEvents
}

// Kind returns UIM 0x002e request.
func (*RegisterCardEventsRequest) Kind() Kind { return Kind{UIM, 0x002e, Request} }

func (m *RegisterCardEventsRequest) walk(f *fields) { need(f, 0x01, "events", &m.Events, u32) }

// RegisterCardEventsResponse says which indications will come.
type RegisterCardEventsResponse struct {
	Result
	Events *CardEvents
}

// Kind returns UIM 0x002e response.
func (*RegisterCardEventsResponse) Kind() Kind { return Kind{UIM, 0x002e, Response} }

func (m *RegisterCardEventsResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "events", &m.Events, u32)
}

// SessionType is the way to a card.
type SessionType uint8

// The ways to a card: by what the modem uses it for, or by its slot.
const (
	SessionPrimary   SessionType = 0
	SessionSecondary SessionType = 2
	SessionCardSlot1 SessionType = 6
	SessionCardSlot2 SessionType = 7
)

// Session is the way to an application of a card.
type Session struct {
	Type SessionType
	// AID is empty for the provisioning sessions and for a card as a whole.
	AID []byte
}

func walkSession(c *cursor, v *Session) {
	u8(c, &v.Type)
	octets8(c, &v.AID)
}

// CardResult is the card's own answer, the status words of ISO 7816: 90 00 is
// success, 63 Cn a wrong PIN with n attempts left.
type CardResult struct {
	SW1, SW2 uint8
}

func walkCardResult(c *cursor, v *CardResult) {
	u8(c, &v.SW1)
	u8(c, &v.SW2)
}

// PINID says which PIN.
type PINID uint8

// The PINs.
const (
	PIN1         PINID = 1
	PIN2         PINID = 2
	UniversalPIN PINID = 3
)

// PINInfo is a PIN and which one it is.
type PINInfo struct {
	ID  PINID
	PIN PIN
}

func walkPINInfo(c *cursor, v *PINInfo) {
	u8(c, &v.ID)
	text8(c, &v.PIN)
}

// VerifyPINRequest unlocks an application. Each wrong PIN costs one of few
// attempts.
type VerifyPINRequest struct {
	Session Session
	PIN     PINInfo
}

// Kind returns UIM 0x0026 request.
func (*VerifyPINRequest) Kind() Kind { return Kind{UIM, 0x0026, Request} }

func (m *VerifyPINRequest) walk(f *fields) {
	need(f, 0x01, "session", &m.Session, walkSession)
	need(f, 0x02, "PIN", &m.PIN, walkPINInfo)
}

// Retries are how many attempts are left with a PIN and with its PUK.
type Retries struct {
	Verify, Unblock uint8
}

func walkRetries(c *cursor, v *Retries) {
	u8(c, &v.Verify)
	u8(c, &v.Unblock)
}

// VerifyPINResponse answers VerifyPINRequest.
type VerifyPINResponse struct {
	Result
	Retries    *Retries
	CardResult *CardResult
}

// Kind returns UIM 0x0026 response.
func (*VerifyPINResponse) Kind() Kind { return Kind{UIM, 0x0026, Response} }

func (m *VerifyPINResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "retries", &m.Retries, walkRetries)
	optional(f, 0x13, "card result", &m.CardResult, walkCardResult)
}

// File is a file of a card: its number, and as its path the numbers of the
// folders above it, each as two octets with the low one first.
type File struct {
	ID   uint16
	Path []byte
}

func walkFile(c *cursor, v *File) {
	u16(c, &v.ID)
	octets8(c, &v.Path)
}

// Files that a router reads (ETSI TS 102 221 and 3GPP TS 31.102).
var (
	FileICCID = File{ID: 0x2fe2, Path: []byte{0x00, 0x3f}}
	FileIMSI  = File{ID: 0x6f07, Path: []byte{0x00, 0x3f, 0xff, 0x7f}}
	// FileAD has the length of the MNC in its fourth octet.
	FileAD = File{ID: 0x6fad, Path: []byte{0x00, 0x3f, 0xff, 0x7f}}
	// FileSPN is the name the SIM gives its operator, FileGID1 the group it belongs
	// to; a SIM need not have them.
	FileSPN  = File{ID: 0x6f46, Path: []byte{0x00, 0x3f, 0xff, 0x7f}}
	FileGID1 = File{ID: 0x6f3e, Path: []byte{0x00, 0x3f, 0xff, 0x7f}}
)

// Extent is a part of a file. Length 0 is all of it.
type Extent struct {
	Offset, Length uint16
}

func walkExtent(c *cursor, v *Extent) {
	u16(c, &v.Offset)
	u16(c, &v.Length)
}

// ReadTransparentRequest reads a file that is a string of octets.
type ReadTransparentRequest struct {
	Session Session
	File    File
	Extent  Extent
}

// Kind returns UIM 0x0020 request.
func (*ReadTransparentRequest) Kind() Kind { return Kind{UIM, 0x0020, Request} }

func (m *ReadTransparentRequest) walk(f *fields) {
	need(f, 0x01, "session", &m.Session, walkSession)
	need(f, 0x02, "file", &m.File, walkFile)
	need(f, 0x03, "extent", &m.Extent, walkExtent)
}

// ReadTransparentResponse has what is in the file.
type ReadTransparentResponse struct {
	Result
	CardResult *CardResult
	Data       *[]byte
}

// Kind returns UIM 0x0020 response.
func (*ReadTransparentResponse) Kind() Kind { return Kind{UIM, 0x0020, Response} }

func (m *ReadTransparentResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "card result", &m.CardResult, walkCardResult)
	optional(f, 0x11, "data", &m.Data, octets16)
}
