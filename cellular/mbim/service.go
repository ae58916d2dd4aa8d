package mbim

// The services spoken here.
var (
	BasicConnect           = mustUUID("a289cc33-bcbb-8b4f-b6b0-133ec2aae6df")
	BasicConnectExtensions = mustUUID("3d01dcc5-fef5-4d05-0d3a-bef7058e9aaf") // Microsoft's
	UICCLowLevelAccess     = mustUUID("c2f6588e-f037-4bc9-8665-f4d44bd09367") // Microsoft's
	ProxyControl           = mustUUID("838cf7fb-8d0d-4d7f-871e-d71dbefbb39b") // mbim-proxy's own
	QMI                    = mustUUID("d1a30bc2-f97a-6e43-bf65-c7e24fb0f0d3") // Qualcomm's
	Quectel                = mustUUID("11223344-5566-7788-99aa-bbccddeeff11") // Quectel's
)

// serviceNames are libmbim's names of the services.
var serviceNames = map[UUID]string{
	BasicConnect: "BASIC_CONNECT", BasicConnectExtensions: "MS_BASIC_CONNECT_EXTENSIONS",
	UICCLowLevelAccess: "MS_UICC_LOW_LEVEL_ACCESS", ProxyControl: "PROXY_CONTROL", QMI: "QMI", Quectel: "QUECTEL",
}

// The commands of Basic Connect (MBIM 1.0, section 10.5).
var (
	CmdDeviceCaps                 = Command{BasicConnect, 1}
	CmdSubscriberReadyStatus      = Command{BasicConnect, 2}
	CmdRadioState                 = Command{BasicConnect, 3}
	CmdPIN                        = Command{BasicConnect, 4}
	CmdPINList                    = Command{BasicConnect, 5}
	CmdHomeProvider               = Command{BasicConnect, 6}
	CmdPreferredProviders         = Command{BasicConnect, 7}
	CmdVisibleProviders           = Command{BasicConnect, 8}
	CmdRegisterState              = Command{BasicConnect, 9}
	CmdPacketService              = Command{BasicConnect, 10}
	CmdSignalState                = Command{BasicConnect, 11}
	CmdConnect                    = Command{BasicConnect, 12}
	CmdProvisionedContexts        = Command{BasicConnect, 13}
	CmdIPConfiguration            = Command{BasicConnect, 15}
	CmdDeviceServices             = Command{BasicConnect, 16}
	CmdDeviceServiceSubscribeList = Command{BasicConnect, 19}
	CmdPacketStatistics           = Command{BasicConnect, 20}
	CmdNetworkIdleHint            = Command{BasicConnect, 21}
	CmdEmergencyMode              = Command{BasicConnect, 22}
)

// The commands of Microsoft's extensions of Basic Connect.
var (
	CmdProvisionedContextsV2  = Command{BasicConnectExtensions, 1}
	CmdLTEAttachConfiguration = Command{BasicConnectExtensions, 3}
	CmdLTEAttachInfo          = Command{BasicConnectExtensions, 4}
	CmdSysCaps                = Command{BasicConnectExtensions, 5}
	CmdDeviceCapsV2           = Command{BasicConnectExtensions, 6}
	CmdDeviceSlotMappings     = Command{BasicConnectExtensions, 7}
	CmdSlotInfoStatus         = Command{BasicConnectExtensions, 8}
	CmdPCO                    = Command{BasicConnectExtensions, 9}
	CmdDeviceReset            = Command{BasicConnectExtensions, 10}
	CmdBaseStationsInfo       = Command{BasicConnectExtensions, 11}
	CmdLocationInfoStatus     = Command{BasicConnectExtensions, 12}
	CmdVersion                = Command{BasicConnectExtensions, 15}
)

// The commands of Microsoft's low level access to the SIM.
var (
	CmdUICCApplicationList = Command{UICCLowLevelAccess, 7}
	CmdUICCFileStatus      = Command{UICCLowLevelAccess, 8}
	CmdUICCReadBinary      = Command{UICCLowLevelAccess, 9}
	CmdUICCReadRecord      = Command{UICCLowLevelAccess, 10}
)

// The commands of mbim-proxy.
var (
	CmdProxyConfiguration = Command{ProxyControl, 1}
	CmdProxyVersion       = Command{ProxyControl, 2}
)

// The commands of makers.
var (
	CmdQMIMessage        = Command{QMI, 1}
	CmdQuectelRadioState = Command{Quectel, 1}
)

// commandNames are the specifications' names, without the service's.
var commandNames = map[Command]string{
	CmdDeviceCaps: "DEVICE_CAPS", CmdSubscriberReadyStatus: "SUBSCRIBER_READY_STATUS", CmdRadioState: "RADIO_STATE",
	CmdPIN: "PIN", CmdPINList: "PIN_LIST", CmdHomeProvider: "HOME_PROVIDER", CmdPreferredProviders: "PREFERRED_PROVIDERS",
	CmdVisibleProviders: "VISIBLE_PROVIDERS", CmdRegisterState: "REGISTER_STATE", CmdPacketService: "PACKET_SERVICE",
	CmdSignalState: "SIGNAL_STATE", CmdConnect: "CONNECT", CmdProvisionedContexts: "PROVISIONED_CONTEXTS",
	CmdIPConfiguration: "IP_CONFIGURATION", CmdDeviceServices: "DEVICE_SERVICES",
	CmdDeviceServiceSubscribeList: "DEVICE_SERVICE_SUBSCRIBE_LIST", CmdPacketStatistics: "PACKET_STATISTICS",
	CmdNetworkIdleHint: "NETWORK_IDLE_HINT", CmdEmergencyMode: "EMERGENCY_MODE",

	CmdProvisionedContextsV2: "PROVISIONED_CONTEXTS", CmdLTEAttachConfiguration: "LTE_ATTACH_CONFIGURATION",
	CmdLTEAttachInfo: "LTE_ATTACH_INFO", CmdSysCaps: "SYS_CAPS", CmdDeviceCapsV2: "DEVICE_CAPS",
	CmdDeviceSlotMappings: "DEVICE_SLOT_MAPPINGS", CmdSlotInfoStatus: "SLOT_INFO_STATUS", CmdPCO: "PCO",
	CmdDeviceReset: "DEVICE_RESET", CmdBaseStationsInfo: "BASE_STATIONS_INFO",
	CmdLocationInfoStatus: "LOCATION_INFO_STATUS", CmdVersion: "VERSION",

	CmdUICCApplicationList: "APPLICATION_LIST", CmdUICCFileStatus: "FILE_STATUS", CmdUICCReadBinary: "READ_BINARY",
	CmdUICCReadRecord: "READ_RECORD",

	CmdProxyConfiguration: "CONFIGURATION", CmdProxyVersion: "VERSION",

	CmdQMIMessage: "MSG", CmdQuectelRadioState: "RADIO_STATE",
}
