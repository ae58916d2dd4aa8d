package mbim

import "net/netip"

// connectionVectors are laid out after the tables of libmbim 1.28.2 (data/*.json).
var connectionVectors = []vector{
	{"", V1, Set,
		&Connect{Session: 5, Command: ActivationCommandActivate, AccessString: "internet", UserName: "u", Password: "secret", Auth: AuthProtocolCHAP, IPType: ContextIPTypeIPv4v6, ContextType: ContextTypeInternet},
		"05000000 01000000 3c000000 10000000 4c000000 02000000 50000000 0c000000 00000000 02000000 03000000 7e5e2a7e " +
			"4e6f7272 736b656e 7e5e2a7e 69006e00 74006500 72006e00 65007400 75000000 73006500 63007200 65007400"},
	{"deactivate", V1, Set,
		&Connect{ContextType: ContextTypeInternet},
		"00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 7e5e2a7e " +
			"4e6f7272 736b656e 7e5e2a7e"},
	{"", V1, Query,
		&Connection{Session: 5, State: ActivationStateDeactivated, IPType: ContextIPTypeIPv4, ContextType: ContextTypeInternet, NwError: 33},
		"05000000 03000000 00000000 01000000 7e5e2a7e 4e6f7272 736b656e 7e5e2a7e 21000000"},
	{"", V1, Answer,
		&Connection{Session: 5, State: ActivationStateDeactivated, IPType: ContextIPTypeIPv4, ContextType: ContextTypeInternet, NwError: 33},
		"05000000 03000000 00000000 01000000 7e5e2a7e 4e6f7272 736b656e 7e5e2a7e 21000000"},
	{"", V1, Indication,
		&Connection{Session: 5, State: ActivationStateDeactivated, IPType: ContextIPTypeIPv4, ContextType: ContextTypeInternet, NwError: 33},
		"05000000 03000000 00000000 01000000 7e5e2a7e 4e6f7272 736b656e 7e5e2a7e 21000000"},
	{"", V1, Answer,
		&ProvisionedContexts{Contexts: []ProvisionedContext{{ID: 7, ContextType: ContextTypeInternet, AccessString: "corp", UserName: "u", Password: "secret", Auth: AuthProtocolPAP}}},
		"01000000 0c000000 4c000000 07000000 7e5e2a7e 4e6f7272 736b656e 7e5e2a7e 34000000 08000000 3c000000 02000000 " +
			"40000000 0c000000 00000000 01000000 63006f00 72007000 75000000 73006500 63007200 65007400"},
	{"", V1, Indication,
		&ProvisionedContexts{Contexts: []ProvisionedContext{{ID: 7, ContextType: ContextTypeInternet, AccessString: "corp", UserName: "u", Password: "secret", Auth: AuthProtocolPAP}}},
		"01000000 0c000000 4c000000 07000000 7e5e2a7e 4e6f7272 736b656e 7e5e2a7e 34000000 08000000 3c000000 02000000 " +
			"40000000 0c000000 00000000 01000000 63006f00 72007000 75000000 73006500 63007200 65007400"},
	{"", V1, Set,
		&SetProvisionedContext{Context: ProvisionedContext{ID: 7, ContextType: ContextTypeInternet, AccessString: "corp", UserName: "u", Password: "secret", Auth: AuthProtocolPAP}, ProviderID: "26201"},
		"07000000 7e5e2a7e 4e6f7272 736b656e 7e5e2a7e 3c000000 08000000 44000000 02000000 48000000 0c000000 00000000 " +
			"01000000 54000000 0a000000 63006f00 72007000 75000000 73006500 63007200 65007400 32003600 32003000 31000000"},
	{"", V1, Query,
		&IPConfiguration{Session: 5, IPv4: IPFamilyConfiguration{Available: 15, Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/30")}, Gateway: netip.MustParseAddr("10.0.0.1"), DNS: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}, MTU: 1430}, IPv6: IPFamilyConfiguration{Available: 3, Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8::2/64")}, Gateway: netip.MustParseAddr("fe80::1")}},
		"05000000 0f000000 03000000 01000000 3c000000 01000000 44000000 58000000 5c000000 02000000 6c000000 00000000 " +
			"00000000 96050000 00000000 1e000000 0a000002 40000000 20010db8 00000000 00000000 00000002 0a000001 fe800000 " +
			"00000000 00000000 00000001 c0000201 c0000202"},
	{"", V1, Answer,
		&IPConfiguration{Session: 5, IPv4: IPFamilyConfiguration{Available: 15, Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/30")}, Gateway: netip.MustParseAddr("10.0.0.1"), DNS: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}, MTU: 1430}, IPv6: IPFamilyConfiguration{Available: 3, Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8::2/64")}, Gateway: netip.MustParseAddr("fe80::1")}},
		"05000000 0f000000 03000000 01000000 3c000000 01000000 44000000 58000000 5c000000 02000000 6c000000 00000000 " +
			"00000000 96050000 00000000 1e000000 0a000002 40000000 20010db8 00000000 00000000 00000002 0a000001 fe800000 " +
			"00000000 00000000 00000001 c0000201 c0000202"},
	{"", V1, Indication,
		&IPConfiguration{Session: 5, IPv4: IPFamilyConfiguration{Available: 15, Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.2/30")}, Gateway: netip.MustParseAddr("10.0.0.1"), DNS: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}, MTU: 1430}, IPv6: IPFamilyConfiguration{Available: 3, Addresses: []netip.Prefix{netip.MustParsePrefix("2001:db8::2/64")}, Gateway: netip.MustParseAddr("fe80::1")}},
		"05000000 0f000000 03000000 01000000 3c000000 01000000 44000000 58000000 5c000000 02000000 6c000000 00000000 " +
			"00000000 96050000 00000000 1e000000 0a000002 40000000 20010db8 00000000 00000000 00000002 0a000001 fe800000 " +
			"00000000 00000000 00000001 c0000201 c0000202"},
	{"of a session", V1, Query,
		&IPConfiguration{Session: 5},
		"05000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 " +
			"00000000 00000000 00000000"},
	{"", V1, Answer,
		&PacketStatistics{1, 2, 3 << 32, 4, 5, 6, 7, 8},
		"01000000 02000000 00000000 03000000 04000000 00000000 05000000 00000000 06000000 00000000 07000000 08000000"},
	{"", V1, Answer,
		&ProvisionedContextsV2{Contexts: []ProvisionedContextV2{{ID: 7, Settings: ContextSettings{ContextType: ContextTypeInternet, IPType: ContextIPTypeIPv4v6, State: ContextStateEnabled, Roaming: ContextRoamingControlAllowAll, Media: ContextMediaTypeAll, Source: ContextSourceAdmin, AccessString: "corp", UserName: "u", Password: "secret", Auth: AuthProtocolPAP}}}},
		"01000000 0c000000 60000000 07000000 7e5e2a7e 4e6f7272 736b656e 7e5e2a7e 03000000 01000000 06000000 02000000 " +
			"00000000 48000000 08000000 50000000 02000000 54000000 0c000000 00000000 01000000 63006f00 72007000 75000000 " +
			"73006500 63007200 65007400"},
	{"", V1, Indication,
		&ProvisionedContextsV2{Contexts: []ProvisionedContextV2{{ID: 7, Settings: ContextSettings{ContextType: ContextTypeInternet, IPType: ContextIPTypeIPv4v6, State: ContextStateEnabled, Roaming: ContextRoamingControlAllowAll, Media: ContextMediaTypeAll, Source: ContextSourceAdmin, AccessString: "corp", UserName: "u", Password: "secret", Auth: AuthProtocolPAP}}}},
		"01000000 0c000000 60000000 07000000 7e5e2a7e 4e6f7272 736b656e 7e5e2a7e 03000000 01000000 06000000 02000000 " +
			"00000000 48000000 08000000 50000000 02000000 54000000 0c000000 00000000 01000000 63006f00 72007000 75000000 " +
			"73006500 63007200 65007400"},
	{"", V1, Set,
		&SetProvisionedContextV2{Operation: ContextOperationDelete, Settings: ContextSettings{ContextType: ContextTypeInternet, IPType: ContextIPTypeIPv4v6, State: ContextStateEnabled, Roaming: ContextRoamingControlAllowAll, Media: ContextMediaTypeAll, Source: ContextSourceAdmin, AccessString: "corp", UserName: "u", Password: "secret", Auth: AuthProtocolPAP}},
		"01000000 7e5e2a7e 4e6f7272 736b656e 7e5e2a7e 03000000 01000000 06000000 02000000 00000000 48000000 08000000 " +
			"50000000 02000000 54000000 0c000000 00000000 01000000 63006f00 72007000 75000000 73006500 63007200 65007400"},
	{"", V1, Answer,
		&LTEAttachConfiguration{Settings: []AttachSettings{{IPType: ContextIPTypeIPv4, Roaming: LTEAttachContextRoamingControlHome, Source: ContextSourceUser, AccessString: "corp", UserName: "u", Password: "p", Auth: AuthProtocolCHAP}, {IPType: ContextIPTypeIPv4, Roaming: LTEAttachContextRoamingControlPartner, Source: ContextSourceUser, AccessString: "", UserName: "u", Password: "p", Auth: AuthProtocolCHAP}, {IPType: ContextIPTypeIPv4, Roaming: LTEAttachContextRoamingControlNonPartner, Source: ContextSourceUser, AccessString: "x", UserName: "u", Password: "p", Auth: AuthProtocolCHAP}}},
		"03000000 1c000000 3c000000 58000000 34000000 8c000000 38000000 01000000 00000000 01000000 2c000000 08000000 " +
			"34000000 02000000 38000000 02000000 00000000 02000000 63006f00 72007000 75000000 70000000 01000000 01000000 " +
			"01000000 00000000 00000000 2c000000 02000000 30000000 02000000 00000000 02000000 75000000 70000000 01000000 " +
			"02000000 01000000 2c000000 02000000 30000000 02000000 34000000 02000000 00000000 02000000 78000000 75000000 " +
			"70000000"},
	{"", V1, Indication,
		&LTEAttachConfiguration{Settings: []AttachSettings{{IPType: ContextIPTypeIPv4, Roaming: LTEAttachContextRoamingControlHome, Source: ContextSourceUser, AccessString: "corp", UserName: "u", Password: "p", Auth: AuthProtocolCHAP}, {IPType: ContextIPTypeIPv4, Roaming: LTEAttachContextRoamingControlPartner, Source: ContextSourceUser, AccessString: "", UserName: "u", Password: "p", Auth: AuthProtocolCHAP}, {IPType: ContextIPTypeIPv4, Roaming: LTEAttachContextRoamingControlNonPartner, Source: ContextSourceUser, AccessString: "x", UserName: "u", Password: "p", Auth: AuthProtocolCHAP}}},
		"03000000 1c000000 3c000000 58000000 34000000 8c000000 38000000 01000000 00000000 01000000 2c000000 08000000 " +
			"34000000 02000000 38000000 02000000 00000000 02000000 63006f00 72007000 75000000 70000000 01000000 01000000 " +
			"01000000 00000000 00000000 2c000000 02000000 30000000 02000000 00000000 02000000 75000000 70000000 01000000 " +
			"02000000 01000000 2c000000 02000000 30000000 02000000 34000000 02000000 00000000 02000000 78000000 75000000 " +
			"70000000"},
	{"", V1, Set,
		&SetLTEAttachConfiguration{Settings: []AttachSettings{{IPType: ContextIPTypeIPv4, Roaming: LTEAttachContextRoamingControlHome, Source: ContextSourceUser, AccessString: "corp", UserName: "u", Password: "p", Auth: AuthProtocolCHAP}, {IPType: ContextIPTypeIPv4, Roaming: LTEAttachContextRoamingControlPartner, Source: ContextSourceUser, AccessString: "", UserName: "u", Password: "p", Auth: AuthProtocolCHAP}, {IPType: ContextIPTypeIPv4, Roaming: LTEAttachContextRoamingControlNonPartner, Source: ContextSourceUser, AccessString: "x", UserName: "u", Password: "p", Auth: AuthProtocolCHAP}}},
		"00000000 03000000 20000000 3c000000 5c000000 34000000 90000000 38000000 01000000 00000000 01000000 2c000000 " +
			"08000000 34000000 02000000 38000000 02000000 00000000 02000000 63006f00 72007000 75000000 70000000 01000000 " +
			"01000000 01000000 00000000 00000000 2c000000 02000000 30000000 02000000 00000000 02000000 75000000 70000000 " +
			"01000000 02000000 01000000 2c000000 02000000 30000000 02000000 34000000 02000000 00000000 02000000 78000000 " +
			"75000000 70000000"},
	{"restore", V1, Set,
		&SetLTEAttachConfiguration{Operation: LTEAttachContextOperationRestoreFactory},
		"01000000 00000000"},
	{"", V1, Answer,
		&LTEAttachInfo{State: LTEAttachStateAttached, IPType: ContextIPTypeIPv4, AccessString: "corp", UserName: "u", Password: "p", Auth: AuthProtocolCHAP},
		"01000000 01000000 28000000 08000000 30000000 02000000 34000000 02000000 00000000 02000000 63006f00 72007000 " +
			"75000000 70000000"},
	{"", V1, Indication,
		&LTEAttachInfo{State: LTEAttachStateAttached, IPType: ContextIPTypeIPv4, AccessString: "corp", UserName: "u", Password: "p", Auth: AuthProtocolCHAP},
		"01000000 01000000 28000000 08000000 30000000 02000000 34000000 02000000 00000000 02000000 63006f00 72007000 " +
			"75000000 70000000"},
	{"", V1, Query,
		&PCO{Session: 5, Type: PCOTypePartial, Data: []byte{0x80, 0, 0x0d}},
		"05000000 03000000 01000000 80000d00"},
	{"", V1, Answer,
		&PCO{Session: 5, Type: PCOTypePartial, Data: []byte{0x80, 0, 0x0d}},
		"05000000 03000000 01000000 80000d00"},
	{"", V1, Indication,
		&PCO{Session: 5, Type: PCOTypePartial, Data: []byte{0x80, 0, 0x0d}},
		"05000000 03000000 01000000 80000d00"},
}
