package qmi

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// published reads what libqmi publishes: the layouts of messages' TLVs, by kind and
// type, and numbers by name.
func published(t *testing.T) (layouts map[string]string, numbers map[string]int) {
	t.Helper()
	f, err := os.Open("testdata/libqmi-1.32.2.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	layouts, numbers = make(map[string]string), make(map[string]int)
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 0 || words[0] == "#":
		case strings.HasPrefix(words[0], "QMI_"):
			if numbers[words[0]], err = strconv.Atoi(words[1]); err != nil {
				t.Fatal(err)
			}
		default:
			name := min(len(words), 4)
			layouts[strings.Join(words[:name], " ")] = strings.Join(words[name:], " ")
		}
	}
	if len(layouts) < 600 || len(numbers) < 800 {
		t.Fatalf("only %d layouts and %d numbers", len(layouts), len(numbers))
	}
	return layouts, numbers
}

// pass returns what is left of b behind the value that layout describes.
func pass(layout []string, b []byte) ([]byte, error) {
	for len(layout) > 0 && b != nil {
		item := layout[0]
		layout = layout[1:]
		number, isList := strings.CutSuffix(item, "*(")
		if !isList {
			b = passItem(item, b)
			continue
		}
		end := closing(layout)
		n, rest := count(number, b)
		for b = rest; n > 0 && b != nil; n-- {
			var err error
			if b, err = pass(layout[:end], b); err != nil {
				return nil, err
			}
		}
		layout = layout[end+1:]
	}
	if b == nil {
		return nil, errors.New("octets are missing")
	}
	return b, nil
}

// closing returns where the list ends whose beginning has been read.
func closing(layout []string) int {
	depth := 0
	return slices.IndexFunc(layout, func(item string) bool {
		switch {
		case strings.HasSuffix(item, "("):
			depth++
		case item == ")":
			depth--
		}
		return depth < 0
	})
}

// count returns how many elements a list has, and what follows its length.
func count(number string, b []byte) (int, []byte) {
	switch {
	case number == "n8" && len(b) >= 1:
		return int(b[0]), b[1:]
	case number == "n16" && len(b) >= 2:
		return int(binary.LittleEndian.Uint16(b)), b[2:]
	case number[0] == 'n':
		return 0, nil
	}
	n, _ := strconv.Atoi(number)
	return n, b
}

// passItem returns what is left of b behind an item, nil if b is too short.
func passItem(item string, b []byte) []byte {
	size := map[string]int{"u8": 1, "u16": 2, "u32": 4, "u64": 8, "text": len(b)}[item]
	if n, ok := strings.CutPrefix(item, "octets:"); ok {
		size, _ = strconv.Atoi(n)
	}
	if item == "text8" {
		n, rest := count("n8", b)
		size, b = n, rest
	}
	if size > len(b) || b == nil {
		return nil
	}
	return b[size:]
}

// TestLayoutsAreLibqmis: what is written here libqmi reads to its last octet.
func TestLayoutsAreLibqmis(t *testing.T) {
	layouts, _ := published(t)
	for _, v := range vectors() {
		m, err := New(v.client, v.transaction, v.body)
		if err != nil {
			t.Fatal(err)
		}
		for _, tlv := range m.TLVs {
			place := fmt.Sprintf("%v 0x%02x", m.Kind, tlv.Type)
			layout, ok := layouts[place]
			if !ok {
				t.Errorf("%s: libqmi has no %s", name(v.body), place)
				continue
			}
			if rest, err := pass(strings.Fields(layout), append([]byte{}, tlv.Value...)); err != nil || len(rest) != 0 {
				t.Errorf("%s: % x is not %s of %s: %v, %d octets left", name(v.body), tlv.Value, layout, place, err, len(rest))
			}
		}
	}
}

func TestEveryKindIsLibqmisAndHasAVector(t *testing.T) {
	layouts, _ := published(t)
	seen := make(map[Kind]bool)
	for _, v := range vectors() {
		seen[v.body.Kind()] = true
	}
	for k := range bodies {
		if !seen[k] {
			t.Errorf("%v has no vector", k)
		}
		if _, ok := layouts[k.String()]; !ok {
			t.Errorf("libqmi has no %v", k)
		}
	}
}

func TestErrorsBandsAndEndsAreLibqmis(t *testing.T) {
	_, numbers := published(t)
	has := make(map[string]map[int]bool)
	for name, number := range numbers {
		for _, prefix := range []string{"QMI_PROTOCOL_ERROR_", "QMI_WDS_CALL_END_REASON_"} {
			if strings.HasPrefix(name, prefix) {
				if has[prefix] == nil {
					has[prefix] = make(map[int]bool)
				}
				has[prefix][number] = true
			}
		}
		for prefix, letter := range map[string]string{"QMI_NAS_ACTIVE_BAND_EUTRAN_": "B", "QMI_NAS_ACTIVE_BAND_NR5G_": "n"} {
			if band, ok := strings.CutPrefix(name, prefix); ok && BandName(uint16(number)) != letter+band {
				t.Errorf("%s is %q", name, BandName(uint16(number)))
			}
		}
	}
	for code := range errorWords {
		if !has["QMI_PROTOCOL_ERROR_"][int(code)] {
			t.Errorf("libqmi has no error %d", code)
		}
	}
	for reason := range callEndWords {
		if !has["QMI_WDS_CALL_END_REASON_"][int(reason)] {
			t.Errorf("libqmi has no call end reason %d", reason)
		}
	}
}

func TestNumbersAreLibqmis(t *testing.T) {
	_, numbers := published(t)
	for name, number := range ours {
		if published, ok := numbers["QMI_"+name]; !ok || published != number {
			t.Errorf("%s is %d, of libqmi's %d (%t)", name, number, published, ok)
		}
	}
}

// ours are our numbers by libqmi's names.
var ours = map[string]int{
	"SERVICE_CTL": int(CTL), "SERVICE_WDS": int(WDS), "SERVICE_DMS": int(DMS), "SERVICE_NAS": int(NAS), "SERVICE_UIM": int(UIM), "SERVICE_WDA": int(WDA),

	"PROTOCOL_ERROR_MALFORMED_MESSAGE": int(ErrMalformedMessage), "PROTOCOL_ERROR_INTERNAL": int(ErrInternal),
	"PROTOCOL_ERROR_CLIENT_IDS_EXHAUSTED": int(ErrClientIDsExhausted), "PROTOCOL_ERROR_INVALID_CLIENT_ID": int(ErrInvalidClientID),
	"PROTOCOL_ERROR_INVALID_HANDLE": int(ErrInvalidHandle), "PROTOCOL_ERROR_INCORRECT_PIN": int(ErrIncorrectPIN),
	"PROTOCOL_ERROR_NO_NETWORK_FOUND": int(ErrNoNetworkFound), "PROTOCOL_ERROR_CALL_FAILED": int(ErrCallFailed),
	"PROTOCOL_ERROR_OUT_OF_CALL": int(ErrOutOfCall), "PROTOCOL_ERROR_MISSING_ARGUMENT": int(ErrMissingArgument),
	"PROTOCOL_ERROR_DEVICE_UNSUPPORTED": int(ErrDeviceUnsupported), "PROTOCOL_ERROR_NO_EFFECT": int(ErrNoEffect),
	"PROTOCOL_ERROR_INVALID_SERVICE_TYPE": int(ErrInvalidServiceType), "PROTOCOL_ERROR_AUTHENTICATION_FAILED": int(ErrAuthentication),
	"PROTOCOL_ERROR_PIN_BLOCKED": int(ErrPINBlocked), "PROTOCOL_ERROR_PIN_ALWAYS_BLOCKED": int(ErrPINAlwaysBlocked),
	"PROTOCOL_ERROR_UIM_UNINITIALIZED": int(ErrUIMUninitialised), "PROTOCOL_ERROR_INVALID_ARGUMENT": int(ErrInvalidArgument),
	"PROTOCOL_ERROR_DEVICE_NOT_READY": int(ErrDeviceNotReady), "PROTOCOL_ERROR_NETWORK_NOT_READY": int(ErrNetworkNotReady),
	"PROTOCOL_ERROR_INVALID_TRANSITION": int(ErrInvalidTransition), "PROTOCOL_ERROR_INVALID_QMI_COMMAND": int(ErrInvalidCommand),
	"PROTOCOL_ERROR_INFORMATION_UNAVAILABLE": int(ErrInfoUnavailable), "PROTOCOL_ERROR_POLICY_MISMATCH": int(ErrPolicyMismatch),
	"PROTOCOL_ERROR_SIM_FILE_NOT_FOUND": int(ErrFileNotFound), "PROTOCOL_ERROR_ACCESS_DENIED": int(ErrAccessDenied),
	"PROTOCOL_ERROR_HARDWARE_RESTRICTED": int(ErrHardwareRestricted), "PROTOCOL_ERROR_INCOMPATIBLE_STATE": int(ErrIncompatibleState),
	"PROTOCOL_ERROR_NOT_SUPPORTED": int(ErrNotSupported), "PROTOCOL_ERROR_NO_SIM": int(ErrNoSIM),

	"CTL_DATA_LINK_PROTOCOL_802_3": int(LinkProtocol8023), "CTL_DATA_LINK_PROTOCOL_RAW_IP": int(LinkProtocolIP),

	"DMS_OPERATING_MODE_ONLINE": int(ModeOnline), "DMS_OPERATING_MODE_LOW_POWER": int(ModeLowPower), "DMS_OPERATING_MODE_FACTORY_TEST": int(ModeFactoryTest),
	"DMS_OPERATING_MODE_OFFLINE": int(ModeOffline), "DMS_OPERATING_MODE_RESET": int(ModeResetting), "DMS_OPERATING_MODE_SHUTTING_DOWN": int(ModeShuttingDown),
	"DMS_OPERATING_MODE_PERSISTENT_LOW_POWER": int(ModePersistentLowPower), "DMS_OPERATING_MODE_MODE_ONLY_LOW_POWER": int(ModeOnlyLowPower),

	"UIM_EVENT_REGISTRATION_FLAG_CARD_STATUS": int(CardStatusEvents), "UIM_EVENT_REGISTRATION_FLAG_PHYSICAL_SLOT_STATUS": int(PhysicalSlotEvents),
	"UIM_SESSION_TYPE_PRIMARY_GW_PROVISIONING": int(SessionPrimary), "UIM_SESSION_TYPE_SECONDARY_GW_PROVISIONING": int(SessionSecondary),
	"UIM_SESSION_TYPE_CARD_SLOT_1": int(SessionCardSlot1), "UIM_SESSION_TYPE_CARD_SLOT_2": int(SessionCardSlot2),
	"UIM_PIN_ID_PIN1": int(PIN1), "UIM_PIN_ID_PIN2": int(PIN2), "UIM_PIN_ID_UPIN": int(UniversalPIN),
	"UIM_PIN_STATE_NOT_INITIALIZED": int(PINNotInitialised), "UIM_PIN_STATE_ENABLED_NOT_VERIFIED": int(PINEnabledNotVerified),
	"UIM_PIN_STATE_ENABLED_VERIFIED": int(PINEnabledVerified), "UIM_PIN_STATE_DISABLED": int(PINDisabled), "UIM_PIN_STATE_BLOCKED": int(PINBlocked),
	"UIM_PIN_STATE_PERMANENTLY_BLOCKED": int(PINBlockedForGood),
	"UIM_CARD_STATE_ABSENT":             int(CardAbsent), "UIM_CARD_STATE_PRESENT": int(CardPresent), "UIM_CARD_STATE_ERROR": int(CardError),
	"UIM_CARD_APPLICATION_TYPE_UNKNOWN": int(AppUnknown), "UIM_CARD_APPLICATION_TYPE_SIM": int(AppSIM), "UIM_CARD_APPLICATION_TYPE_USIM": int(AppUSIM),
	"UIM_CARD_APPLICATION_TYPE_RUIM": int(AppRUIM), "UIM_CARD_APPLICATION_TYPE_CSIM": int(AppCSIM), "UIM_CARD_APPLICATION_TYPE_ISIM": int(AppISIM),
	"UIM_CARD_APPLICATION_STATE_UNKNOWN": int(AppStateUnknown), "UIM_CARD_APPLICATION_STATE_DETECTED": int(AppDetected),
	"UIM_CARD_APPLICATION_STATE_PIN1_OR_UPIN_PIN_REQUIRED": int(AppPINNeeded), "UIM_CARD_APPLICATION_STATE_PUK1_OR_UPIN_PUK_REQUIRED": int(AppPUKNeeded),
	"UIM_CARD_APPLICATION_STATE_CHECK_PERSONALIZATION_STATE": int(AppCheckPersonalisation),
	"UIM_CARD_APPLICATION_STATE_PIN1_BLOCKED":                int(AppPINBlockedForGood), "UIM_CARD_APPLICATION_STATE_ILLEGAL": int(AppIllegal), "UIM_CARD_APPLICATION_STATE_READY": int(AppReady),
	"UIM_PHYSICAL_CARD_STATE_UNKNOWN": int(SlotUnknown), "UIM_PHYSICAL_CARD_STATE_ABSENT": int(SlotEmpty), "UIM_PHYSICAL_CARD_STATE_PRESENT": int(SlotFilled),

	"NAS_RADIO_INTERFACE_NONE": int(RadioNone), "NAS_RADIO_INTERFACE_GSM": int(RadioGSM), "NAS_RADIO_INTERFACE_UMTS": int(RadioUMTS),
	"NAS_RADIO_INTERFACE_LTE": int(RadioLTE), "NAS_RADIO_INTERFACE_5GNR": int(RadioNR5G),
	"NAS_REGISTRATION_STATE_NOT_REGISTERED": int(NotRegistered), "NAS_REGISTRATION_STATE_REGISTERED": int(Registered),
	"NAS_REGISTRATION_STATE_NOT_REGISTERED_SEARCHING": int(Searching), "NAS_REGISTRATION_STATE_REGISTRATION_DENIED": int(RegistrationDenied),
	"NAS_REGISTRATION_STATE_UNKNOWN": int(RegistrationUnknown),
	"NAS_ATTACH_STATE_UNKNOWN":       int(AttachUnknown), "NAS_ATTACH_STATE_ATTACHED": int(Attached), "NAS_ATTACH_STATE_DETACHED": int(Detached),
	"NAS_ROAMING_INDICATOR_STATUS_ON": int(Roaming), "NAS_ROAMING_INDICATOR_STATUS_OFF": int(Home),
	"NAS_SERVICE_STATUS_NONE": int(NoService), "NAS_SERVICE_STATUS_LIMITED": int(LimitedService), "NAS_SERVICE_STATUS_AVAILABLE": int(FullService),
	"NAS_SERVICE_STATUS_LIMITED_REGIONAL": int(LimitedRegionalService), "NAS_SERVICE_STATUS_POWER_SAVE": int(PowerSave),
	"NAS_NETWORK_SERVICE_DOMAIN_NONE": int(DomainNone), "NAS_NETWORK_SERVICE_DOMAIN_CS": int(DomainCS), "NAS_NETWORK_SERVICE_DOMAIN_PS": int(DomainPS),
	"NAS_NETWORK_SERVICE_DOMAIN_CS_PS": int(DomainBoth), "NAS_NETWORK_SERVICE_DOMAIN_UNKNOWN": int(DomainUnknown),
	"NAS_NETWORK_REGISTER_TYPE_AUTOMATIC": int(RegisterAutomatic), "NAS_NETWORK_REGISTER_TYPE_MANUAL": int(RegisterManual),
	"NAS_PS_ATTACH_ACTION_ATTACH": int(AttachPackets), "NAS_PS_ATTACH_ACTION_DETACH": int(DetachPackets),
	"NAS_RAT_MODE_PREFERENCE_GSM": int(UseGSM), "NAS_RAT_MODE_PREFERENCE_UMTS": int(UseUMTS), "NAS_RAT_MODE_PREFERENCE_LTE": int(UseLTE), "NAS_RAT_MODE_PREFERENCE_5GNR": int(UseNR5G),
	"NAS_ROAMING_PREFERENCE_OFF": int(RoamingOff), "NAS_ROAMING_PREFERENCE_ANY": int(RoamingAny),
	"NAS_NETWORK_SELECTION_PREFERENCE_AUTOMATIC": int(SelectAutomatic), "NAS_NETWORK_SELECTION_PREFERENCE_MANUAL": int(SelectManual),
	"NAS_CHANGE_DURATION_POWER_CYCLE": int(UntilPowerCycle), "NAS_CHANGE_DURATION_PERMANENT": int(Permanent),

	"WDS_IP_FAMILY_IPV4": int(FamilyIPv4), "WDS_IP_FAMILY_IPV6": int(FamilyIPv6), "WDS_IP_FAMILY_UNSPECIFIED": int(FamilyUnspecified),
	"WDS_CONNECTION_STATUS_DISCONNECTED": int(Disconnected), "WDS_CONNECTION_STATUS_CONNECTED": int(Connected),
	"WDS_CONNECTION_STATUS_SUSPENDED": int(Suspended), "WDS_CONNECTION_STATUS_AUTHENTICATING": int(Authenticating),
	"WDS_PDP_TYPE_IPV4": int(PDPIPv4), "WDS_PDP_TYPE_PPP": int(PDPPPP), "WDS_PDP_TYPE_IPV6": int(PDPIPv6), "WDS_PDP_TYPE_IPV4_OR_IPV6": int(PDPIPv4v6),
	"WDS_AUTHENTICATION_NONE": int(AuthNone), "WDS_AUTHENTICATION_PAP": int(AuthPAP), "WDS_AUTHENTICATION_CHAP": int(AuthCHAP),
	"WDS_ATTACH_PDN_LIST_ACTION_NONE": int(AttachNextTime), "WDS_ATTACH_PDN_LIST_ACTION_DETACH_OR_PDN_DISCONNECT": int(AttachAnew),
	"WDS_IP_SUPPORT_TYPE_IPV4": int(AttachIPv4), "WDS_IP_SUPPORT_TYPE_IPV6": int(AttachIPv6), "WDS_IP_SUPPORT_TYPE_IPV4V6": int(AttachIPv4v6),
	"DATA_ENDPOINT_TYPE_HSUSB": int(EndpointUSB), "DATA_ENDPOINT_TYPE_PCIE": int(EndpointPCIe), "DATA_ENDPOINT_TYPE_EMBEDDED": int(EndpointEmbedded),
	"WDS_CLIENT_TYPE_TETHERED": int(ClientOutside), "WDS_PROFILE_TYPE_3GPP": int(Profile3GPP),
	"WDS_REQUESTED_SETTINGS_PROFILE_ID": int(SettingProfile), "WDS_REQUESTED_SETTINGS_APN_NAME": int(SettingAPN), "WDS_REQUESTED_SETTINGS_DNS_ADDRESS": int(SettingDNS),
	"WDS_REQUESTED_SETTINGS_IP_ADDRESS": int(SettingAddress), "WDS_REQUESTED_SETTINGS_GATEWAY_INFO": int(SettingGateway),
	"WDS_REQUESTED_SETTINGS_MTU": int(SettingMTU), "WDS_REQUESTED_SETTINGS_IP_FAMILY": int(SettingFamily),
	"WDS_PACKET_STATISTICS_MASK_FLAG_TX_PACKETS_OK": int(CountPacketsSent), "WDS_PACKET_STATISTICS_MASK_FLAG_RX_PACKETS_OK": int(CountPacketsReceived),
	"WDS_PACKET_STATISTICS_MASK_FLAG_TX_BYTES_OK": int(CountOctetsSent), "WDS_PACKET_STATISTICS_MASK_FLAG_RX_BYTES_OK": int(CountOctetsReceived),
	"WDS_VERBOSE_CALL_END_REASON_INTERNAL_PDN_IPV4_CALL_DISALLOWED": internalIPv4NotAllowed,
	"WDS_VERBOSE_CALL_END_REASON_INTERNAL_PDN_IPV6_CALL_DISALLOWED": internalIPv6NotAllowed,
	"WDS_VERBOSE_CALL_END_REASON_TYPE_MIP":                          int(CallEndMobileIP), "WDS_VERBOSE_CALL_END_REASON_TYPE_INTERNAL": int(CallEndInternal),
	"WDS_VERBOSE_CALL_END_REASON_TYPE_CM": int(CallEndManager), "WDS_VERBOSE_CALL_END_REASON_TYPE_3GPP": int(CallEnd3GPP),

	"WDA_LINK_LAYER_PROTOCOL_802_3": int(LinkEthernet), "WDA_LINK_LAYER_PROTOCOL_RAW_IP": int(LinkRawIP),
	"WDA_DATA_AGGREGATION_PROTOCOL_DISABLED": int(AggregationNone), "WDA_DATA_AGGREGATION_PROTOCOL_QMAP": int(AggregationQMAP),
	"WDA_DATA_AGGREGATION_PROTOCOL_QMAPV4": int(AggregationQMAPv4), "WDA_DATA_AGGREGATION_PROTOCOL_QMAPV5": int(AggregationQMAPv5),
}
