package modem

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for want, got := range map[string]fmt.Stringer{
		"roaming is not allowed in this area (cause 13)": RejectCause(13),
		"cause 79": RejectCause(79),
		"the network does not know the APN (cause 27)": SessionCause(27),
		"LTE with 5G":                 NSA,
		"9":                           Technology(9),
		"SIM, connection changed":     SIMChanged | ConnectionChanged,
		"(the network's own), ipv4v6": APN{Families: IPv4v6},
		"corp as branch by chap":      APN{Name: "corp", User: "branch", Password: "hidden", Auth: CHAP},
		"not known":                   Signal{},
		"RSRP -97.5 dBm, SINR 12 dB":  Signal{RSRP: new(-97.5), SINR: new(12.0)},
	} {
		if got.String() != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	held := struct {
		PIN PIN
		APN APN
	}{"4711", APN{Name: "corp", User: "branch", Password: "0815", Auth: PAP}}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format, held); strings.Contains(text, "4711") || strings.Contains(text, "0815") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func TestPLMN(t *testing.T) {
	for want, sim := range map[string]SIM{
		"26201":  {IMSI: "262011234567890", MNCDigits: 2},
		"310410": {IMSI: "310410123456789", MNCDigits: 3},
		"":       {IMSI: "310410123456789"},
	} {
		if got := sim.PLMN(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (SIM{IMSI: "26", MNCDigits: 3}).PLMN(); got != "" {
		t.Errorf("an IMSI that is too short has PLMN %q", got)
	}
}

func TestBellMergesAndEnds(t *testing.T) {
	b := NewBell()
	b.Ring(SIMChanged)
	b.Ring(SignalChanged)
	if e := <-b.Events(); e != SIMChanged|SignalChanged {
		t.Errorf("took %v", e)
	}
	b.Ring(RadioChanged)
	b.Close()
	b.Close()
	b.Ring(SIMChanged)
	if e := <-b.Events(); e != RadioChanged {
		t.Errorf("took %v, want what was there before the end", e)
	}
	if e, ok := <-b.Events(); ok {
		t.Errorf("took %v from a closed bell", e)
	}
}

func TestWordsAreReadBack(t *testing.T) {
	type words struct {
		Auth       Auth
		Families   Families
		Technology Technology
	}
	want := words{CHAP, IPv4v6, NSA}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got words
	if err := json.Unmarshal(text, &got); err != nil || got != want {
		t.Errorf("%s reads as %+v: %v", text, got, err)
	}
	if err := json.Unmarshal([]byte(`{"Auth": "eap"}`), &got); err == nil || !strings.Contains(err.Error(), "none, pap, chap, mschapv2") {
		t.Errorf("a way of authentication that there is not: %v", err)
	}
}
