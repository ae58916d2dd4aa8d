package qmi

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/cellular/modem"
)

func address(text string) *netip.Addr  { return new(netip.MustParseAddr(text)) }
func prefix(text string) *netip.Prefix { return new(netip.MustParsePrefix(text)) }

// wdsVectors follow libqmi's qmi-service-wds.json.
var wdsVectors = []vector{
	{"all", "01 3300 00 01 04  00 0100 2000 2700  14 0800 696e7465726e6574  16 0100 03  17 0400 75736572  18 0600 733363723374  19 0100 04  31 0100 01", 4, 1,
		&StartNetworkRequest{APN: new("internet"), Auth: new(AuthPAP | AuthCHAP), User: new("user"), Password: new(Password("s3cr3t")), Family: new(FamilyIPv4), Profile: new(uint8(1))}},
	{"empty APN is not none", "01 1300 00 01 04  00 0200 2000 0700  14 0000  19 0100 06", 4, 2, &StartNetworkRequest{APN: new(""), Family: new(FamilyIPv6)}},
	{"up", "01 1a00 80 01 04  02 0100 2000 0e00  02 0400 0000 0000  01 0400 b01f7ce1", 4, 1, &StartNetworkResponse{Handle: 0xe17c1fb0}},
	{"APN unknown", "01 1f00 80 01 04  02 0100 2000 1300  02 0400 0100 0e00  10 0200 f503  11 0400 0600 1b00", 4, 1,
		&StartNetworkResponse{Result: Result{ErrCallFailed}, Reason: new(CallEndReason(1013)), Verbose: &VerboseCallEndReason{CallEnd3GPP, 27}}},
	{"", "01 1700 00 01 04  00 0300 2100 0b00  01 0400 b01f7ce1  10 0100 01", 4, 3, &StopNetworkRequest{Handle: 0xe17c1fb0, DisableAutoconnect: new(true)}},
	{"", "01 1300 80 01 04  02 0300 2100 0700  02 0400 0000 0000", 4, 3, &StopNetworkResponse{}},
	{"", "01 0c00 00 01 04  00 0400 2200 0000", 4, 4, &GetPacketStatusRequest{}},
	{"", "01 1700 80 01 04  02 0400 2200 0b00  02 0400 0000 0000  01 0100 02", 4, 4, &GetPacketStatusResponse{Status: Connected}},
	{"dropped, to all", "01 2100 80 01 ff  04 0000 2200 1500  01 0200 01 00  10 0200 0200  11 0400 0200 db00  12 0100 04", BroadcastClient, 0,
		&PacketStatusIndication{Status: PacketStatus{Disconnected, false}, Reason: new(CallEndReason(2)), Verbose: &VerboseCallEndReason{CallEndInternal, 219}, Family: new(FamilyIPv4)}},
	{"new address", "01 1100 80 01 04  04 0000 2200 0500  01 0200 02 01", 4, 0, &PacketStatusIndication{Status: PacketStatus{Connected, true}}},
	{"", "01 1300 00 01 04  00 0500 2d00 0700  10 0400 10a30000", 4, 5,
		&GetSettingsRequest{Wanted: new(SettingDNS | SettingAddress | SettingGateway | SettingMTU | SettingFamily)}},
	{"IPv4", "01 4c00 80 01 04  02 0500 2d00 4000  02 0400 0000 0000  14 0800 696e7465726e6574  15 0400 08080808  16 0400 01010101  1e 0400 02004064  20 0400 01004064  21 0400 fcffffff" +
		"  29 0400 dc050000  2b 0100 04", 4, 5,
		&GetSettingsResponse{APN: new("internet"), IPv4: IPv4Settings{
			Address: address("100.64.0.2"), Gateway: address("100.64.0.1"), Mask: address("255.255.255.252"), DNS1: address("8.8.8.8"), DNS2: address("1.1.1.1"),
		}, MTU: new(uint32(1500)), Family: new(FamilyIPv4)}},
	{"IPv6", "01 6500 80 01 04  02 0600 2d00 5900  02 0400 0000 0000  25 1100 20010db8000000010000000000000002 40  26 1100 20010db8000000010000000000000001 40" +
		"  27 1000 20014860486000000000000000008888  28 1000 20014860486000000000000000008844  2b 0100 06", 4, 6,
		&GetSettingsResponse{IPv6: IPv6Settings{
			Address: prefix("2001:db8:0:1::2/64"), Gateway: prefix("2001:db8:0:1::1/64"), DNS1: address("2001:4860:4860::8888"), DNS2: address("2001:4860:4860::8844"),
		}, Family: new(FamilyIPv6)}},
	{"", "01 1300 00 01 04  00 0600 2400 0700  01 0400 c3000000", 4, 6,
		&GetStatisticsRequest{CountPacketsSent | CountPacketsReceived | CountOctetsSent | CountOctetsReceived}},
	{"", "01 3700 80 01 04  02 0600 2400 2b00  02 0400 0000 0000  10 0400 02000000  11 0400 03000000  19 0800 0001000000000000  1a 0800 0000000001000000", 4, 6,
		&GetStatisticsResponse{PacketsSent: new(uint32(2)), PacketsReceived: new(uint32(3)), OctetsSent: new(uint64(256)), OctetsReceived: new(uint64(1 << 32))}},
	{"", "01 0c00 00 01 04  00 0600 0100 0000", 4, 6, &SetDataEventsRequest{}},
	{"", "01 1300 80 01 04  02 0600 0100 0700  02 0400 0000 0000", 4, 6, &SetDataEventsResponse{}},
	{"", "01 1000 00 01 04  00 0600 0300 0400  12 0100 01", 4, 6, &SetCallEventsRequest{Settings: new(true)}},
	{"", "01 1300 80 01 04  02 0600 0300 0700  02 0400 0000 0000", 4, 6, &SetCallEventsResponse{}},
	{"MTU", "01 1300 80 01 04  04 0000 8c00 0700  10 0400 00200000", 4, 0, &SettingsIndication{Changed: new(SettingMTU)}},
	{"", "01 1000 00 01 04  00 0700 4d00 0400  01 0100 06", 4, 7, &SetIPFamilyRequest{Family: FamilyIPv6}},
	{"", "01 1300 80 01 04  02 0700 4d00 0700  02 0400 0000 0000", 4, 7, &SetIPFamilyResponse{}},
	{"", "01 2200 00 01 04  00 0800 a200 1600  10 0800 02000000 04000000  11 0100 81  13 0400 01000000", 4, 8,
		&BindMuxPortRequest{Endpoint: &Endpoint{EndpointUSB, 4}, Mux: new(uint8(0x81)), Client: new(ClientOutside)}},
	{"", "01 1300 80 01 04  02 0800 a200 0700  02 0400 0000 0000", 4, 8, &BindMuxPortResponse{}},
	{"", "01 1000 00 01 04  00 0900 2a00 0400  10 0100 00", 4, 9, &ListProfilesRequest{Type: new(Profile3GPP)}},
	{"two", "01 2000 80 01 04  02 0900 2a00 1400  02 0400 0000 0000  01 0a00 02 00 01 00 00 02 03 696d73", 4, 9,
		&ListProfilesResponse{Profiles: []ProfileName{{ProfileID{Profile3GPP, 1}, ""}, {ProfileID{Profile3GPP, 2}, "ims"}}}},
	{"", "01 1100 00 01 04  00 0a00 2b00 0500  01 0200 00 01", 4, 10, &GetProfileRequest{ID: ProfileID{Profile3GPP, 1}}},
	{"", "01 2200 80 01 04  02 0a00 2b00 1600  02 0400 0000 0000  11 0100 03  14 0800 696e7465726e6574", 4, 10,
		&GetProfileResponse{Profile: Profile{PDPType: new(PDPIPv4v6), APN: new("internet")}}},
	{"no such", "01 1800 80 01 04  02 0a00 2b00 0c00  02 0400 0100 5100  e0 0200 0700", 4, 10, &GetProfileResponse{Result: Result{81}, Extended: new(uint16(7))}},
	{"all", "01 3500 00 01 04  00 0b00 2800 2900  01 0200 00 01  10 0300 6c7465  11 0100 00  14 0300 61706e  1b 0400 75736572  1c 0600 733363723374  1d 0100 01", 4, 11,
		&ModifyProfileRequest{ID: ProfileID{Profile3GPP, 1}, Profile: Profile{
			Name: new("lte"), PDPType: new(PDPIPv4), APN: new("apn"), User: new("user"), Password: new(Password("s3cr3t")), Auth: new(AuthPAP),
		}}},
	{"", "01 1300 80 01 04  02 0b00 2800 0700  02 0400 0000 0000", 4, 11, &ModifyProfileResponse{}},
	{"no", "01 1800 80 01 04  02 0b00 2800 0c00  02 0400 0100 5100  e0 0200 0300", 4, 11, &ModifyProfileResponse{Result: Result{81}, Extended: new(uint16(3))}},
	{"", "01 0c00 00 01 04  00 0c00 8500 0000", 4, 12, &GetAttachRequest{}},
	{"", "01 2600 80 01 04  02 0c00 8500 1a00  02 0400 0000 0000  10 0800 696e7465726e6574  11 0100 02  12 0100 01", 4, 12,
		&GetAttachResponse{APN: new("internet"), Families: new(AttachIPv4v6), OverTheAir: new(true)}},
	{"", "01 0c00 00 01 04  00 0d00 9400 0000", 4, 13, &GetAttachProfilesRequest{}},
	{"", "01 1f00 80 01 04  02 0d00 9400 1300  02 0400 0000 0000  10 0500 02 0100 0300  11 0100 00", 4, 13,
		&GetAttachProfilesResponse{Current: &[]uint16{1, 3}, Pending: new([]uint16)}},
	{"", "01 1900 00 01 04  00 0e00 9300 0d00  01 0300 01 0500  10 0400 02000000", 4, 14, &SetAttachProfilesRequest{Profiles: []uint16{5}, Action: new(AttachAnew)}},
	{"", "01 1300 80 01 04  02 0e00 9300 0700  02 0400 0000 0000", 4, 14, &SetAttachProfilesResponse{}},
}

// wdaVectors follow libqmi's qmi-service-wda.json.
var wdaVectors = []vector{
	{"raw IP, no QMAP", "01 3000 00 1a 05  00 0100 2000 2400  10 0100 00  11 0400 02000000  12 0400 00000000  13 0400 00000000  17 0800 02000000 04000000", 5, 1,
		&SetDataFormatRequest{Format: DataFormat{QoS: new(false), Link: new(LinkRawIP), Up: new(AggregationNone), Down: new(AggregationNone)}, Endpoint: &Endpoint{EndpointUSB, 4}}},
	{"QMAP", "01 3a00 80 1a 05  02 0100 2000 2e00  02 0400 0000 0000  10 0100 00  11 0400 02000000  12 0400 05000000  13 0400 05000000  15 0400 20000000  16 0400 00400000", 5, 1,
		&SetDataFormatResponse{Format: DataFormat{
			QoS: new(false), Link: new(LinkRawIP), Up: new(AggregationQMAP), Down: new(AggregationQMAP), DownPackets: new(uint32(32)), DownSize: new(uint32(16384)),
		}}},
	{"", "01 0c00 00 1a 05  00 0200 2100 0000", 5, 2, &GetDataFormatRequest{}},
	{"of an endpoint", "01 1700 00 1a 05  00 0200 2100 0b00  10 0800 03000000 04000000", 5, 2, &GetDataFormatRequest{Endpoint: &Endpoint{EndpointPCIe, 4}}},
	{"Ethernet", "01 1a00 80 1a 05  02 0200 2100 0e00  02 0400 0000 0000  11 0400 01000000", 5, 2, &GetDataFormatResponse{Format: DataFormat{Link: new(LinkEthernet)}}},
}

func TestCallEndInWords(t *testing.T) {
	for want, reason := range map[string]fmt.Stringer{
		"the network does not know the APN (call end reason 1013)": CallEndReason(1013),
		"call end reason 77": CallEndReason(77),
		"not in the subscription: the APN or its IP type (cause 33)": VerboseCallEndReason{CallEnd3GPP, 33},
		"cause 200":                         VerboseCallEndReason{CallEnd3GPP, 200},
		"network -1":                        VerboseCallEndReason{CallEnd3GPP, -1},
		"the radio is off (modem 219)":      VerboseCallEndReason{CallEndInternal, 219},
		"attach failed (call manager 1029)": VerboseCallEndReason{CallEndManager, 1029},
		"modem 1029":                        VerboseCallEndReason{CallEndInternal, 1029},
		"call manager 219":                  VerboseCallEndReason{CallEndManager, 219},
		"PPP 31":                            VerboseCallEndReason{CallEndPPP, 31},
		"type 10 1":                         VerboseCallEndReason{10, 1},
	} {
		if got := reason.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if cause, ok := (VerboseCallEndReason{CallEndInternal, 33}).Cause(); ok {
		t.Errorf("the modem's own reason is the network's %v", cause)
	}
}

func TestCallEndCauses(t *testing.T) {
	for reason, want := range map[interface {
		Cause() (modem.SessionCause, bool)
	}]modem.SessionCause{
		VerboseCallEndReason{CallEnd3GPP, 27}:      27,
		VerboseCallEndReason{CallEndInternal, 208}: modem.CauseOnlyIPv6,
		VerboseCallEndReason{CallEndInternal, 210}: modem.CauseOnlyIPv4,
		CallEndReason(1013):                        27,
		CallEndReason(1012):                        8,
	} {
		if cause, ok := reason.Cause(); !ok || cause != want {
			t.Errorf("%v is the network's %v (%t), want %v", reason, cause, ok, want)
		}
	}
	if cause, ok := CallEndReason(2).Cause(); ok {
		t.Errorf("the host's end is the network's %v", cause)
	}
}

func TestAddressesOfTheWrongFamilyAreNotWritten(t *testing.T) {
	for name, bad := range map[string]*GetSettingsResponse{
		"IPv4": {IPv4: IPv4Settings{Address: address("2001:db8::1")}},
		"IPv6": {IPv6: IPv6Settings{DNS1: address("192.0.2.1")}},
		"none": {IPv4: IPv4Settings{Gateway: new(netip.Addr)}},
	} {
		if _, err := New(4, 1, bad); err == nil {
			t.Errorf("%s was written", name)
		}
	}
}

func TestImpossiblePrefixIsRefused(t *testing.T) {
	m := Message{Kind: Kind{WDS, 0x2d, Response}, TLVs: []TLV{{2, make([]byte, 4)}, {0x25, append(make([]byte, 16), 129)}}}
	if err := m.Decode(&GetSettingsResponse{}); err == nil || !strings.Contains(err.Error(), "IPv6 address (TLV 0x25): an IPv6 prefix of 129 bits") {
		t.Errorf("%v", err)
	}
}
