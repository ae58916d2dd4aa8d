package qmiside

import (
	"strconv"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

func (s *Side) nas(c *client, request qmi.Body) qmi.Body {
	switch r := request.(type) {
	case *qmi.GetServingSystemRequest:
		return &qmi.GetServingSystemResponse{System: s.servingSystem()}
	case *qmi.GetHomeNetworkRequest:
		return s.homeNetwork()
	case *qmi.GetNetworkNameRequest:
		return s.networkName(r)
	case *qmi.GetSystemRequest:
		return &qmi.GetSystemResponse{System: s.system()}
	case *qmi.GetSignalRequest:
		return &qmi.GetSignalResponse{Signal: s.signal()}
	case *qmi.GetBandsRequest:
		registration := s.modem.Registration()
		if !registration.Registered() {
			return &qmi.GetBandsResponse{Result: no(qmi.ErrInfoUnavailable)}
		}
		radio, band := radioOf(registration.Technology), bandNumber(registration.Band)
		return &qmi.GetBandsResponse{
			Bands: []qmi.Band{{Radio: radio, Band: band, Channel: uint16(registration.Channel)}},
			Wide:  &[]qmi.WideBand{{Radio: radio, Band: band, Channel: registration.Channel}},
		}
	case *qmi.RegisterRequest:
		return &qmi.RegisterResponse{Result: no(s.registerWith(r))}
	case *qmi.SetSelectionRequest:
		return &qmi.SetSelectionResponse{Result: no(s.selectNetwork(r))}
	case *qmi.GetSelectionRequest:
		return s.selection()
	case *qmi.SetPacketAttachRequest:
		if r.Action == nil {
			return &qmi.SetPacketAttachResponse{Result: no(qmi.ErrMissingArgument)}
		}
		return &qmi.SetPacketAttachResponse{Result: result(s.modem.SetAttached(*r.Action == qmi.AttachPackets))}
	case *qmi.SetNetworkEventsRequest:
		set(&c.serving, r.ServingSystem)
		set(&c.system, r.System)
		set(&c.signal, r.Signal)
		if r.Rejects != nil {
			c.rejects = r.Rejects.Report
		}
		return &qmi.SetNetworkEventsResponse{}
	}
	return nil
}

// homeNetwork is that of the SIM.
func (s *Side) homeNetwork() qmi.Body {
	card := s.modem.Card()
	if card == nil || s.modem.SIMState() != modem.SIMReady {
		return &qmi.GetHomeNetworkResponse{Result: no(qmi.ErrInfoUnavailable)}
	}
	mcc, mnc := numbers(s.modem.HomePLMN())
	return &qmi.GetHomeNetworkResponse{Home: qmi.PLMN{MCC: mcc, MNC: mnc, Name: card.Provider}}
}

// networkName is that of a network, which is known while it serves the modem.
func (s *Side) networkName(r *qmi.GetNetworkNameRequest) qmi.Body {
	registration := s.modem.Registration()
	if mcc, mnc := numbers(registration.PLMN); !registration.Registered() || mcc != r.MCC || mnc != r.MNC {
		return &qmi.GetNetworkNameResponse{Result: no(qmi.ErrInfoUnavailable)}
	}
	name := qmi.NetworkName{EncodedName: qmi.EncodedName{Text: registration.Operator}}
	return &qmi.GetNetworkNameResponse{Names: &qmi.NetworkNames{Provider: qmi.EncodedName{Text: s.modem.Card().Provider}, Short: name, Long: name}}
}

func set(v *bool, to *bool) {
	if to != nil {
		*v = *to
	}
}

func (s *Side) tellRegistration() {
	s.tellAll(qmi.NAS, func(c *client) bool { return c.serving }, &qmi.ServingSystemIndication{System: s.servingSystem()})
	s.tellAll(qmi.NAS, func(c *client) bool { return c.system }, &qmi.SystemIndication{System: s.system()})
	if r := s.modem.Registration(); r.State == modem.Denied {
		mcc, mnc := numbers(r.PLMN)
		s.tellAll(qmi.NAS, func(c *client) bool { return c.rejects }, &qmi.RejectIndication{
			Radio: radioOf(r.Technology), Domain: qmi.DomainBoth, Cause: r.Cause,
			Network: &qmi.MNCDigits{MCC: mcc, MNC: mnc, Three: len(r.PLMN) == 6},
		})
	}
}

func (s *Side) tellSignal() {
	s.tellAll(qmi.NAS, func(c *client) bool { return c.signal }, &qmi.SignalIndication{Signal: s.signal()})
}

// noLAC is what modems give for the location area where there is none.
const noLAC = 0xfffe

func (s *Side) servingSystem() qmi.ServingSystem {
	r := s.modem.Registration()
	if !r.Registered() {
		state := map[modem.RegistrationState]qmi.RegistrationState{
			modem.Searching: qmi.Searching, modem.Denied: qmi.RegistrationDenied,
		}[r.State]
		return qmi.ServingSystem{Network: qmi.ServingNetwork{
			State: state, CS: qmi.Detached, PS: qmi.Detached, Radios: []qmi.RadioInterface{qmi.RadioNone},
		}}
	}
	const network3GPP = 2
	mcc, mnc := numbers(r.PLMN)
	system := qmi.ServingSystem{
		Network: qmi.ServingNetwork{
			State: qmi.Registered, CS: qmi.Attached, PS: qmi.Detached, Selected: network3GPP,
			Radios: []qmi.RadioInterface{radioOf(r.Technology)},
		},
		Roaming:   new(qmi.Home),
		PLMN:      &qmi.PLMN{MCC: mcc, MNC: mnc, Name: r.Operator},
		Cell:      new(uint32(r.Cell)),
		Detailed:  &qmi.DetailedStatus{Status: qmi.FullService, Domain: qmi.DomainBoth},
		MNCDigits: &qmi.MNCDigits{MCC: mcc, MNC: mnc, Three: len(r.PLMN) == 6},
	}
	if r.Attached {
		system.Network.PS = qmi.Attached
	}
	if r.State == modem.Roaming {
		*system.Roaming = qmi.Roaming
	}
	if r.Technology >= modem.LTE {
		system.LAC, system.TAC = new(uint16(noLAC)), new(uint16(r.Area))
	} else {
		system.LAC = new(uint16(r.Area))
	}
	return system
}

func (s *Side) system() qmi.System {
	r := s.modem.Registration()
	status := &qmi.RadioStatus{Status: qmi.NoService, TrueStatus: qmi.NoService}
	switch {
	case r.Registered():
		status = &qmi.RadioStatus{Status: qmi.FullService, TrueStatus: qmi.FullService, Preferred: true}
	case r.State == modem.Denied:
		status = &qmi.RadioStatus{Status: qmi.LimitedService, TrueStatus: qmi.LimitedService}
	}
	system := qmi.System{}
	place, network := &system.LTE, &system.LTESystem
	switch r.Technology {
	case modem.GSM:
		place, network = &system.GSM, &system.GSMSystem
	case modem.UMTS:
		place, network = &system.WCDMA, &system.WCDMASystem
	case modem.NR:
		place, network = &system.NR5G, &system.NR5GSystem
	}
	*place = status
	if r.Registered() || r.State == modem.Denied {
		*network = radioSystem(r)
	}
	return system
}

// radioSystem is the network that serves the modem or has said no.
func radioSystem(r modem.Registration) *qmi.RadioSystem {
	network := &qmi.RadioSystem{
		Domain: new(qmi.DomainNone), Capability: new(qmi.DomainBoth), Roaming: new(uint8(0)), Forbidden: new(false),
		Cell: new(uint32(r.Cell)), Network: &qmi.NetworkID{MCC: r.PLMN[:3], MNC: r.PLMN[3:]},
	}
	if r.Technology >= modem.LTE {
		network.TAC = new(uint16(r.Area))
	} else {
		network.LAC = new(uint16(r.Area))
	}
	if r.Registered() {
		*network.Domain = qmi.DomainBoth
	}
	if r.State == modem.Roaming {
		*network.Roaming = 1
	}
	if r.State == modem.Denied {
		*network.Forbidden = true
		network.Reject = &qmi.Reject{Domain: qmi.DomainBoth, Cause: r.Cause}
	}
	return network
}

func (s *Side) signal() qmi.Signal {
	v := s.modem.Signal()
	rssi, rsrp, rsrq, sinr := value(v.RSSI), value(v.RSRP), value(v.RSRQ), value(v.SINR)
	r := s.modem.Registration()
	switch {
	case v == (modem.Signal{}):
		return qmi.Signal{}
	case r.Technology == modem.GSM:
		return qmi.Signal{GSM: new(int8(rssi))}
	case r.Technology == modem.UMTS:
		return qmi.Signal{WCDMA: &qmi.WCDMASignal{RSSI: int8(rssi), EcIo: 8}}
	case r.Technology == modem.NR:
		return qmi.Signal{NR5G: &qmi.NR5GSignal{RSRP: int16(rsrp), SNR: int16(sinr * 10)}, NR5GRSRQ: new(int16(rsrq))}
	}
	return qmi.Signal{LTE: &qmi.LTESignal{RSSI: int8(rssi), RSRQ: int8(rsrq), RSRP: int16(rsrp), SNR: int16(sinr * 10)}}
}

func value(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}

func (s *Side) registerWith(r *qmi.RegisterRequest) qmi.ErrorCode {
	selection := s.modem.Selection()
	switch {
	case r.Action == qmi.RegisterAutomatic:
		selection.PLMN = ""
	case r.Action == qmi.RegisterManual && r.Network != nil:
		selection.PLMN = plmn(r.Network.MCC, r.Network.MNC, r.ThreeDigits)
	default:
		return qmi.ErrMissingArgument
	}
	s.modem.Select(selection)
	return qmi.Success
}

func (s *Side) selectNetwork(r *qmi.SetSelectionRequest) qmi.ErrorCode {
	selection := s.modem.Selection()
	if r.Radios != nil {
		if selection.Technologies = technologies(*r.Radios); selection.Technologies == nil {
			return qmi.ErrInvalidArgument
		}
	}
	if n := r.Network; n != nil {
		selection.PLMN = ""
		if n.Mode == qmi.SelectManual {
			selection.PLMN = plmn(n.MCC, n.MNC, r.ThreeDigits)
		}
	}
	s.modem.Select(selection)
	return qmi.Success
}

func (s *Side) selection() qmi.Body {
	selection := s.modem.Selection()
	const anyDomain = 2
	answer := &qmi.GetSelectionResponse{
		Radios: new(radiosOf(selection.Technologies)), Roaming: new(qmi.RoamingAny), Mode: new(qmi.SelectAutomatic), Domain: new(uint32(anyDomain)),
	}
	if selection.PLMN != "" {
		mcc, mnc := numbers(selection.PLMN)
		*answer.Mode = qmi.SelectManual
		answer.Network = &qmi.MNCDigits{MCC: mcc, MNC: mnc, Three: len(selection.PLMN) == 6}
	}
	return answer
}

// numbers are those of a PLMN.
func numbers(plmn string) (mcc, mnc uint16) {
	if len(plmn) < 5 {
		return 0, 0
	}
	a, _ := strconv.ParseUint(plmn[:3], 10, 16)
	b, _ := strconv.ParseUint(plmn[3:], 10, 16)
	return uint16(a), uint16(b)
}

func plmn(mcc, mnc uint16, three *bool) string {
	return qmi.MNCDigits{MCC: mcc, MNC: mnc, Three: three != nil && *three || mnc > 99}.String()
}

// bandNumber is Qualcomm's number of a band.
func bandNumber(name string) uint16 {
	for n := range uint16(512) {
		if name != "" && qmi.BandName(n) == name {
			return n
		}
	}
	return 0
}
