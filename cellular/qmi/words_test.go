package qmi

import (
	"fmt"
	"strings"
	"testing"
)

func TestStatesInWords(t *testing.T) {
	for want, state := range map[string]fmt.Stringer{
		"IPv4": FamilyIPv4, "IPv6": FamilyIPv6, "unspecified": FamilyUnspecified, "IP family 5": IPFamily(5),
		"connected": Connected, "authenticating": Authenticating, "connection status 5": ConnectionStatus(5),
		"needs the PIN": AppPINNeeded, "ready": AppReady, "application state 8": AppState(8),
		"no answer to reset": CardErrorCode(3), "technical problem": CardErrorCode(7), "card error 8": CardErrorCode(8),
		"online": ModeOnline, "only low power": ModeOnlyLowPower, "operating mode 8": OperatingMode(8),
		"none": RadioNone, "GSM": RadioGSM, "UMTS": RadioUMTS, "LTE": RadioLTE, "5G": RadioNR5G, "radio interface 0x09": RadioInterface(9),
		"denied": RegistrationDenied, "unknown": RegistrationUnknown, "registration state 5": RegistrationState(5),
		"UIM": UIM, "service 0xe2": Service(0xe2), "class 3": Class(3),
	} {
		if got := state.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTooLongValuesAreNotWritten(t *testing.T) {
	long := strings.Repeat("x", 0x10000)
	for want, body := range map[string]Body{
		"PIN (TLV 0x02): 256 are more than the 255 that fit":      &VerifyPINRequest{PIN: PINInfo{PIN1, PIN(long[:256])}},
		"session (TLV 0x01): 256 are more than the 255 that fit":  &VerifyPINRequest{Session: Session{AID: []byte(long[:256])}},
		"data (TLV 0x11): 65536 octets do not fit":                &ReadTransparentResponse{Data: new([]byte(long))},
		"APN (TLV 0x14) has 65536 octets, more than a TLV holds":  &StartNetworkRequest{APN: &long},
		"5G tracking area (TLV 0x50): 16777216 does not fit":      &GetSystemResponse{System: System{NR5GTAC: new(uint32(1 << 24))}},
		"profiles (TLV 0x01): 256 are more than the 255 that fit": &SetAttachProfilesRequest{Profiles: make([]uint16, 256)},
	} {
		if _, err := New(1, 1, body); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
