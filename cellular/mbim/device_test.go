package mbim

// deviceVectors are laid out after the tables of libmbim 1.28.2 (data/*.json).
var deviceVectors = []vector{
	{"", V1, Answer,
		&DeviceCaps{DeviceType: DeviceTypeRemovable, CellularClass: CellularClassGSM, VoiceClass: VoiceClassNoVoice, SIMClass: SIMClassRemovable, DataClass: DataClassLTE, SMSCaps: SMSCapsPDUReceive | SMSCapsPDUSend, CtrlCaps: CtrlCapsRegManual, MaxSessions: 16, DeviceID: "350000000000006", FirmwareInfo: "FW 1", HardwareInfo: "HW 2"},
		"02000000 01000000 01000000 02000000 20000000 03000000 01000000 10000000 00000000 00000000 40000000 1e000000 " +
			"60000000 08000000 68000000 08000000 33003500 30003000 30003000 30003000 30003000 30003000 30003000 36000000 " +
			"46005700 20003100 48005700 20003200"},
	{"", V1, Answer,
		&DeviceServices{MaxDSSSessions: 3, Services: []ServiceElement{{Service: BasicConnect, CIDs: []uint32{1, 2, 16}}, {Service: ProxyControl, DSSPayload: 3, MaxInstances: 1}}},
		"02000000 03000000 18000000 28000000 40000000 1c000000 a289cc33 bcbb8b4f b6b0133e c2aae6df 00000000 00000000 " +
			"03000000 01000000 02000000 10000000 838cf7fb 8d0d4d7f 871ed71d befbb39b 03000000 01000000 00000000"},
	{"", V1, Set,
		&SubscribeList{Events: []EventEntry{{Service: BasicConnect, CIDs: []uint32{9, 12}}}},
		"01000000 0c000000 1c000000 a289cc33 bcbb8b4f b6b0133e c2aae6df 02000000 09000000 0c000000"},
	{"", V1, Answer,
		&SubscribeList{Events: []EventEntry{{Service: BasicConnect, CIDs: []uint32{9, 12}}}},
		"01000000 0c000000 1c000000 a289cc33 bcbb8b4f b6b0133e c2aae6df 02000000 09000000 0c000000"},
	{"", V1, Answer,
		&DeviceCapsV2{DeviceCaps: DeviceCaps{DeviceType: DeviceTypeRemovable, CellularClass: CellularClassGSM, VoiceClass: VoiceClassNoVoice, SIMClass: SIMClassRemovable, DataClass: DataClassLTE, SMSCaps: SMSCapsPDUReceive | SMSCapsPDUSend, CtrlCaps: CtrlCapsRegManual, MaxSessions: 16, DeviceID: "350000000000006", FirmwareInfo: "FW 1", HardwareInfo: "HW 2"}, Executor: 1},
		"02000000 01000000 01000000 02000000 20000000 03000000 01000000 10000000 00000000 00000000 44000000 1e000000 " +
			"64000000 08000000 6c000000 08000000 01000000 33003500 30003000 30003000 30003000 30003000 30003000 30003000 " +
			"36000000 46005700 20003100 48005700 20003200"},
	{"", V1, Answer,
		&SysCaps{Executors: 1, Slots: 2, Concurrency: 1, ModemID: 0x1122334455667788},
		"01000000 02000000 01000000 88776655 44332211"},
	{"", V1, Query,
		&Versions{MBIM: 0x0100, Extended: V2},
		"00010002"},
	{"", V1, Answer,
		&Versions{MBIM: 0x0100, Extended: 0x0300},
		"00010003"},
	{"", V1, Set,
		&ProxyConfiguration{DevicePath: "/dev/cdc-wdm0", Timeout: 30},
		"0c000000 1a000000 1e000000 2f006400 65007600 2f006300 64006300 2d007700 64006d00 30000000"},
	{"", V1, Indication,
		&ProxyVersions{Versions{MBIM: 0x0100, Extended: V2}},
		"00010002"},
}
