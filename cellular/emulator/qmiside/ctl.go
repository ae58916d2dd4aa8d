package qmiside

import "github.com/farspoke/farspoke/cellular/qmi"

// clientsOfAService is how many client ids there are of a service. Real modems
// have as few.
const clientsOfAService = 16

var services = []qmi.ServiceVersion{
	{Service: qmi.CTL, Major: 1, Minor: 5}, {Service: qmi.WDS, Major: 1, Minor: 67}, {Service: qmi.DMS, Major: 1, Minor: 0},
	{Service: qmi.NAS, Major: 1, Minor: 25}, {Service: qmi.UIM, Major: 1, Minor: 46}, {Service: qmi.WDA, Major: 1, Minor: 16},
}

func (s *Side) ctl(request qmi.Body) qmi.Body {
	switch r := request.(type) {
	case *qmi.SyncRequest:
		for id := range s.clients {
			s.release(id)
		}
		return &qmi.SyncResponse{}
	case *qmi.GetVersionInfoRequest:
		return &qmi.GetVersionInfoResponse{Services: services}
	case *qmi.GetClientIDRequest:
		id, code := s.allocate(r.Service)
		return &qmi.GetClientIDResponse{Result: no(code), ID: id}
	case *qmi.ReleaseClientIDRequest:
		if _, ok := s.clients[r.ID]; !ok {
			return &qmi.ReleaseClientIDResponse{Result: no(qmi.ErrInvalidClientID)}
		}
		s.release(r.ID)
		return &qmi.ReleaseClientIDResponse{ID: r.ID}
	case *qmi.SetLinkFormatRequest:
		inForce := qmi.LinkProtocol8023
		if r.Protocol != nil && *r.Protocol&qmi.LinkProtocolIP != 0 {
			inForce = qmi.LinkProtocolIP
		}
		s.setPath(Path{Link: map[qmi.LinkProtocol]qmi.LinkLayer{qmi.LinkProtocol8023: qmi.LinkEthernet, qmi.LinkProtocolIP: qmi.LinkRawIP}[inForce]})
		return &qmi.SetLinkFormatResponse{Protocol: &inForce}
	}
	return nil
}

// allocate gives out a client id.
func (s *Side) allocate(service qmi.Service) (qmi.ClientID, qmi.ErrorCode) {
	const invalidServiceType = qmi.ErrorCode(31)
	known := false
	for _, v := range services {
		known = known || v.Service == service && service != qmi.CTL
	}
	if !known {
		return qmi.ClientID{}, invalidServiceType
	}
	for n := uint8(1); n <= clientsOfAService; n++ {
		id := qmi.ClientID{Service: service, Client: n}
		if s.clients[id] == nil {
			s.clients[id] = &client{id: id, family: qmi.FamilyIPv4}
			return id, qmi.Success
		}
	}
	return qmi.ClientID{}, qmi.ErrClientIDsExhausted
}

// release takes a client id back, and with it the client's call.
func (s *Side) release(id qmi.ClientID) {
	s.leaveCall(s.clients[id])
	delete(s.clients, id)
}
