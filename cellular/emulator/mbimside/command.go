package mbimside

import "github.com/farspoke/farspoke/cellular/mbim"

// reply is the answer to one command.
type reply struct {
	status mbim.Status
	// body is nil where the status says it all.
	body mbim.Body
}

func ok(body mbim.Body) *reply { return &reply{body: body} }

func no(status mbim.Status) *reply { return &reply{status: status} }

// command answers a query or a set.
func (s *Side) command(m mbim.Message) {
	answer := func(r *reply) {
		delete(s.answering, m.Transaction)
		if r.body == nil {
			r.body = m.Command
			if r.status == mbim.StatusOK {
				s.put(mbim.Message{Type: mbim.CommandDone, Transaction: m.Transaction, Command: m.Command})
				return
			}
		}
		done, err := s.version.Answer(m.Transaction, r.status, r.body)
		if err != nil {
			panic(err)
		}
		s.put(done)
	}
	request := mbim.Empty(m.Kind())
	if request == nil || !s.has(m.Command) {
		answer(no(mbim.StatusNoDeviceSupport))
		return
	}
	if err := s.version.Decode(m, request); err != nil {
		answer(no(mbim.StatusInvalidParameters))
		return
	}
	s.answering[m.Transaction] = true
	later := s.during(answer)
	if r := s.serve(m.Kind(), request, later); r != nil {
		answer(r)
	}
}

// during returns f for as long as this conversation lasts: an answer that comes
// after CLOSE comes to nobody.
func (s *Side) during(f func(*reply)) func(*reply) {
	conversation := s.conversation
	return func(r *reply) {
		if s.conversation == conversation {
			f(r)
		}
	}
}

// serve returns the answer to a command, nil if it will come by later.
func (s *Side) serve(k mbim.Kind, request mbim.Body, later func(*reply)) *reply {
	switch k.Command.Service {
	case mbim.BasicConnectExtensions:
		return s.serveExtension(k, request)
	case mbim.UICCLowLevelAccess:
		return s.serveUICC(k, request)
	}
	switch k.Command {
	case mbim.CmdDeviceCaps:
		return ok(s.caps())
	case mbim.CmdSubscriberReadyStatus:
		return ok(s.subscriber())
	case mbim.CmdRadioState:
		return s.radio(request)
	case mbim.CmdQuectelRadioState:
		return s.makersRadio(request)
	case mbim.CmdPIN:
		return s.pin(request)
	case mbim.CmdPINList:
		return s.pinList()
	case mbim.CmdHomeProvider:
		return s.home(k)
	case mbim.CmdVisibleProviders:
		return s.scan(later)
	case mbim.CmdRegisterState:
		return s.register(request)
	case mbim.CmdPacketService:
		return s.packetService(request, later)
	case mbim.CmdSignalState:
		return ok(s.signal())
	case mbim.CmdConnect:
		return s.connect(request, later)
	case mbim.CmdProvisionedContexts:
		return s.provisioned(request)
	case mbim.CmdIPConfiguration:
		return s.ipConfiguration(request)
	case mbim.CmdDeviceServices:
		return ok(s.services())
	case mbim.CmdDeviceServiceSubscribeList:
		return s.subscribe(request)
	case mbim.CmdPacketStatistics:
		return s.statistics()
	case mbim.CmdNetworkIdleHint:
		if hint, set := request.(*mbim.NetworkIdleHint); set {
			return ok(hint)
		}
		return ok(&mbim.NetworkIdleHint{})
	case mbim.CmdEmergencyMode:
		return ok(&mbim.EmergencyMode{On: s.modem.Radio().On()})
	}
	return no(mbim.StatusNoDeviceSupport)
}

// services is what the modem has. A device without MBIMEx has no way to negotiate
// it.
func (s *Side) services() *mbim.DeviceServices {
	extensions := []mbim.Command{
		mbim.CmdProvisionedContextsV2, mbim.CmdLTEAttachConfiguration, mbim.CmdLTEAttachInfo, mbim.CmdSysCaps, mbim.CmdDeviceCapsV2,
		mbim.CmdDeviceSlotMappings, mbim.CmdSlotInfoStatus, mbim.CmdPCO, mbim.CmdDeviceReset, mbim.CmdBaseStationsInfo, mbim.CmdLocationInfoStatus,
	}
	if s.modem.Device().MBIMEx != "" {
		extensions = append(extensions, mbim.CmdVersion)
	}
	services := &mbim.DeviceServices{}
	if s.modem.Device().HostLock {
		services.Services = append(services.Services, mbim.ServiceElement{Service: mbim.Quectel, CIDs: []uint32{mbim.CmdQuectelRadioState.CID}})
	}
	for _, commands := range [][]mbim.Command{
		{
			mbim.CmdDeviceCaps, mbim.CmdSubscriberReadyStatus, mbim.CmdRadioState, mbim.CmdPIN, mbim.CmdPINList, mbim.CmdHomeProvider,
			mbim.CmdVisibleProviders, mbim.CmdRegisterState, mbim.CmdPacketService, mbim.CmdSignalState, mbim.CmdConnect,
			mbim.CmdProvisionedContexts, mbim.CmdIPConfiguration, mbim.CmdDeviceServices, mbim.CmdDeviceServiceSubscribeList,
			mbim.CmdPacketStatistics, mbim.CmdNetworkIdleHint, mbim.CmdEmergencyMode,
		},
		extensions,
		{mbim.CmdUICCApplicationList, mbim.CmdUICCFileStatus, mbim.CmdUICCReadBinary, mbim.CmdUICCReadRecord},
	} {
		element := mbim.ServiceElement{Service: commands[0].Service}
		for _, c := range commands {
			element.CIDs = append(element.CIDs, c.CID)
		}
		services.Services = append(services.Services, element)
	}
	return services
}

func (s *Side) has(c mbim.Command) bool { return s.services().Has(c) }

// subscribe has the modem tell of what the host lists, and of nothing else.
func (s *Side) subscribe(request mbim.Body) *reply {
	list, set := request.(*mbim.SubscribeList)
	if !set {
		return no(mbim.StatusInvalidParameters)
	}
	s.wanted = map[mbim.Command]bool{}
	for _, e := range list.Events {
		for _, cid := range e.CIDs {
			if c := (mbim.Command{Service: e.Service, CID: cid}); s.has(c) {
				s.wanted[c] = true
			}
		}
	}
	return ok(list)
}
