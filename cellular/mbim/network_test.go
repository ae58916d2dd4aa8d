package mbim

// networkVectors are laid out after the tables of libmbim 1.28.2 (data/*.json).
var networkVectors = []vector{
	{"", V1, Set,
		&RadioSwitch{On: true},
		"01000000"},
	{"", V1, Answer,
		&RadioState{Hardware: true},
		"01000000 00000000"},
	{"", V1, Indication,
		&RadioState{Hardware: true},
		"01000000 00000000"},
	{"", V1, Set,
		&HomeProvider{Provider: Provider{ID: "26201", State: ProviderStateHome | ProviderStateVisible | ProviderStateRegistered, Name: "Net é", CellularClass: CellularClassGSM, RSSI: 20, ErrorRate: 99}},
		"20000000 0a000000 19000000 2c000000 0a000000 01000000 14000000 63000000 32003600 32003000 31000000 4e006500 " +
			"74002000 e9000000"},
	{"", V1, Answer,
		&HomeProvider{Provider: Provider{ID: "26201", State: ProviderStateHome | ProviderStateVisible | ProviderStateRegistered, Name: "Net é", CellularClass: CellularClassGSM, RSSI: 20, ErrorRate: 99}},
		"20000000 0a000000 19000000 2c000000 0a000000 01000000 14000000 63000000 32003600 32003000 31000000 4e006500 " +
			"74002000 e9000000"},
	{"", V1, Set,
		&PreferredProviders{Providers: []Provider{{ID: "310410", State: ProviderStateVisible, CellularClass: CellularClassGSM, RSSI: UnknownRSSI, ErrorRate: 99}}},
		"01000000 0c000000 2c000000 20000000 0c000000 08000000 00000000 00000000 01000000 63000000 63000000 33003100 " +
			"30003400 31003000"},
	{"", V1, Answer,
		&PreferredProviders{Providers: []Provider{{ID: "310410", State: ProviderStateVisible, CellularClass: CellularClassGSM, RSSI: UnknownRSSI, ErrorRate: 99}}},
		"01000000 0c000000 2c000000 20000000 0c000000 08000000 00000000 00000000 01000000 63000000 63000000 33003100 " +
			"30003400 31003000"},
	{"", V1, Indication,
		&PreferredProviders{Providers: []Provider{{ID: "310410", State: ProviderStateVisible, CellularClass: CellularClassGSM, RSSI: UnknownRSSI, ErrorRate: 99}}},
		"01000000 0c000000 2c000000 20000000 0c000000 08000000 00000000 00000000 01000000 63000000 63000000 33003100 " +
			"30003400 31003000"},
	{"", V1, Query,
		&Scan{Action: VisibleProvidersActionRestrictedScan},
		"01000000"},
	{"", V1, Answer,
		&VisibleProviders{Providers: []Provider{{ID: "26201", State: ProviderStateHome | ProviderStateVisible | ProviderStateRegistered, Name: "Net é", CellularClass: CellularClassGSM, RSSI: 20, ErrorRate: 99}, {ID: "310410", State: ProviderStateVisible, CellularClass: CellularClassGSM, RSSI: UnknownRSSI, ErrorRate: 99}}},
		"02000000 14000000 38000000 4c000000 2c000000 20000000 0a000000 19000000 2c000000 0a000000 01000000 14000000 " +
			"63000000 32003600 32003000 31000000 4e006500 74002000 e9000000 20000000 0c000000 08000000 00000000 00000000 " +
			"01000000 63000000 63000000 33003100 30003400 31003000"},
	{"", V1, Set,
		&Register{ProviderID: "26201", Action: RegisterActionManual, DataClass: DataClassLTE},
		"10000000 0a000000 01000000 20000000 32003600 32003000 31000000"},
	{"", V1, Answer,
		&Registration{NwError: 13, State: RegisterStateDenied, Mode: RegisterModeAutomatic, AvailableDataClasses: DataClassLTE, CellularClass: CellularClassGSM, ProviderID: "26202", ProviderName: "Other", Flags: RegistrationFlagPacketServiceAutomaticAttach},
		"0d000000 06000000 01000000 20000000 01000000 30000000 0a000000 3c000000 0a000000 00000000 00000000 02000000 " +
			"32003600 32003000 32000000 4f007400 68006500 72000000"},
	{"", V2, Answer,
		&Registration{NwError: 13, State: RegisterStateDenied, Mode: RegisterModeAutomatic, AvailableDataClasses: DataClassLTE, CellularClass: CellularClassGSM, ProviderID: "26202", ProviderName: "Other", Flags: RegistrationFlagPacketServiceAutomaticAttach, PreferredDataClasses: DataClassLTE | DataClass5GNSA},
		"0d000000 06000000 01000000 20000000 01000000 34000000 0a000000 40000000 0a000000 00000000 00000000 02000000 " +
			"60000000 32003600 32003000 32000000 4f007400 68006500 72000000"},
	{"", V1, Indication,
		&Registration{NwError: 13, State: RegisterStateDenied, Mode: RegisterModeAutomatic, AvailableDataClasses: DataClassLTE, CellularClass: CellularClassGSM, ProviderID: "26202", ProviderName: "Other", Flags: RegistrationFlagPacketServiceAutomaticAttach},
		"0d000000 06000000 01000000 20000000 01000000 30000000 0a000000 3c000000 0a000000 00000000 00000000 02000000 " +
			"32003600 32003000 32000000 4f007400 68006500 72000000"},
	{"", V2, Indication,
		&Registration{NwError: 13, State: RegisterStateDenied, Mode: RegisterModeAutomatic, AvailableDataClasses: DataClassLTE, CellularClass: CellularClassGSM, ProviderID: "26202", ProviderName: "Other", Flags: RegistrationFlagPacketServiceAutomaticAttach, PreferredDataClasses: DataClassLTE | DataClass5GNSA},
		"0d000000 06000000 01000000 20000000 01000000 34000000 0a000000 40000000 0a000000 00000000 00000000 02000000 " +
			"60000000 32003600 32003000 32000000 4f007400 68006500 72000000"},
	{"", V1, Set,
		&AttachPacketService{Action: PacketServiceActionDetach},
		"01000000"},
	{"", V1, Answer,
		&PacketService{State: PacketServiceStateAttached, DataClass: DataClassLTE, UplinkSpeed: 50_000_000, DownlinkSpeed: 150_000_000},
		"00000000 02000000 20000000 80f0fa02 00000000 80d1f008 00000000"},
	{"", V2, Answer,
		&PacketService{State: PacketServiceStateAttached, DataClass: DataClassLTE, UplinkSpeed: 50_000_000, DownlinkSpeed: 150_000_000, FrequencyRange: FrequencyRange1},
		"00000000 02000000 20000000 80f0fa02 00000000 80d1f008 00000000 01000000"},
	{"", V1, Indication,
		&PacketService{State: PacketServiceStateAttached, DataClass: DataClassLTE, UplinkSpeed: 50_000_000, DownlinkSpeed: 150_000_000},
		"00000000 02000000 20000000 80f0fa02 00000000 80d1f008 00000000"},
	{"", V2, Indication,
		&PacketService{State: PacketServiceStateAttached, DataClass: DataClassLTE, UplinkSpeed: 50_000_000, DownlinkSpeed: 150_000_000, FrequencyRange: FrequencyRange1},
		"00000000 02000000 20000000 80f0fa02 00000000 80d1f008 00000000 01000000"},
	{"", V1, Set,
		&SetSignal{Interval: 30, RSSIThreshold: 2, ErrorRateThreshold: 3},
		"1e000000 02000000 03000000"},
	{"", V1, Answer,
		&SignalState{RSSI: 20, ErrorRate: 99, Interval: 30, RSSIThreshold: 2},
		"14000000 63000000 1e000000 02000000 00000000"},
	{"", V2, Answer,
		&SignalState{RSSI: 20, ErrorRate: 99, Technologies: []TechnologySignal{{RSRP: 60, SNR: 71, RSRPThreshold: 1, SNRThreshold: 2, SystemType: DataClassLTE}, {RSRP: UnknownRSRP, SNR: UnknownSNR, SystemType: DataClass5GNSA}}},
		"14000000 63000000 00000000 00000000 00000000 1c000000 2c000000 02000000 3c000000 47000000 01000000 02000000 " +
			"20000000 ffffffff ffffffff 00000000 00000000 40000000"},
	{"", V1, Indication,
		&SignalState{RSSI: 20, ErrorRate: 99, Interval: 30, RSSIThreshold: 2},
		"14000000 63000000 1e000000 02000000 00000000"},
	{"", V2, Indication,
		&SignalState{RSSI: 20, ErrorRate: 99, Technologies: []TechnologySignal{{RSRP: 60, SNR: 71, RSRPThreshold: 1, SNRThreshold: 2, SystemType: DataClassLTE}, {RSRP: UnknownRSRP, SNR: UnknownSNR, SystemType: DataClass5GNSA}}},
		"14000000 63000000 00000000 00000000 00000000 1c000000 2c000000 02000000 3c000000 47000000 01000000 02000000 " +
			"20000000 ffffffff ffffffff 00000000 00000000 40000000"},
	{"no technology", V2, Indication,
		&SignalState{RSSI: UnknownRSSI, ErrorRate: 99},
		"63000000 63000000 00000000 00000000 00000000 00000000 00000000"},
	{"", V1, Answer,
		&LocationInfo{LocationAreaCode: UnknownCell, TrackingAreaCode: 0x1234, CellID: 0x01234567},
		"ffffffff 34120000 67452301"},
	{"", V1, Indication,
		&LocationInfo{LocationAreaCode: UnknownCell, TrackingAreaCode: 0x1234, CellID: 0x01234567},
		"ffffffff 34120000 67452301"},
	{"", V1, Query,
		&BaseStationsQuery{MaxLTE: 4, MaxCDMA: 1},
		"00000000 00000000 00000000 04000000 01000000"},
	{"", V1, Answer,
		&BaseStations{SystemType: DataClassLTE, LTE: &LTECell{ProviderID: "26201", CellID: 0x01234567, EARFCN: 6300, PhysicalID: 12, TrackingAreaCode: 0x1234, RSRP: -97, RSRQ: -11, TimingAdvance: 3}, LTENeighbours: []LTENeighbour{{ProviderID: "26201", CellID: UnknownCell, EARFCN: 6300, PhysicalID: 13, TrackingAreaCode: UnknownCell, RSRP: -101, RSRQ: -14}, {EARFCN: 1300, PhysicalID: 14, RSRP: -110, RSRQ: -18}}},
		"20000000 00000000 00000000 00000000 00000000 00000000 00000000 4c000000 30000000 00000000 00000000 00000000 " +
			"00000000 00000000 00000000 7c000000 50000000 00000000 00000000 24000000 0a000000 67452301 9c180000 0c000000 " +
			"34120000 9fffffff f5ffffff 03000000 32003600 32003000 31000000 02000000 20000000 0a000000 ffffffff 9c180000 " +
			"0d000000 ffffffff 9bffffff f2ffffff 32003600 32003000 31000000 00000000 00000000 00000000 14050000 0e000000 " +
			"00000000 92ffffff eeffffff"},
	{"each technology", V1, Answer,
		&BaseStations{SystemType: DataClassUMTS, GSM: &GSMCell{"26201", 1, 2, 3, 4, 5, 6}, UMTS: &UMTSCell{"26201", 1, 2, 3, 4, 5, 6, 7, -8, -9, 10}, TDSCDMA: &TDSCDMACell{"26201", 1, 2, 3, 4, 5, -6, 7}, GSMNeighbours: []GSMNeighbour{{"26201", 1, 2, 3, 4, 5}}, UMTSNeighbours: []UMTSNeighbour{{"26201", 1, 2, 3, 4, -5, -6, 7}}, TDSCDMANeighbours: []TDSCDMACell{{"", 1, 2, 3, 4, 5, -6, 7}}, CDMA: []CDMACell{{true, 1, 2, 3, 4, 5, 6, 7, 8}}},
		"04000000 4c000000 2c000000 78000000 3c000000 b4000000 30000000 00000000 00000000 e4000000 2c000000 10010000 " +
			"34000000 44010000 28000000 00000000 00000000 6c010000 28000000 20000000 0a000000 01000000 02000000 03000000 " +
			"04000000 05000000 06000000 32003600 32003000 31000000 30000000 0a000000 01000000 02000000 03000000 04000000 " +
			"05000000 06000000 07000000 f8ffffff f7ffffff 0a000000 32003600 32003000 31000000 24000000 0a000000 01000000 " +
			"02000000 03000000 04000000 05000000 faffffff 07000000 32003600 32003000 31000000 01000000 1c000000 0a000000 " +
			"01000000 02000000 03000000 04000000 05000000 32003600 32003000 31000000 01000000 24000000 0a000000 01000000 " +
			"02000000 03000000 04000000 fbffffff faffffff 07000000 32003600 32003000 31000000 01000000 00000000 00000000 " +
			"01000000 02000000 03000000 04000000 05000000 faffffff 07000000 01000000 01000000 01000000 02000000 03000000 " +
			"04000000 05000000 06000000 07000000 08000000"},
	{"", V1, Set,
		&NetworkIdleHint{Enabled: true},
		"01000000"},
	{"", V1, Answer,
		&NetworkIdleHint{Enabled: true},
		"01000000"},
	{"", V1, Answer,
		&EmergencyMode{On: true},
		"01000000"},
	{"", V1, Indication,
		&EmergencyMode{On: true},
		"01000000"},
}
