package mbimside

import (
	"errors"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

func (s *Side) home(k mbim.Kind) *reply {
	if k.Class == mbim.Set {
		return no(mbim.StatusOperationNotAllowed) // that is for networks without SIMs
	}
	if status := s.simStatus(); status != mbim.StatusOK {
		return no(status)
	}
	return ok(&mbim.HomeProvider{Provider: mbim.Provider{
		ID: s.modem.HomePLMN(), Name: s.modem.Card().Provider, State: mbim.ProviderStateHome,
		CellularClass: mbim.CellularClassGSM, RSSI: mbim.UnknownRSSI, ErrorRate: unknownErrorRate,
	}})
}

// unknownErrorRate is how a modem codes what it does not measure.
const unknownErrorRate = 99

func (s *Side) scan(later func(*reply)) *reply {
	err := s.modem.Scan(func(networks []*virtual.Network) {
		if len(networks) == 0 {
			later(no(mbim.StatusProvidersNotFound))
			return
		}
		visible := &mbim.VisibleProviders{}
		for _, n := range networks {
			visible.Providers = append(visible.Providers, s.provider(n))
		}
		later(ok(visible))
	})
	if err != nil {
		return no(mbim.StatusRadioPowerOff)
	}
	return nil
}

func (s *Side) provider(n *virtual.Network) mbim.Provider {
	p := mbim.Provider{
		ID: n.PLMN, Name: n.Name, State: mbim.ProviderStateVisible, CellularClass: mbim.CellularClassGSM,
		RSSI: rssi(n.Signal), ErrorRate: unknownErrorRate,
	}
	registration := s.modem.Registration()
	switch {
	case n.PLMN == s.modem.HomePLMN():
		p.State |= mbim.ProviderStateHome
	case registration.State == modem.Denied && registration.PLMN == n.PLMN:
		p.State |= mbim.ProviderStateForbidden
	}
	if registration.Registered() && registration.PLMN == n.PLMN {
		p.State |= mbim.ProviderStateRegistered
	}
	return p
}

func (s *Side) register(request mbim.Body) *reply {
	r, set := request.(*mbim.Register)
	if !set {
		return ok(s.registration())
	}
	switch status := s.simStatus(); {
	case status != mbim.StatusOK:
		return no(status)
	case !s.modem.Radio().On():
		return no(mbim.StatusRadioPowerOff)
	case r.Action == mbim.RegisterActionManual && len(r.ProviderID) != 5 && len(r.ProviderID) != 6:
		return no(mbim.StatusInvalidParameters)
	}
	selection := modem.Selection{Technologies: technologies(r.DataClass)}
	if r.Action == mbim.RegisterActionManual {
		selection.PLMN = r.ProviderID
	}
	s.modem.Select(selection)
	return ok(s.registration())
}

func (s *Side) registration() *mbim.Registration {
	r := s.modem.Registration()
	states := map[modem.RegistrationState]mbim.RegisterState{
		modem.NotRegistered: mbim.RegisterStateDeregistered, modem.Searching: mbim.RegisterStateSearching,
		modem.Home: mbim.RegisterStateHome, modem.Roaming: mbim.RegisterStateRoaming, modem.Denied: mbim.RegisterStateDenied,
	}
	answer := &mbim.Registration{
		NwError: mbim.NwError(r.Cause), State: states[r.State], Mode: mbim.RegisterModeAutomatic, CellularClass: mbim.CellularClassGSM,
		Flags: mbim.RegistrationFlagPacketServiceAutomaticAttach, PreferredDataClasses: dataClasses,
	}
	selection := s.modem.Selection()
	if selection.PLMN != "" {
		answer.Mode = mbim.RegisterModeManual
	}
	if len(selection.Technologies) > 0 {
		answer.PreferredDataClasses = 0
		for _, t := range selection.Technologies {
			answer.PreferredDataClasses |= dataClass(t)
		}
	}
	if r.Registered() || r.State == modem.Denied {
		answer.AvailableDataClasses, answer.ProviderID, answer.ProviderName = dataClass(r.Technology), r.PLMN, r.Operator
	}
	return answer
}

func (s *Side) packetService(request mbim.Body, later func(*reply)) *reply {
	r, set := request.(*mbim.AttachPacketService)
	if !set {
		return ok(s.attached())
	}
	err := s.modem.SetAttached(r.Action == mbim.PacketServiceActionAttach)
	switch {
	case errors.Is(err, virtual.ErrRadioOff):
		return no(mbim.StatusRadioPowerOff)
	case err != nil:
		return no(s.simStatus())
	case r.Action == mbim.PacketServiceActionDetach || s.settled():
		return s.attachAnswer()
	}
	s.attaching = append(s.attaching, func() { later(s.attachAnswer()) })
	return nil
}

// settled reports whether the network has said yes or no to packet service.
func (s *Side) settled() bool {
	r := s.modem.Registration()
	return r.Attached || r.State == modem.Denied
}

// attachAnswer is the answer to who attaches or detaches.
func (s *Side) attachAnswer() *reply {
	if s.modem.Registration().State == modem.Denied {
		return &reply{mbim.StatusFailure, s.attached()}
	}
	return ok(s.attached())
}

func (s *Side) attached() *mbim.PacketService {
	r := s.modem.Registration()
	switch {
	case r.Attached:
		answer := &mbim.PacketService{
			State: mbim.PacketServiceStateAttached, DataClass: dataClass(r.Technology), UplinkSpeed: uplinkSpeed, DownlinkSpeed: downlinkSpeed,
		}
		if r.Technology >= modem.NSA {
			answer.FrequencyRange = mbim.FrequencyRange1
		}
		return answer
	case r.State == modem.Searching:
		return &mbim.PacketService{State: mbim.PacketServiceStateAttaching}
	}
	return &mbim.PacketService{NwError: mbim.NwError(r.Cause), State: mbim.PacketServiceStateDetached}
}

func (s *Side) signal() *mbim.SignalState {
	v := s.modem.Signal()
	const interval = 5
	answer := &mbim.SignalState{RSSI: rssi(v), ErrorRate: unknownErrorRate, Interval: interval}
	if r := s.modem.Registration(); r.Technology >= modem.LTE && r.Registered() {
		signal := mbim.TechnologySignal{
			RSRP: mbim.UnknownRSRP, SNR: mbim.UnknownSNR, RSRPThreshold: unknownThreshold, SNRThreshold: unknownThreshold, SystemType: dataClass(r.Technology),
		}
		if v.RSRP != nil {
			signal.RSRP = mbim.NewRSRP(int(*v.RSRP))
		}
		if v.SINR != nil {
			signal.SNR = mbim.NewSNR(*v.SINR)
		}
		answer.Technologies = []mbim.TechnologySignal{signal}
	}
	return answer
}

// unknownThreshold is the threshold of a modem that tells as it likes.
const unknownThreshold = 0xffffffff

func rssi(v modem.Signal) mbim.RSSI {
	if v.RSSI == nil {
		return mbim.UnknownRSSI
	}
	return mbim.NewRSSI(int(*v.RSSI))
}
