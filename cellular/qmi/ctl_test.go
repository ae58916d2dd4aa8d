package qmi

// ctlVectors follow the description of QMUX and CTL in GobiNet's QMI.h
// and libqmi's qmi-service-ctl.json.
var ctlVectors = []vector{
	{"", "01 0b00 00 00 00  00 01 2700 0000", 0, 1, &SyncRequest{}},
	{"", "01 1200 80 00 00  01 01 2700 0700  02 0400 0000 0000", 0, 1, &SyncResponse{}},
	{"", "01 0b00 80 00 00  02 00 2700 0000", 0, 0, &SyncIndication{}},
	{"", "01 0b00 00 00 00  00 02 2100 0000", 0, 2, &GetVersionInfoRequest{}},
	{"two services", "01 2000 80 00 00  01 02 2100 1500  02 0400 0000 0000  01 0b00 02 00 0100 0500 03 0100 1900",
		0, 2, &GetVersionInfoResponse{Services: []ServiceVersion{{CTL, 1, 5}, {NAS, 1, 25}}}},
	{"WDS", "01 0f00 00 00 00  00 03 2200 0400  01 0100 01", 0, 3, &GetClientIDRequest{Service: WDS}},
	{"WDS", "01 1700 80 00 00  01 03 2200 0c00  02 0400 0000 0000  01 0200 01 0e", 0, 3, &GetClientIDResponse{ID: ClientID{WDS, 14}}},
	{"none free", "01 1200 80 00 00  01 04 2200 0700  02 0400 0100 0500", 0, 4, &GetClientIDResponse{Result: Result{ErrClientIDsExhausted}}},
	{"", "01 1000 00 00 00  00 05 2300 0500  01 0200 0b 02", 0, 5, &ReleaseClientIDRequest{ID: ClientID{UIM, 2}}},
	{"", "01 1700 80 00 00  01 05 2300 0c00  02 0400 0000 0000  01 0200 0b 02", 0, 5, &ReleaseClientIDResponse{ID: ClientID{UIM, 2}}},
	{"raw IP", "01 1400 00 00 00  00 06 2600 0900  01 0100 00  10 0200 0200", 0, 6, &SetLinkFormatRequest{Protocol: new(LinkProtocolIP)}},
	{"raw IP", "01 1700 80 00 00  01 06 2600 0c00  02 0400 0000 0000  10 0200 0200", 0, 6, &SetLinkFormatResponse{Protocol: new(LinkProtocolIP)}},
}
