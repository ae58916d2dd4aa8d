package mbim

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// answer returns an answer about command with info, hexadecimal.
func answer(t testing.TB, command Command, info string) Message {
	return Message{Type: CommandDone, Transaction: 1, Command: command, Info: octetsOf(t, info)}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	zeros := strings.Repeat("00000000", 8)
	for _, bad := range []struct {
		name    string
		version Version
		message Message
		body    Body
		want    string
	}{
		{"cut", V1, answer(t, CmdRadioState, "01000000 0100"), &RadioState{}, "RadioState: at offset 4: 4 octets are needed where 2 are left"},
		{"another command", V1, answer(t, CmdRadioState, zeros), &PINStatus{}, "PINStatus is not for a RADIO_STATE answer"},
		{"another class", V1, answer(t, CmdRadioState, zeros), &RadioSwitch{}, "RadioSwitch is not for a RADIO_STATE answer"},
		{"nothing where something is", V1, answer(t, CmdRadioState, zeros), CmdRadioState, "an empty RADIO_STATE is not for a RADIO_STATE answer"},
		{"no command", V1, Message{Type: OpenDone}, &RadioState{}, "RadioState cannot be in a message of type OPEN_DONE"},
		{"string outside", V1, answer(t, CmdHomeProvider, "20000000 02000000"+zeros[16:]), &HomeProvider{}, "at offset 0: it leads to 2 octets at 32, the structure has 32"},
		{"string far outside", V1, answer(t, CmdHomeProvider, "ffffffff ffffffff"+zeros[16:]), &HomeProvider{}, "at offset 0: it leads to 4294967295 octets at 4294967295"},
		{"string odd", V1, answer(t, CmdHomeProvider, "00000000 03000000"+zeros[16:]), &HomeProvider{}, "a string of 3 octets"},
		{"list cut", V1, answer(t, CmdVisibleProviders, "02000000 00000000 00000000"), &VisibleProviders{}, "element 0 of 2: at offset 12: in the structure it leads to, at offset 0: 4 octets are needed where 0 are left"},
		{"list endless", V1, answer(t, CmdDeviceServiceSubscribeList, "ffffffff"), &SubscribeList{}, "element 0 of 4294967295: at offset 4: 4 octets are needed where 0 are left"},
		{"array endless", V1, answer(t, CmdIPConfiguration, "00000000 01000000 00000000 ffffffff 00000000"+zeros), &IPConfiguration{}, "4294967295 elements in a structure of 52 octets"},
		{"prefix long", V1, answer(t, CmdIPConfiguration, "00000000 01000000 00000000 01000000 3c000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 21000000 0a000001"), &IPConfiguration{}, "a prefix of 33 bits"},
		{"gateway outside", V1, answer(t, CmdIPConfiguration, "00000000 02000000 00000000 00000000 00000000 00000000 00000000 39000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"), &IPConfiguration{}, "at offset 28: it leads to 4 octets at 57, the structure has 60"},
		{"sequence cut", V2, answer(t, CmdSignalState, zeros[:40]+"1c000000 18000000"+"02000000"+zeros[:40]), &SignalState{}, "element 1 of 2: at offset 0: 4 octets are needed where 0 are left"},
		{"version 2 lacks its part", V2, answer(t, CmdPacketService, zeros[:56]), &PacketService{}, "PacketService: at offset 28: 4 octets are needed where 0 are left"},
	} {
		err := bad.version.Decode(bad.message, bad.body)
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v, want %q", bad.name, err, bad.want)
		}
		if status, refused := Refused(err); refused {
			t.Errorf("%s: taken for a refusal: %v", bad.name, status)
		}
	}
}

func TestRefusalsAreErrorsThatKeepTheCause(t *testing.T) {
	m, err := V1.Answer(7, StatusFailure, &Connection{Session: 1, State: ActivationStateDeactivated, NwError: 33})
	if err != nil {
		t.Fatal(err)
	}
	var c Connection
	err = V1.Decode(m, &c)
	if !errors.Is(err, StatusFailure) || err.Error() != "CONNECT: the modem failed (MBIM status 2)" {
		t.Errorf("%v", err)
	}
	if status, refused := Refused(err); !refused || status != StatusFailure {
		t.Errorf("Refused says %v, %v", status, refused)
	}
	if c.NwError != 33 {
		t.Errorf("cause %d, want 33", c.NwError)
	}
	// Most say nothing besides.
	if m, err = V1.Answer(7, StatusContextNotActivated, CmdIPConfiguration); err != nil {
		t.Fatal(err)
	}
	if err := V1.Decode(m, &IPConfiguration{}); !errors.Is(err, StatusContextNotActivated) {
		t.Errorf("%v", err)
	}
}

func TestWhatDoesNotFitIsNotWritten(t *testing.T) {
	if _, err := V1.Set(1, &RadioState{}); err == nil || err.Error() != "RadioState is not for a RADIO_STATE set" {
		t.Error(err)
	}
	if _, err := V1.Answer(1, StatusOK, CmdRadioState); err == nil {
		t.Error("an empty answer was written that says all is well")
	}
	if _, err := V1.Query(1, CmdConnect); err == nil {
		t.Error("a query without its session was written")
	}
}

func TestSilentKinds(t *testing.T) {
	m, err := V1.Query(3, CmdSubscriberReadyStatus)
	if err != nil || m.Info != nil || m.Set {
		t.Fatalf("%v, %v", m, err)
	}
	body := Empty(m.Kind())
	if body != CmdSubscriberReadyStatus {
		t.Errorf("%v", body)
	}
	if err := V1.Decode(m, body); err != nil {
		t.Error(err)
	}
	if body := Empty(Kind{CmdRadioState, Query}); body != CmdRadioState {
		t.Errorf("%v", body)
	}
	if body := Empty(Kind{Command{BasicConnect, 99}, Query}); body != nil {
		t.Errorf("%v", body)
	}
}

func TestEndOfStrings(t *testing.T) {
	// Some modems count the zero after a string to it.
	m := answer(t, CmdHomeProvider, "20000000 06000000 00000000 00000000 00000000 00000000 00000000 00000000 3100 3200 0000 0000")
	var p HomeProvider
	if err := V1.Decode(m, &p); err != nil || p.Provider.ID != "12" {
		t.Errorf("%q, %v", p.Provider.ID, err)
	}
}

func TestSignalsInDecibels(t *testing.T) {
	for dBm, r := range map[int]RSSI{-113: 0, -73: 20, -51: 31} {
		if got, known := r.DBm(); got != dBm || !known || NewRSSI(dBm) != r {
			t.Errorf("RSSI %d is %d dBm, %v; %d dBm is %d", r, got, known, dBm, NewRSSI(dBm))
		}
	}
	for dBm, r := range map[int]RSRP{-157: 0, -97: 60, -31: 126} {
		if got, known := r.DBm(); got != dBm || !known || NewRSRP(dBm) != r {
			t.Errorf("RSRP %d is %d dBm, %v; %d dBm is %d", r, got, known, dBm, NewRSRP(dBm))
		}
	}
	for dB, s := range map[float64]SNR{-23.5: 0, 12: 71, 40: 127} {
		if got, known := s.DB(); got != dB || !known || NewSNR(dB) != s {
			t.Errorf("SNR %d is %g dB, %v; %g dB is %d", s, got, known, dB, NewSNR(dB))
		}
	}
	_, rssi := UnknownRSSI.DBm()
	_, rsrp := RSRP(127).DBm()
	_, snr := SNR(128).DB()
	if rssi || rsrp || snr {
		t.Error("what is not known has a value")
	}
	if NewRSSI(-200) != 0 || NewRSRP(0) != 126 || NewSNR(99) != 127 {
		t.Error("values beyond the scale are not its ends")
	}
}

// TestAllocationIsBounded: references that all lead to the same octets do not
// multiply them.
func TestAllocationIsBounded(t *testing.T) {
	const pairs = 4000
	info := octetsOf(t, "a00f0000"+strings.Repeat("04000000 00800000", pairs)) // each leads to 32,768 octets
	info = append(info, slices.Repeat([]byte{1}, 40_000)...)
	m := Message{Type: CommandDone, Command: CmdVisibleProviders, Info: info}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := V1.Decode(m, &VisibleProviders{})
	runtime.ReadMemStats(&after)
	if err == nil {
		t.Error("it was accepted")
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 20*uint64(len(info)) {
		t.Errorf("%d octets made %d", len(info), allocated)
	}
}
