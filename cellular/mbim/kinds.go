package mbim

import "sync"

// bodies has a maker of empty bodies for each kind of message that says something.
// It is made when it is first needed: the commands must be there before.
var bodies = sync.OnceValue(func() map[Kind]func() Body {
	return index(
		of[DeviceCaps], of[SubscriberReady], of[RadioState], of[RadioSwitch], of[PINStatus], of[PINRequest], of[PINList],
		of[HomeProvider], of[PreferredProviders], of[Scan], of[VisibleProviders],
		of[Register], of[Registration], of[AttachPacketService], of[PacketService], of[SetSignal], of[SignalState],
		of[Connect], of[Connection], of[ProvisionedContexts], of[SetProvisionedContext], of[IPConfiguration],
		of[DeviceServices], of[SubscribeList], of[PacketStatistics], of[NetworkIdleHint], of[EmergencyMode],

		of[ProvisionedContextsV2], of[SetProvisionedContextV2],
		of[LTEAttachConfiguration], of[SetLTEAttachConfiguration], of[LTEAttachInfo],
		of[SysCaps], of[DeviceCapsV2], of[SlotMappings], of[SlotInfoQuery], of[SlotInfo], of[PCO],
		of[BaseStationsQuery], of[BaseStations], of[LocationInfo], of[Versions],

		of[UICCApplicationList], of[FileStatusQuery], of[FileStatus], of[ReadBinary], of[BinaryData], of[ReadRecord], of[RecordData],

		of[ProxyConfiguration], of[ProxyVersions],

		of[QMIMessage], of[QuectelRadio],
	)
})

// silent is the classes of messages about a command that say nothing.
var silent = map[Command]classes{
	CmdDeviceCaps: queries, CmdSubscriberReadyStatus: queries, CmdRadioState: queries, CmdPIN: queries, CmdPINList: queries,
	CmdHomeProvider: queries, CmdPreferredProviders: queries, CmdRegisterState: queries, CmdPacketService: queries,
	CmdSignalState: queries, CmdProvisionedContexts: queries, CmdDeviceServices: queries, CmdPacketStatistics: queries,
	CmdNetworkIdleHint: queries, CmdEmergencyMode: queries,

	CmdProvisionedContextsV2: queries, CmdLTEAttachConfiguration: queries, CmdLTEAttachInfo: queries, CmdSysCaps: queries,
	CmdDeviceCapsV2: queries, CmdDeviceSlotMappings: queries, CmdDeviceReset: sets | answers, CmdLocationInfoStatus: queries,

	CmdUICCApplicationList: queries,

	CmdProxyConfiguration: answers,

	CmdQuectelRadioState: queries,
}

// of returns an empty T.
func of[T any, P interface {
	*T
	Body
}]() Body {
	return P(new(T))
}

func index(makers ...func() Body) map[Kind]func() Body {
	m := make(map[Kind]func() Body)
	for _, maker := range makers {
		body := maker()
		for _, class := range []Class{Query, Set, Answer, Indication} {
			if body.classes().has(class) {
				m[Kind{body.about(), class}] = maker
			}
		}
	}
	return m
}

// Empty returns an empty body to decode a message of kind k into, nil if that
// kind is not spoken here.
func Empty(k Kind) Body {
	if maker, ok := bodies()[k]; ok {
		return maker()
	}
	if k.Command.classes().has(k.Class) {
		return k.Command
	}
	return nil
}
