package qmi

// dmsVectors follow libqmi's qmi-service-dms.json.
var dmsVectors = []vector{
	{"", "01 0c00 00 02 01  00 0100 2000 0000", 1, 1, &GetCapabilitiesRequest{}},
	{"LTE and UMTS", "01 2300 80 02 01  02 0100 2000 1700  02 0400 0000 0000  01 0d00 80f0fa02 00e1f505 01 02 02 05 08", 1, 1,
		&GetCapabilitiesResponse{Capabilities: Capabilities{MaxUp: 50_000_000, MaxDown: 100_000_000, Data: 1, SIM: 2, Radios: []RadioInterface{RadioUMTS, RadioLTE}}}},
	{"", "01 0c00 00 02 01  00 0200 2100 0000", 1, 2, &GetManufacturerRequest{}},
	{"", "01 1900 80 02 01  02 0200 2100 0d00  02 0400 0000 0000  01 0300 516362", 1, 2, &GetManufacturerResponse{Manufacturer: "Qcb"}},
	{"", "01 0c00 00 02 01  00 0300 2200 0000", 1, 3, &GetModelRequest{}},
	{"", "01 1a00 80 02 01  02 0300 2200 0e00  02 0400 0000 0000  01 0400 45433235", 1, 3, &GetModelResponse{Model: "EC25"}},
	{"", "01 0c00 00 02 01  00 0400 2300 0000", 1, 4, &GetRevisionRequest{}},
	{"", "01 1900 80 02 01  02 0400 2300 0d00  02 0400 0000 0000  01 0300 523036", 1, 4, &GetRevisionResponse{Revision: "R06"}},
	{"", "01 0c00 00 02 01  00 0500 2500 0000", 1, 5, &GetIDsRequest{}},
	{"IMEI", "01 2f00 80 02 01  02 0500 2500 2300  02 0400 0000 0000  10 0100 30  11 0f00 383637353330393132333435363738  13 0300 303233", 1, 5,
		&GetIDsResponse{ESN: new("0"), IMEI: new("867530912345678"), SoftwareVersion: new("023")}},
	{"", "01 0c00 00 02 01  00 0600 2d00 0000", 1, 6, &GetOperatingModeRequest{}},
	{"switched off", "01 2000 80 02 01  02 0600 2d00 1400  02 0400 0000 0000  01 0100 01  10 0200 0100  11 0100 01", 1, 6,
		&GetOperatingModeResponse{Mode: ModeLowPower, OfflineReason: new(uint16(1)), HardwareRestricted: new(true)}},
	{"online", "01 1000 00 02 01  00 0700 2e00 0400  01 0100 00", 1, 7, &SetOperatingModeRequest{Mode: ModeOnline}},
	{"FCC lock", "01 1300 80 02 01  02 0700 2e00 0700  02 0400 0100 3c00", 1, 7, &SetOperatingModeResponse{Result{ErrInvalidTransition}}},
	{"", "01 1000 00 02 01  00 0800 0100 0400  14 0100 01", 1, 8, &SetDeviceEventsRequest{OperatingMode: new(true)}},
	{"", "01 1300 80 02 01  02 0800 0100 0700  02 0400 0000 0000", 1, 8, &SetDeviceEventsResponse{}},
	{"", "01 1000 80 02 01  04 0000 0100 0400  14 0100 00", 1, 0, &DeviceEventIndication{OperatingMode: new(ModeOnline)}},
}
