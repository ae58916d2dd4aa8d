package qmi

// SetDataEventsRequest (SET_EVENT_REPORT) asks WDS for reports of how a call is
// carried: its rates, its technology, whether it sleeps. Which, is of no interest
// here; but there are hosts that do not start a call unless this is answered.
type SetDataEventsRequest struct{ noFields }

// Kind returns WDS 0x0001 request.
func (*SetDataEventsRequest) Kind() Kind { return Kind{WDS, 0x0001, Request} }

// SetDataEventsResponse answers SetDataEventsRequest.
type SetDataEventsResponse struct{ Result }

// Kind returns WDS 0x0001 response.
func (*SetDataEventsResponse) Kind() Kind { return Kind{WDS, 0x0001, Response} }

// SetCallEventsRequest (INDICATION_REGISTER) asks WDS for indications beyond
// [PacketStatusIndication], which comes unasked. What is nil stays as it is.
type SetCallEventsRequest struct {
	Settings *bool
}

// Kind returns WDS 0x0003 request.
func (*SetCallEventsRequest) Kind() Kind { return Kind{WDS, 0x0003, Request} }

func (m *SetCallEventsRequest) walk(f *fields) {
	optional(f, 0x12, "settings reports", &m.Settings, flag)
}

// SetCallEventsResponse answers SetCallEventsRequest.
type SetCallEventsResponse struct{ Result }

// Kind returns WDS 0x0003 response.
func (*SetCallEventsResponse) Kind() Kind { return Kind{WDS, 0x0003, Response} }

// SettingsIndication (EXTENDED_IP_CONFIG) tells that settings of the client's
// call have changed.
type SettingsIndication struct {
	Changed *Settings
}

// Kind returns WDS 0x008c indication.
func (*SettingsIndication) Kind() Kind { return Kind{WDS, 0x008c, Indication} }

func (m *SettingsIndication) walk(f *fields) {
	optional(f, 0x10, "changed settings", &m.Changed, u32)
}
