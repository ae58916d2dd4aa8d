package qmi

// GetHomeNetworkRequest asks for the network that the SIM is of.
type GetHomeNetworkRequest struct{ noFields }

// Kind returns NAS 0x0025 request.
func (*GetHomeNetworkRequest) Kind() Kind { return Kind{NAS, 0x0025, Request} }

// GetHomeNetworkResponse has the network that the SIM is of.
type GetHomeNetworkResponse struct {
	Result
	Home PLMN
}

// Kind returns NAS 0x0025 response.
func (*GetHomeNetworkResponse) Kind() Kind { return Kind{NAS, 0x0025, Response} }

func (m *GetHomeNetworkResponse) walk(f *fields) {
	m.Result.walk(f)
	need(f, 0x01, "home network", &m.Home, walkPLMN)
}
