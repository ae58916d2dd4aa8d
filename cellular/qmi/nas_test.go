package qmi

import "testing"

// nasVectors follow libqmi's qmi-service-nas.json, and for the system and the
// reject indication the public headers of Qualcomm's and Quectel's NAS.
var nasVectors = []vector{
	{"", "01 0c00 00 03 03  00 0100 2500 0000", 3, 1, &GetHomeNetworkRequest{}},
	{"", "01 2200 80 03 03  02 0100 2500 1600  02 0400 0000 0000  01 0c00 0100 0100 07 546573746e6574", 3, 1,
		&GetHomeNetworkResponse{Home: PLMN{MCC: 1, MNC: 1, Name: "Testnet"}}},
	{"", "01 1300 00 03 03  00 0100 4400 0700  01 0400 0100 0100", 3, 1, &GetNetworkNameRequest{MCC: 1, MNC: 1}},
	{"", "01 2700 80 03 03  02 0100 4400 1b00  02 0400 0000 0000  10 1100 00 02 544e  00 00 00 01 54  01 01 05 04 54004e00", 3, 1,
		&GetNetworkNameResponse{Names: &NetworkNames{
			Provider: EncodedName{0, "TN"}, Short: NetworkName{EncodedName: EncodedName{0, "T"}}, Long: NetworkName{EncodedName{1, "T\x00N\x00"}, true, 5},
		}}},
	{"", "01 0c00 00 03 03  00 0100 2400 0000", 3, 1, &GetServingSystemRequest{}},
	{"roaming on LTE", "01 4c00 80 03 03  02 0100 2400 4000  02 0400 0000 0000  01 0600 01 01 01 02 01 08  10 0100 00  12 0800 0601 0100 03 546573" +
		"  1c 0200 feff  1d 0400 78563412  21 0500 02 03 00 00 00  24 0200 3412  27 0500 0601 0100 00", 3, 1,
		&GetServingSystemResponse{System: ServingSystem{
			Network: ServingNetwork{Registered, Attached, Attached, 2, []RadioInterface{RadioLTE}},
			Roaming: new(Roaming), PLMN: &PLMN{262, 1, "Tes"}, LAC: new(uint16(0xfffe)), Cell: new(uint32(0x12345678)),
			Detailed: &DetailedStatus{Status: FullService, Domain: DomainBoth}, TAC: new(uint16(0x1234)), MNCDigits: &MNCDigits{262, 1, false},
		}}},
	{"at home, other numbers", "01 3a00 80 03 03  04 0000 2400 2e00  01 0600 01 02 01 02 01 08  10 0100 01" +
		"  1d 0200 feff  1e 0400 78563412  22 0500 02 02 00 00 00  25 0200 3412  29 0500 3601 9a01 01", 3, 0,
		&ServingSystemIndication{System: ServingSystem{
			Network: ServingNetwork{Registered, Detached, Attached, 2, []RadioInterface{RadioLTE}},
			Roaming: new(Home), LAC: new(uint16(0xfffe)), Cell: new(uint32(0x12345678)),
			Detailed: &DetailedStatus{Status: FullService, Domain: DomainPS}, TAC: new(uint16(0x1234)), MNCDigits: &MNCDigits{310, 410, true},
		}}},
	{"", "01 0c00 00 03 03  00 0200 4f00 0000", 3, 2, &GetSignalRequest{}},
	{"LTE", "01 1c00 80 03 03  02 0200 4f00 1000  02 0400 0000 0000  14 0600 bf f5 a3ff 7c00", 3, 2,
		&GetSignalResponse{Signal: Signal{LTE: &LTESignal{RSSI: -65, RSRQ: -11, RSRP: -93, SNR: 124}}}},
	{"all others", "01 2200 80 03 03  04 0000 5100 1600  12 0100 a9  13 0300 b0 0c00  17 0400 9aff e2ff  18 0200 f4ff", 3, 0,
		&SignalIndication{Signal: Signal{GSM: new(int8(-87)), WCDMA: &WCDMASignal{-80, 12}, NR5G: &NR5GSignal{-102, -30}, NR5GRSRQ: new(int16(-12))}}},
	{"", "01 0c00 00 03 03  00 0300 3100 0000", 3, 3, &GetBandsRequest{}},
	{"LTE band 1", "01 2700 80 03 03  02 0300 3100 1b00  02 0400 0000 0000  01 0600 01 08 7800 2c01  11 0800 01 08 7800 2c010000", 3, 3,
		&GetBandsResponse{Bands: []Band{{RadioLTE, 120, 300}}, Wide: &[]WideBand{{RadioLTE, 120, 300}}}},
	{"", "01 0c00 00 03 03  00 0400 4d00 0000", 3, 4, &GetSystemRequest{}},
	{"LTE refused", "01 3f00 80 03 03  02 0400 4d00 3300  02 0400 0000 0000  12 0300 00 00 00  14 0300 01 02 01  19 1d00" +
		" 01 00  01 02  01 01  01 00  00 0000  01 78563412  01 02 0b  01 323632 3031ff  01 3412", 3, 4,
		&GetSystemResponse{System: System{
			GSM: &RadioStatus{}, LTE: &RadioStatus{LimitedService, FullService, true},
			LTESystem: &RadioSystem{
				Domain: new(DomainNone), Capability: new(DomainPS), Roaming: new(uint8(1)), Forbidden: new(false),
				Cell: new(uint32(0x12345678)), Reject: &Reject{DomainPS, 11}, Network: &NetworkID{"262", "01"}, TAC: new(uint16(0x1234)),
			},
		}}},
	{"5G alone", "01 3f00 80 03 03  02 0400 4d00 3300  02 0400 0000 0000  4a 0300 02 02 01  4b 1d00" +
		" 01 02  01 02  01 00  01 00  00 0000  00 00000000  00 00 00  01 333130 343130  01 3412  50 0300 123456", 3, 4,
		&GetSystemResponse{System: System{NR5G: &RadioStatus{FullService, FullService, true}, NR5GSystem: &RadioSystem{
			Domain: new(DomainPS), Capability: new(DomainPS), Roaming: new(uint8(0)), Forbidden: new(false), Network: &NetworkID{"310", "410"}, TAC: new(uint16(0x1234)),
		}, NR5GTAC: new(uint32(0x123456))}}},
	{"5G alone, other numbers", "01 3800 80 03 03  04 0000 4e00 2c00  4c 0300 02 02 01  4d 1d00" +
		" 01 02  01 02  01 00  01 00  00 0000  00 00000000  00 00 00  01 333130 343130  01 3412  52 0300 123456", 3, 0,
		&SystemIndication{System: System{NR5G: &RadioStatus{FullService, FullService, true}, NR5GSystem: &RadioSystem{
			Domain: new(DomainPS), Capability: new(DomainPS), Roaming: new(uint8(0)), Forbidden: new(false), Network: &NetworkID{"310", "410"}, TAC: new(uint16(0x1234)),
		}, NR5GTAC: new(uint32(0x123456))}}},
	{"GSM and UMTS", "01 5100 80 03 03  04 0000 4e00 4500" +
		"  17 1e00 01 01  01 03  01 00  01 00  01 3412  01 78560000  00 00 00  01 323632 3031ff  00 00  00 00" +
		"  18 2100 01 00  01 03  01 01  01 01  01 3412  01 78563412  01 02 0e  01 323632 3032ff  00 00  00 00  00 0000", 3, 0,
		&SystemIndication{System: System{
			GSMSystem: &RadioSystem{
				Domain: new(DomainCS), Capability: new(DomainBoth), Roaming: new(uint8(0)), Forbidden: new(false),
				LAC: new(uint16(0x1234)), Cell: new(uint32(0x5678)), Network: &NetworkID{"262", "01"},
			},
			WCDMASystem: &RadioSystem{
				Domain: new(DomainNone), Capability: new(DomainBoth), Roaming: new(uint8(1)), Forbidden: new(true),
				LAC: new(uint16(0x1234)), Cell: new(uint32(0x12345678)), Reject: &Reject{DomainPS, 14}, Network: &NetworkID{"262", "02"},
			},
		}}},
	{"attach", "01 1000 00 03 03  00 0a00 2300 0400  10 0100 01", 3, 10, &SetPacketAttachRequest{Action: new(AttachPackets)}},
	{"", "01 1300 80 03 03  02 0a00 2300 0700  02 0400 0000 0000", 3, 10, &SetPacketAttachResponse{}},
	{"nothing known", "01 3200 80 03 03  04 0000 4e00 2600  13 0300 02 02 00  19 1d00" +
		" 00 00  00 00  00 00  00 00  00 0000  00 00000000  00 00 00  00 ffffff ffffff  00 0000", 3, 0,
		&SystemIndication{System: System{WCDMA: &RadioStatus{FullService, FullService, false}, LTESystem: &RadioSystem{}}}},
	{"automatic", "01 1000 00 03 03  00 0500 2200 0400  01 0100 01", 3, 5, &RegisterRequest{Action: RegisterAutomatic}},
	{"manual", "01 2000 00 03 03  00 0600 2200 1400  01 0100 02  10 0500 3601 9a01 08  11 0100 01  12 0100 01", 3, 6,
		&RegisterRequest{Action: RegisterManual, Network: &ManualNetwork{310, 410, RadioLTE}, Duration: new(Permanent), ThreeDigits: new(true)}},
	{"", "01 1300 80 03 03  02 0500 2200 0700  02 0400 0000 0000", 3, 5, &RegisterResponse{}},
	{"all", "01 4300 00 03 03  00 0700 3300 3700  11 0200 1800  12 0800 0000c00600000000  14 0200 ff00  15 0800 c5000800 00000000" +
		"  16 0500 01 3601 9a01  17 0100 01  18 0400 01000000  1a 0100 01", 3, 7,
		&SetSelectionRequest{
			Radios: new(UseUMTS | UseLTE), Bands: new(uint64(0x06c00000)), Roaming: new(RoamingAny), LTEBands: new(uint64(0x000800c5)),
			Network: &NetworkSelection{SelectManual, 310, 410}, Duration: new(Permanent), Domain: new(uint32(1)), ThreeDigits: new(true),
		}},
	{"", "01 1300 80 03 03  02 0700 3300 0700  02 0400 0000 0000", 3, 7, &SetSelectionResponse{}},
	{"", "01 0c00 00 03 03  00 0800 3400 0000", 3, 8, &GetSelectionRequest{}},
	{"manual", "01 4600 80 03 03  02 0800 3400 3a00  02 0400 0000 0000  11 0200 1800  12 0800 0000c00600000000  14 0200 0100  15 0800 c5000800 00000000" +
		"  16 0100 01  18 0400 01000000  1b 0500 3601 9a01 01", 3, 8,
		&GetSelectionResponse{
			Radios: new(UseUMTS | UseLTE), Bands: new(uint64(0x06c00000)), Roaming: new(RoamingOff), LTEBands: new(uint64(0x000800c5)),
			Mode: new(SelectManual), Domain: new(uint32(1)), Network: &MNCDigits{310, 410, true},
		}},
	{"all", "01 1d00 00 03 03  00 0900 0300 1100  13 0100 01  18 0100 01  19 0100 00  21 0200 01 00", 3, 9,
		&SetNetworkEventsRequest{ServingSystem: new(true), System: new(true), Signal: new(false), Rejects: &RejectReports{Report: true}}},
	{"", "01 1300 80 03 03  02 0900 0300 0700  02 0400 0000 0000", 3, 9, &SetNetworkEventsResponse{}},
	{"roaming not allowed", "01 2000 80 03 03  04 0000 6800 1400  01 0100 08  02 0100 02  03 0100 0d  10 0500 0601 0100 00", 3, 0,
		&RejectIndication{Radio: RadioLTE, Domain: DomainPS, Cause: 13, Network: &MNCDigits{262, 1, false}}},
}

func TestMNCKeepsItsDigits(t *testing.T) {
	for want, plmn := range map[string]MNCDigits{"26201": {262, 1, false}, "310004": {310, 4, true}, "00101": {1, 1, false}} {
		if got := plmn.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if _, err := New(3, 1, &SystemIndication{System{LTESystem: &RadioSystem{Network: &NetworkID{"2620", "1"}}}}); err == nil {
		t.Error("an MCC of four digits was written")
	}
}
