package qmi

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
