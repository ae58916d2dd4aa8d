package qmi

// The messages of DMS that tell what the modem is; what it does is in mode.go.

// GetCapabilitiesRequest asks what the modem can do.
type GetCapabilitiesRequest struct{ noFields }

// Kind returns DMS 0x0020 request.
func (*GetCapabilitiesRequest) Kind() Kind { return Kind{DMS, 0x0020, Request} }

// Capabilities are what the modem can do.
type Capabilities struct {
	// MaxUp and MaxDown are the highest rates in bit/s.
	MaxUp, MaxDown uint32
	// Data is 1 for voice alone, 2 for packets alone, 3 for both at once and 4 for
	// either at a time.
	Data uint8
	// SIM is 1 for a modem without SIM, 2 for one with.
	SIM    uint8
	Radios []RadioInterface
}

func walkCapabilities(c *cursor, v *Capabilities) {
	u32(c, &v.MaxUp)
	u32(c, &v.MaxDown)
	u8(c, &v.Data)
	u8(c, &v.SIM)
	list8(c, &v.Radios, u8)
}

// GetCapabilitiesResponse says what the modem can do.
type GetCapabilitiesResponse struct {
	Result
	Capabilities Capabilities
}

// Kind returns DMS 0x0020 response.
func (*GetCapabilitiesResponse) Kind() Kind { return Kind{DMS, 0x0020, Response} }

func (m *GetCapabilitiesResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "capabilities", &m.Capabilities, walkCapabilities)
}

// GetManufacturerRequest asks who made the modem.
type GetManufacturerRequest struct{ noFields }

// Kind returns DMS 0x0021 request.
func (*GetManufacturerRequest) Kind() Kind { return Kind{DMS, 0x0021, Request} }

// GetManufacturerResponse says who made the modem.
type GetManufacturerResponse struct {
	Result
	Manufacturer string
}

// Kind returns DMS 0x0021 response.
func (*GetManufacturerResponse) Kind() Kind { return Kind{DMS, 0x0021, Response} }

func (m *GetManufacturerResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "manufacturer", &m.Manufacturer, text)
}

// GetModelRequest asks for the modem's model.
type GetModelRequest struct{ noFields }

// Kind returns DMS 0x0022 request.
func (*GetModelRequest) Kind() Kind { return Kind{DMS, 0x0022, Request} }

// GetModelResponse names the modem's model.
type GetModelResponse struct {
	Result
	Model string
}

// Kind returns DMS 0x0022 response.
func (*GetModelResponse) Kind() Kind { return Kind{DMS, 0x0022, Response} }

func (m *GetModelResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "model", &m.Model, text)
}

// GetRevisionRequest asks for the version of the modem's firmware.
type GetRevisionRequest struct{ noFields }

// Kind returns DMS 0x0023 request.
func (*GetRevisionRequest) Kind() Kind { return Kind{DMS, 0x0023, Request} }

// GetRevisionResponse names the version of the modem's firmware.
type GetRevisionResponse struct {
	Result
	Revision string
}

// Kind returns DMS 0x0023 response.
func (*GetRevisionResponse) Kind() Kind { return Kind{DMS, 0x0023, Response} }

func (m *GetRevisionResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "revision", &m.Revision, text)
}

// GetIDsRequest asks for the modem's serial numbers.
type GetIDsRequest struct{ noFields }

// Kind returns DMS 0x0025 request.
func (*GetIDsRequest) Kind() Kind { return Kind{DMS, 0x0025, Request} }

// GetIDsResponse has the modem's serial numbers. One that it has not is nil, or
// "0" with some modems.
type GetIDsResponse struct {
	Result
	ESN, IMEI, MEID *string
	// SoftwareVersion is the SV of the IMEI.
	SoftwareVersion *string
}

// Kind returns DMS 0x0025 response.
func (*GetIDsResponse) Kind() Kind { return Kind{DMS, 0x0025, Response} }

func (m *GetIDsResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "ESN", &m.ESN, text)
	optional(f, 0x11, "IMEI", &m.IMEI, text)
	optional(f, 0x12, "MEID", &m.MEID, text)
	optional(f, 0x13, "software version", &m.SoftwareVersion, text)
}
