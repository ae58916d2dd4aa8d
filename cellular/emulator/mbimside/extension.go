package mbimside

import (
	"slices"

	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// serveExtension answers a command of Microsoft's extensions of Basic Connect.
func (s *Side) serveExtension(k mbim.Kind, request mbim.Body) *reply {
	switch k.Command {
	case mbim.CmdProvisionedContextsV2:
		return s.provisionedV2(request)
	case mbim.CmdLTEAttachConfiguration:
		return s.attachConfiguration(request)
	case mbim.CmdLTEAttachInfo:
		return ok(s.attachInfo())
	case mbim.CmdSysCaps:
		_, cards := s.modem.Slot()
		return ok(&mbim.SysCaps{Executors: 1, Slots: uint32(len(cards)), Concurrency: 1, ModemID: 1})
	case mbim.CmdDeviceCapsV2:
		return ok(&mbim.DeviceCapsV2{DeviceCaps: *s.caps()})
	case mbim.CmdDeviceSlotMappings:
		return s.slotMappings(request)
	case mbim.CmdSlotInfoStatus:
		q, _ := request.(*mbim.SlotInfoQuery)
		if _, cards := s.modem.Slot(); q == nil || q.Slot >= uint32(len(cards)) {
			return no(mbim.StatusInvalidParameters)
		}
		return ok(s.slotInfo(int(q.Slot)))
	case mbim.CmdPCO:
		q, _ := request.(*mbim.PCO)
		if session, there := s.modem.Session(int(q.Session)); !there || !session.Up {
			return no(mbim.StatusContextNotActivated)
		}
		return ok(&mbim.PCO{Session: q.Session, Type: mbim.PCOTypeComplete})
	case mbim.CmdDeviceReset:
		s.modem.Restart()
		return ok(nil)
	case mbim.CmdBaseStationsInfo:
		return ok(s.baseStations())
	case mbim.CmdLocationInfoStatus:
		return s.location()
	case mbim.CmdVersion:
		return s.negotiate(request)
	}
	return no(mbim.StatusNoDeviceSupport)
}

// negotiate agrees on the lower of both versions. What is said from now on is laid
// out by it.
func (s *Side) negotiate(request mbim.Body) *reply {
	r, asked := request.(*mbim.Versions)
	if !asked {
		return no(mbim.StatusInvalidParameters)
	}
	own := mbim.V1
	if s.modem.Device().MBIMEx == "2.0" {
		own = mbim.V2
	}
	if s.version = own; r.Extended < mbim.V2 {
		s.version = mbim.V1
	}
	return ok(&mbim.Versions{MBIM: 0x0100, Extended: own})
}

func (s *Side) slotMappings(request mbim.Body) *reply {
	if r, set := request.(*mbim.SlotMappings); set {
		if len(r.Slots) != 1 || s.modem.UseSlot(int(r.Slots[0])) != nil {
			return no(mbim.StatusInvalidParameters)
		}
	}
	active, _ := s.modem.Slot()
	return ok(&mbim.SlotMappings{Slots: []uint32{uint32(active)}})
}

func (s *Side) slotInfo(slot int) *mbim.SlotInfo {
	active, cards := s.modem.Slot()
	info := &mbim.SlotInfo{Slot: uint32(slot)}
	switch card := cards[slot]; {
	case slot != active && card == nil:
		info.State = mbim.UICCSlotStateOffEmpty
	case slot != active:
		info.State = mbim.UICCSlotStateOff
	default:
		info.State = map[modem.SIMState]mbim.UICCSlotState{
			modem.SIMAbsent: mbim.UICCSlotStateEmpty, modem.SIMStarting: mbim.UICCSlotStateNotReady, modem.SIMFailed: mbim.UICCSlotStateError,
			modem.SIMReady: mbim.UICCSlotStateActive, modem.SIMLocked: mbim.UICCSlotStateActive, modem.SIMBlocked: mbim.UICCSlotStateActive,
		}[s.modem.SIMState()]
	}
	return info
}

func (s *Side) baseStations() *mbim.BaseStations {
	r, v := s.modem.Registration(), s.modem.Signal()
	stations := &mbim.BaseStations{SystemType: dataClass(r.Technology)}
	switch {
	case !r.Registered():
	case r.Technology == modem.GSM:
		stations.GSM = &mbim.GSMCell{
			ProviderID: r.PLMN, LocationAreaCode: r.Area, CellID: uint32(r.Cell), TimingAdvance: mbim.UnknownCell,
			ARFCN: r.Channel, BaseStationID: mbim.UnknownCell, RxLevel: mbim.UnknownCell,
		}
	case r.Technology == modem.UMTS:
		stations.UMTS = &mbim.UMTSCell{
			ProviderID: r.PLMN, LocationAreaCode: r.Area, CellID: uint32(r.Cell), FrequencyUplink: mbim.UnknownCell,
			FrequencyDownlink: mbim.UnknownCell, Network: mbim.UnknownCell, UARFCN: r.Channel, PrimaryScramblingCode: mbim.UnknownCell,
			PathLoss: mbim.UnknownCell,
		}
	case r.Technology <= modem.NSA:
		stations.LTE = &mbim.LTECell{
			ProviderID: r.PLMN, CellID: uint32(r.Cell), EARFCN: r.Channel, PhysicalID: mbim.UnknownCell, TrackingAreaCode: r.Area,
			RSRP: decibels(v.RSRP), RSRQ: decibels(v.RSRQ), TimingAdvance: mbim.UnknownCell,
		}
	}
	return stations
}

func decibels(v *float64) int32 {
	if v == nil {
		return mbim.UnknownCellSignal
	}
	return int32(*v)
}

func (s *Side) location() *reply {
	r := s.modem.Registration()
	if !r.Registered() {
		return no(mbim.StatusNotRegistered)
	}
	info := &mbim.LocationInfo{LocationAreaCode: mbim.UnknownCell, TrackingAreaCode: mbim.UnknownCell, CellID: uint32(r.Cell)}
	if r.Technology >= modem.LTE {
		info.TrackingAreaCode = r.Area
	} else {
		info.LocationAreaCode = r.Area
	}
	return ok(info)
}

// attachSettings is what the virtual modem attaches with, for each sort of network.
func (s *Side) attachSettings() (all [3]mbim.AttachSettings) {
	apn := s.modem.AttachAPN()
	for i := range all {
		all[i] = mbim.AttachSettings{
			IPType: ipType(apn.Families), Roaming: mbim.LTEAttachContextRoamingControl(i), Source: mbim.ContextSourceModem,
			AccessString: apn.Name, UserName: apn.User, Password: mbim.Password(apn.Password), Auth: mbim.AuthProtocol(apn.Auth),
		}
	}
	return all
}

// attachConfiguration sets what to attach with. Networks are not told apart here:
// what is for home is for all of them.
func (s *Side) attachConfiguration(request mbim.Body) *reply {
	r, set := request.(*mbim.SetLTEAttachConfiguration)
	if !set {
		return ok(&mbim.LTEAttachConfiguration{Settings: s.attach[:]})
	}
	before := s.attach
	switch {
	case r.Operation == mbim.LTEAttachContextOperationRestoreFactory:
		s.modem.SetAttachAPN(modem.APN{})
		s.attach = s.attachSettings()
	case r.Operation != mbim.LTEAttachContextOperationDefault || len(r.Settings) != len(s.attach):
		return no(mbim.StatusInvalidParameters)
	default:
		for i, settings := range r.Settings {
			if settings.Roaming != mbim.LTEAttachContextRoamingControl(i) || settings.Auth > mbim.AuthProtocolMSCHAPv2 {
				return no(mbim.StatusInvalidParameters)
			}
		}
		copy(s.attach[:], r.Settings)
		home := s.attach[mbim.LTEAttachContextRoamingControlHome]
		s.modem.SetAttachAPN(modem.APN{
			Name: home.AccessString, User: home.UserName, Password: modem.Password(home.Password),
			Auth: modem.Auth(home.Auth), Families: familiesOf(home.IPType),
		})
	}
	if s.attach != before {
		s.modem.Reattach()
	}
	return ok(&mbim.LTEAttachConfiguration{Settings: s.attach[:]})
}

func (s *Side) attachInfo() *mbim.LTEAttachInfo {
	r := s.modem.Registration()
	if !r.Registered() || r.Technology < modem.LTE {
		return &mbim.LTEAttachInfo{State: mbim.LTEAttachStateDetached}
	}
	apn := s.modem.AttachedAPN()
	return &mbim.LTEAttachInfo{State: mbim.LTEAttachStateAttached, IPType: ipType(apn.Families), AccessString: apn.Name}
}

// factoryContexts are the connections' settings that the modem comes with.
func factoryContexts() []mbim.ProvisionedContextV2 {
	return []mbim.ProvisionedContextV2{{ID: 1, Settings: mbim.ContextSettings{
		ContextType: mbim.ContextTypeInternet, State: mbim.ContextStateEnabled, Roaming: mbim.ContextRoamingControlAllowAll,
		Media: mbim.ContextMediaTypeCellularOnly, Source: mbim.ContextSourceModem,
	}}}
}

func (s *Side) provisioned(request mbim.Body) *reply {
	if r, set := request.(*mbim.SetProvisionedContext); set {
		s.keep(r.Context.ID, mbim.ContextSettings{
			ContextType: r.Context.ContextType, State: mbim.ContextStateEnabled, Roaming: mbim.ContextRoamingControlAllowAll,
			Source: mbim.ContextSourceUser, AccessString: r.Context.AccessString, UserName: r.Context.UserName,
			Password: r.Context.Password, Compression: r.Context.Compression, Auth: r.Context.Auth,
		})
	}
	all := &mbim.ProvisionedContexts{}
	for _, c := range s.contexts {
		all.Contexts = append(all.Contexts, mbim.ProvisionedContext{
			ID: c.ID, ContextType: c.Settings.ContextType, AccessString: c.Settings.AccessString, UserName: c.Settings.UserName,
			Password: c.Settings.Password, Compression: c.Settings.Compression, Auth: c.Settings.Auth,
		})
	}
	return ok(all)
}

func (s *Side) provisionedV2(request mbim.Body) *reply {
	if r, set := request.(*mbim.SetProvisionedContextV2); set {
		same := func(c mbim.ProvisionedContextV2) bool { return c.Settings.ContextType == r.Settings.ContextType }
		i := slices.IndexFunc(s.contexts, same)
		switch {
		case r.Operation == mbim.ContextOperationRestoreFactory:
			s.contexts = factoryContexts()
		case r.Operation == mbim.ContextOperationDelete && i >= 0:
			s.contexts = slices.Delete(s.contexts, i, i+1)
		case r.Operation == mbim.ContextOperationDefault && i >= 0:
			s.contexts[i].Settings = r.Settings
		case r.Operation == mbim.ContextOperationDefault:
			s.keep(uint32(len(s.contexts)+1), r.Settings)
		default:
			return no(mbim.StatusInvalidParameters)
		}
	}
	return ok(&mbim.ProvisionedContextsV2{Contexts: s.contexts})
}

// keep keeps the settings under a number, as long as there is room.
func (s *Side) keep(id uint32, settings mbim.ContextSettings) {
	const room = 16
	i := slices.IndexFunc(s.contexts, func(c mbim.ProvisionedContextV2) bool { return c.ID == id })
	if i >= 0 {
		s.contexts[i].Settings = settings
	} else if len(s.contexts) < room {
		s.contexts = append(s.contexts, mbim.ProvisionedContextV2{ID: id, Settings: settings})
	}
}
