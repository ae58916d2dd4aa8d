package qmi

// GetNetworkNameRequest (GET_PLMN_NAME) asks for the names of a network.
type GetNetworkNameRequest struct {
	MCC, MNC uint16
}

// Kind returns NAS 0x0044 request.
func (*GetNetworkNameRequest) Kind() Kind { return Kind{NAS, 0x0044, Request} }

func (m *GetNetworkNameRequest) walk(f *fields) {
	need(f, 0x01, "PLMN", m, func(c *cursor, v *GetNetworkNameRequest) {
		u16(c, &v.MCC)
		u16(c, &v.MNC)
	})
}

// GetNetworkNameResponse has the names of a network, nil if they are not known.
type GetNetworkNameResponse struct {
	Result
	Names *NetworkNames
}

// Kind returns NAS 0x0044 response.
func (*GetNetworkNameResponse) Kind() Kind { return Kind{NAS, 0x0044, Response} }

func (m *GetNetworkNameResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "names", &m.Names, walkNetworkNames)
}

// NetworkNames are what a network is called: by the SIM's provider, and by itself.
type NetworkNames struct {
	Provider    EncodedName
	Short, Long NetworkName
}

// NetworkName is a name as the network sends it (3GPP TS 24.008, 10.5.3.5a).
type NetworkName struct {
	EncodedName
	// CountryInitials: they are to be put before it.
	CountryInitials bool
	// Spare is how many bits of the last octet are none of its.
	Spare uint8
}

// EncodedName is a text in GSM's default alphabet, an octet for each letter, which
// for letters and digits is ASCII.
type EncodedName struct {
	// Encoding is another alphabet if it is not 0.
	Encoding uint8
	Text     string
}

func walkNetworkNames(c *cursor, v *NetworkNames) {
	u8(c, &v.Provider.Encoding)
	text8(c, &v.Provider.Text)
	for _, name := range []*NetworkName{&v.Short, &v.Long} {
		u8(c, &name.Encoding)
		flag(c, &name.CountryInitials)
		u8(c, &name.Spare)
		text8(c, &name.Text)
	}
}
