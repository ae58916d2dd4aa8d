package qmihost

import (
	"net/netip"

	"github.com/farspoke/farspoke/cellular/qmi"
)

// aid is the application identifier of the scripted SIM.
var aid = []byte{0xa0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02}

// cardWith returns cards of which the first has a USIM in state, with a PIN in
// pin.
func cardWith(state qmi.AppState, pin qmi.PINStatus) *qmi.CardStatus {
	return &qmi.CardStatus{
		Primary: 0, Primary1X: 0xffff, Secondary: 0xffff, Secondary1X: 0xffff,
		Cards: []qmi.Card{{State: qmi.CardPresent, Applications: []qmi.Application{{
			Type: qmi.AppUSIM, State: state, PersonalisationState: 2, AID: aid, PIN1: pin,
		}}}},
	}
}

// goodFiles are the files of the scripted SIM.
var goodFiles = map[uint16][]byte{
	qmi.FileICCID.ID: {0x98, 0x94, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x21},
	qmi.FileIMSI.ID:  {0x08, 0x29, 0x26, 0x10, 0x32, 0x54, 0x76, 0x98, 0x10},
	qmi.FileAD.ID:    {0x00, 0x00, 0x00, 0x02},
	qmi.FileSPN.ID:   {0x01, 'T', 'e', 's', 't', 0xff, 0xff},
	qmi.FileGID1.ID:  {0x0a, 0xff},
}

// onLTE is a network that serves the modem.
var onLTE = qmi.ServingSystem{
	Network: qmi.ServingNetwork{State: qmi.Registered, CS: qmi.Attached, PS: qmi.Attached, Selected: 2, Radios: []qmi.RadioInterface{qmi.RadioLTE}},
	Roaming: new(qmi.Home), PLMN: &qmi.PLMN{MCC: 262, MNC: 1, Name: "Testnet"}, LAC: new(uint16(0xfffe)), Cell: new(uint32(0x1234567)),
	TAC: new(uint16(0x4321)), MNCDigits: &qmi.MNCDigits{MCC: 262, MNC: 1},
}

// goodAnswers are those of a modem in good order.
func goodAnswers(s *script) map[qmi.Kind]func(uint8, qmi.Body) any {
	good := &script{answers: make(map[qmi.Kind]func(uint8, qmi.Body) any)}
	controlAnswers(good, s)
	callAnswers(good, s)

	always[qmi.SetDataFormatRequest](good, &qmi.SetDataFormatResponse{Format: qmi.DataFormat{Link: new(qmi.LinkRawIP)}})

	always[qmi.GetManufacturerRequest](good, &qmi.GetManufacturerResponse{Manufacturer: "Acme"})
	always[qmi.GetModelRequest](good, &qmi.GetModelResponse{Model: "M2"})
	always[qmi.GetRevisionRequest](good, &qmi.GetRevisionResponse{Revision: "R06"})
	always[qmi.GetIDsRequest](good, &qmi.GetIDsResponse{ESN: new("0"), IMEI: new("867530912345678")})
	always[qmi.GetCapabilitiesRequest](good, &qmi.GetCapabilitiesResponse{Capabilities: qmi.Capabilities{Radios: []qmi.RadioInterface{qmi.RadioUMTS, qmi.RadioLTE}}})
	always[qmi.GetOperatingModeRequest](good, &qmi.GetOperatingModeResponse{Mode: qmi.ModeOnline})
	always[qmi.SetOperatingModeRequest](good, &qmi.SetOperatingModeResponse{})
	always[qmi.SetDeviceEventsRequest](good, &qmi.SetDeviceEventsResponse{})

	always[qmi.RegisterCardEventsRequest](good, &qmi.RegisterCardEventsResponse{})
	always[qmi.GetCardStatusRequest](good, &qmi.GetCardStatusResponse{Status: cardWith(qmi.AppReady, qmi.PINStatus{State: qmi.PINDisabled, Retries: 3, UnblockRetries: 10})})
	on(good, func(_ uint8, r *qmi.ReadTransparentRequest) any {
		octets, ok := goodFiles[r.File.ID]
		if !ok {
			return qmi.ErrFileNotFound
		}
		return &qmi.ReadTransparentResponse{CardResult: &qmi.CardResult{SW1: 0x90}, Data: &octets}
	})
	always[qmi.GetSlotStatusRequest](good, &qmi.GetSlotStatusResponse{Slots: &[]qmi.Slot{
		{Card: qmi.SlotFilled, Active: 1, Logical: 1, ICCID: goodFiles[qmi.FileICCID.ID]}, {Card: qmi.SlotEmpty},
	}})
	always[qmi.SwitchSlotRequest](good, &qmi.SwitchSlotResponse{})
	always[qmi.VerifyPINRequest](good, &qmi.VerifyPINResponse{})

	always[qmi.SetNetworkEventsRequest](good, &qmi.SetNetworkEventsResponse{})
	always[qmi.GetServingSystemRequest](good, &qmi.GetServingSystemResponse{System: onLTE})
	always[qmi.GetSystemRequest](good, &qmi.GetSystemResponse{System: qmi.System{LTE: &qmi.RadioStatus{Status: qmi.FullService}}})
	always[qmi.GetBandsRequest](good, &qmi.GetBandsResponse{Bands: []qmi.Band{{Radio: qmi.RadioLTE, Band: 145, Channel: 6300}}})
	always[qmi.GetSignalRequest](good, &qmi.GetSignalResponse{Signal: qmi.Signal{LTE: &qmi.LTESignal{RSSI: -65, RSRQ: -11, RSRP: -93, SNR: 124}}})
	always[qmi.GetSelectionRequest](good, &qmi.GetSelectionResponse{Radios: new(qmi.UseUMTS | qmi.UseLTE), Mode: new(qmi.SelectAutomatic)})
	always[qmi.SetSelectionRequest](good, &qmi.SetSelectionResponse{})
	always[qmi.SetPacketAttachRequest](good, &qmi.SetPacketAttachResponse{})
	return good.answers
}

// controlAnswers are those of CTL.
func controlAnswers(good, s *script) {
	on(good, func(uint8, *qmi.SyncRequest) any {
		clear(s.clients)
		clear(s.calls)
		return &qmi.SyncResponse{}
	})
	always[qmi.GetVersionInfoRequest](good, &qmi.GetVersionInfoResponse{Services: []qmi.ServiceVersion{
		{Service: qmi.CTL, Major: 1, Minor: 5}, {Service: qmi.WDS, Major: 1, Minor: 67}, {Service: qmi.DMS, Major: 1, Minor: 14},
		{Service: qmi.NAS, Major: 1, Minor: 25}, {Service: qmi.UIM, Major: 1, Minor: 46}, {Service: qmi.WDA, Major: 1, Minor: 16},
	}})
	on(good, func(_ uint8, r *qmi.GetClientIDRequest) any {
		s.last++
		id := qmi.ClientID{Service: r.Service, Client: s.last}
		s.clients[id] = true
		return &qmi.GetClientIDResponse{ID: id}
	})
	on(good, func(_ uint8, r *qmi.ReleaseClientIDRequest) any {
		if !s.clients[r.ID] {
			return qmi.ErrInvalidClientID
		}
		delete(s.clients, r.ID)
		if r.ID.Service == qmi.WDS {
			delete(s.calls, r.ID.Client)
		}
		return &qmi.ReleaseClientIDResponse{ID: r.ID}
	})
}

// callAnswers are those of WDS.
func callAnswers(good, s *script) {
	on(good, func(client uint8, r *qmi.SetIPFamilyRequest) any {
		s.family[client] = r.Family
		return &qmi.SetIPFamilyResponse{}
	})
	always[qmi.SetCallEventsRequest](good, &qmi.SetCallEventsResponse{})
	on(good, func(client uint8, r *qmi.StartNetworkRequest) any {
		s.calls[client] = *r.Family
		return &qmi.StartNetworkResponse{Handle: qmi.Handle(client) << 8}
	})
	on(good, func(client uint8, r *qmi.StopNetworkRequest) any {
		if _, ok := s.calls[client]; !ok || r.Handle != qmi.Handle(client)<<8 {
			return qmi.ErrInvalidHandle
		}
		delete(s.calls, client)
		return &qmi.StopNetworkResponse{}
	})
	on(good, func(client uint8, _ *qmi.GetPacketStatusRequest) any {
		if _, ok := s.calls[client]; !ok {
			return &qmi.GetPacketStatusResponse{Status: qmi.Disconnected}
		}
		return &qmi.GetPacketStatusResponse{Status: qmi.Connected}
	})
	on(good, func(client uint8, _ *qmi.GetSettingsRequest) any {
		switch s.calls[client] {
		case qmi.FamilyIPv4:
			return settings4
		case qmi.FamilyIPv6:
			return settings6
		}
		return qmi.ErrOutOfCall
	})
	on(good, func(client uint8, _ *qmi.GetStatisticsRequest) any {
		if s.calls[client] == qmi.FamilyIPv4 {
			return &qmi.GetStatisticsResponse{PacketsSent: new(uint32(2)), PacketsReceived: new(uint32(3)), OctetsSent: new(uint64(200)), OctetsReceived: new(uint64(300))}
		}
		return &qmi.GetStatisticsResponse{PacketsSent: new(uint32(0xffffffff)), OctetsSent: new(uint64(1 << 33))}
	})
	on(good, func(uint8, *qmi.GetAttachProfilesRequest) any {
		return &qmi.GetAttachProfilesResponse{Current: &[]uint16{3}, Pending: new([]uint16)}
	})
	always[qmi.GetProfileRequest](good, &qmi.GetProfileResponse{Profile: qmi.Profile{APN: new("internet"), PDPType: new(qmi.PDPIPv4v6), User: new("")}})
	always[qmi.ModifyProfileRequest](good, &qmi.ModifyProfileResponse{})
}

func address(text string) *netip.Addr  { return new(netip.MustParseAddr(text)) }
func prefix(text string) *netip.Prefix { return new(netip.MustParsePrefix(text)) }

// What the network gives.
var (
	settings4 = &qmi.GetSettingsResponse{APN: new("internet.mnc001.mcc262.gprs"), IPv4: qmi.IPv4Settings{
		Address: address("100.64.0.2"), Gateway: address("100.64.0.1"), Mask: address("255.255.255.252"), DNS1: address("8.8.8.8"), DNS2: address("1.1.1.1"),
	}, MTU: new(uint32(1500)), Family: new(qmi.FamilyIPv4)}
	settings6 = &qmi.GetSettingsResponse{IPv6: qmi.IPv6Settings{
		Address: prefix("2001:db8:0:1::2/64"), Gateway: prefix("2001:db8:0:1::1/64"), DNS1: address("2001:4860:4860::8888"), DNS2: address("::"),
	}, MTU: new(uint32(1430)), Family: new(qmi.FamilyIPv6)}
)
