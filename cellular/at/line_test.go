package at

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/cellular/modem"
)

func TestSplit(t *testing.T) {
	for line, want := range map[string][2]string{
		"+CREG: 0,1":       {"+CREG", "0,1"},
		"^NDISSTAT:1,,":    {"^NDISSTAT", "1,,"},
		"#ECM: 0,1":        {"#ECM", "0,1"},
		"+GTDUALSIM : 0":   {"+GTDUALSIM", "0"},
		"^SYSSTART":        {"^SYSSTART", ""},
		"+CGEV: NW DETACH": {"+CGEV", "NW DETACH"},
		"RING":             {"", "RING"},
		"Revision: EC25":   {"", "Revision: EC25"},
		"+ ":               {"", "+ "},
		"+491711234 x":     {"", "+491711234 x"},
		"":                 {"", ""},
	} {
		if name, rest := Split(line); name != want[0] || rest != want[1] {
			t.Errorf("%q: %q, %q", line, name, rest)
		}
	}
	if line, err := Line("+CREG", Int(2), Int(5), Text("1F00")); err != nil || line != `+CREG: 2,5,"1F00"` {
		t.Errorf("%s, %v", line, err)
	}
	if line, err := Line("+X", Text("\n")); err == nil {
		t.Errorf("%q is written", line)
	}
}

func TestResults(t *testing.T) {
	for _, v := range []struct {
		line    string
		want    error
		written string // empty: as line
	}{
		{"OK", nil, ""},
		{"CONNECT", nil, "OK"},
		{"CONNECT 150000000", nil, "OK"},
		{"ERROR", ErrError, ""},
		{"NO CARRIER", ErrNoCarrier, ""},
		{"BUSY", ErrBusy, ""},
		{"NO DIAL TONE", ErrNoDialtone, "NO DIALTONE"},
		{"COMMAND NOT SUPPORT", Failure("COMMAND NOT SUPPORT"), ""},
		{"+CME ERROR: 10", ErrSIMNotInserted, ""},
		{"+CME ERROR: SIM not inserted", ErrSIMNotInserted, "+CME ERROR: 10"},
		{"+CME ERROR:incorrect password", ErrPassword, "+CME ERROR: 16"},
		{"+CME ERROR: Requested service option not subscribed (#33)", ErrServiceNotBooked, "+CME ERROR: 133"},
		{"+CME ERROR: out of paper", Failure("out of paper"), ""},
		{"+CME ERROR: 70000", Failure("70000"), ""},
		{"+CMS ERROR: 310", CMS(310), ""},
	} {
		got, final := Final(v.line)
		if !final || got != v.want {
			t.Errorf("%s: %v, %v", v.line, got, final)
		}
		if got != nil && !Refused(fmt.Errorf("of it: %w", got)) {
			t.Errorf("%v is no refusal", got)
		}
		want := v.written
		if want == "" {
			want = v.line
		}
		if written := Result(got); written != want {
			t.Errorf("%s is written %s", v.line, written)
		}
	}
	for _, line := range []string{"", "OKAY", "+CREG: 1", "CONNECTED", "NO"} {
		if _, final := Final(line); final {
			t.Errorf("%q ends an answer", line)
		}
	}
	if Result(errors.New("else")) != "ERROR" || Refused(errors.New("else")) {
		t.Error("another error is a modem's no")
	}
}

func TestCauses(t *testing.T) {
	for code, want := range map[CME]modem.SessionCause{127: 27, 129: 29, 133: 33, 149: 29, 171: 49, 177: 8, 192: 50, 10: 0, 107: 0, 148: 0} {
		if got := code.SessionCause(); got != want {
			t.Errorf("%v has cause %d", code, got)
		}
	}
	for code, want := range map[CME]modem.RejectCause{103: 3, 107: 7, 111: 11, 113: 13, 122: 22, 127: 0, 4: 0} {
		if got := code.RejectCause(); got != want {
			t.Errorf("%v has cause %d", code, got)
		}
	}
	if SessionCauseOfWords("Missing or unknown APN") != 27 || SessionCauseOfWords("No cause information available") != 0 {
		t.Error("words are not told from others")
	}
	if text := CME(133).Error(); !strings.Contains(text, "not subscribed") || !strings.Contains(text, "133") {
		t.Error(text)
	}
	if text := CME(9999).Error(); !strings.Contains(text, "9999") {
		t.Error(text)
	}
}
