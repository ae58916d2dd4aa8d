package qmi

// ProfileType is whose profile it is.
type ProfileType uint8

// Profile3GPP is the type of all profiles of GSM, UMTS, LTE and 5G.
const Profile3GPP ProfileType = 0

// ProfileID names a profile, a set of settings for calls that the modem keeps.
type ProfileID struct {
	Type  ProfileType
	Index uint8
}

func walkProfileID(c *cursor, v *ProfileID) {
	u8(c, &v.Type)
	u8(c, &v.Index)
}

// ProfileName is a profile and its name.
type ProfileName struct {
	ID   ProfileID
	Name string
}

func walkProfileName(c *cursor, v *ProfileName) {
	walkProfileID(c, &v.ID)
	text8(c, &v.Name)
}

// ListProfilesRequest (GET_PROFILE_LIST) asks which profiles there are.
type ListProfilesRequest struct {
	Type *ProfileType
}

// Kind returns WDS 0x002a request.
func (*ListProfilesRequest) Kind() Kind { return Kind{WDS, 0x002a, Request} }

func (m *ListProfilesRequest) walk(f *fields) { optional(f, 0x10, "type of profile", &m.Type, u8) }

// ListProfilesResponse has the profiles there are.
type ListProfilesResponse struct {
	Result
	Profiles []ProfileName
}

// Kind returns WDS 0x002a response.
func (*ListProfilesResponse) Kind() Kind { return Kind{WDS, 0x002a, Response} }

func (m *ListProfilesResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "profiles", &m.Profiles, func(c *cursor, v *[]ProfileName) { list8(c, v, walkProfileName) })
}

// PDPType is which IP families a profile asks for.
type PDPType uint8

// The PDP types.
const (
	PDPIPv4   PDPType = 0
	PDPPPP    PDPType = 1
	PDPIPv6   PDPType = 2
	PDPIPv4v6 PDPType = 3
)

// Profile is what a profile says. What is nil stays as it is, or is not set; an
// empty APN is another thing than none.
type Profile struct {
	Name     *string
	PDPType  *PDPType
	APN      *string
	User     *string
	Password *Password
	Auth     *Auth
}

func (m *Profile) walk(f *fields) {
	optional(f, 0x10, "name", &m.Name, text)
	optional(f, 0x11, "PDP type", &m.PDPType, u8)
	optional(f, 0x14, "APN", &m.APN, text)
	optional(f, 0x1b, "user", &m.User, text)
	optional(f, 0x1c, "password", &m.Password, text)
	optional(f, 0x1d, "authentication", &m.Auth, u8)
}

// ModifyProfileRequest changes a profile.
type ModifyProfileRequest struct {
	ID      ProfileID
	Profile Profile
}

// Kind returns WDS 0x0028 request.
func (*ModifyProfileRequest) Kind() Kind { return Kind{WDS, 0x0028, Request} }

func (m *ModifyProfileRequest) walk(f *fields) {
	need(f, 0x01, "profile", &m.ID, walkProfileID)
	m.Profile.walk(f)
}

// ModifyProfileResponse answers ModifyProfileRequest.
type ModifyProfileResponse struct {
	Result
	// Extended says more where Code is the error with details elsewhere.
	Extended *uint16
}

// Kind returns WDS 0x0028 response.
func (*ModifyProfileResponse) Kind() Kind { return Kind{WDS, 0x0028, Response} }

func (m *ModifyProfileResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0xe0, "extended error", &m.Extended, u16)
}

// GetProfileRequest (GET_PROFILE_SETTINGS) asks what a profile says.
type GetProfileRequest struct {
	ID ProfileID
}

// Kind returns WDS 0x002b request.
func (*GetProfileRequest) Kind() Kind { return Kind{WDS, 0x002b, Request} }

func (m *GetProfileRequest) walk(f *fields) { need(f, 0x01, "profile", &m.ID, walkProfileID) }

// GetProfileResponse has what a profile says.
type GetProfileResponse struct {
	Result
	Profile Profile
	// Extended says more where Code is the error with details elsewhere.
	Extended *uint16
}

// Kind returns WDS 0x002b response.
func (*GetProfileResponse) Kind() Kind { return Kind{WDS, 0x002b, Response} }

func (m *GetProfileResponse) walk(f *fields) {
	m.Result.walk(f)
	m.Profile.walk(f)
	optional(f, 0xe0, "extended error", &m.Extended, u16)
}
