package qmi

// The messages of DMS about the SIM, which modems have that lack UIM. UIM comes
// first where there is one: newer modems refuse these.

// DMSVerifyPINRequest unlocks the SIM. Each wrong PIN costs one of few attempts.
type DMSVerifyPINRequest struct {
	PIN PINInfo
}

// Kind returns DMS 0x0028 request.
func (*DMSVerifyPINRequest) Kind() Kind { return Kind{DMS, 0x0028, Request} }

func (m *DMSVerifyPINRequest) walk(f *fields) { need(f, 0x01, "PIN", &m.PIN, walkPINInfo) }

// DMSVerifyPINResponse answers DMSVerifyPINRequest.
type DMSVerifyPINResponse struct {
	Result
	Retries *Retries
}

// Kind returns DMS 0x0028 response.
func (*DMSVerifyPINResponse) Kind() Kind { return Kind{DMS, 0x0028, Response} }

func (m *DMSVerifyPINResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x10, "retries", &m.Retries, walkRetries)
}

// DMSGetPINStatusRequest asks for the states of the PINs.
type DMSGetPINStatusRequest struct{ noFields }

// Kind returns DMS 0x002b request.
func (*DMSGetPINStatusRequest) Kind() Kind { return Kind{DMS, 0x002b, Request} }

// DMSGetPINStatusResponse has the states of the PINs. If there is no SIM or it
// still starts, the modem says so by refusing.
type DMSGetPINStatusResponse struct {
	Result
	PIN1, PIN2 *PINStatus
}

// Kind returns DMS 0x002b response.
func (*DMSGetPINStatusResponse) Kind() Kind { return Kind{DMS, 0x002b, Response} }

func (m *DMSGetPINStatusResponse) walk(f *fields) {
	m.Result.walk(f)
	optional(f, 0x11, "PIN1", &m.PIN1, walkPINStatus)
	optional(f, 0x12, "PIN2", &m.PIN2, walkPINStatus)
}

// DMSGetICCIDRequest asks for the SIM's own number.
type DMSGetICCIDRequest struct{ noFields }

// Kind returns DMS 0x003c request.
func (*DMSGetICCIDRequest) Kind() Kind { return Kind{DMS, 0x003c, Request} }

// DMSGetICCIDResponse has the SIM's own number in decimal digits.
type DMSGetICCIDResponse struct {
	Result
	ICCID string
}

// Kind returns DMS 0x003c response.
func (*DMSGetICCIDResponse) Kind() Kind { return Kind{DMS, 0x003c, Response} }

func (m *DMSGetICCIDResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "ICCID", &m.ICCID, text)
}

// DMSGetIMSIRequest asks for the subscriber's number.
type DMSGetIMSIRequest struct{ noFields }

// Kind returns DMS 0x0043 request.
func (*DMSGetIMSIRequest) Kind() Kind { return Kind{DMS, 0x0043, Request} }

// DMSGetIMSIResponse has the subscriber's number in decimal digits.
type DMSGetIMSIResponse struct {
	Result
	IMSI string
}

// Kind returns DMS 0x0043 response.
func (*DMSGetIMSIResponse) Kind() Kind { return Kind{DMS, 0x0043, Response} }

func (m *DMSGetIMSIResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "IMSI", &m.IMSI, text)
}
