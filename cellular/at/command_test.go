package at

import (
	"reflect"
	"testing"
)

func TestCommands(t *testing.T) {
	for line, want := range map[string][]Command{
		"AT":                                 nil,
		"at+creg?":                           {{"+CREG", Read, ""}},
		"AT+CREG=?":                          {{"+CREG", Test, ""}},
		"AT+CREG=2":                          {{"+CREG", Set, "2"}},
		"AT+CGSN":                            {{"+CGSN", Execute, ""}},
		"ATE0":                               {{"E", Execute, "0"}},
		"ATE0Q0V1&F1":                        {{"E", Execute, "0"}, {"Q", Execute, "0"}, {"V", Execute, "1"}, {"&F", Execute, "1"}},
		"ATI;+GCAP":                          {{"I", Execute, ""}, {"+GCAP", Execute, ""}},
		"ATS0=0S3?":                          {{"S0", Set, "0"}, {"S3", Read, ""}},
		"ATD*99***1#":                        {{"D", Execute, "*99***1#"}},
		`AT+CGDCONT=1,"IP","a;b";+CGACT=1,1`: {{"+CGDCONT", Set, `1,"IP","a;b"`}, {"+CGACT", Set, "1,1"}},
		`AT^SYSCFGEX?;&F`:                    {{"^SYSCFGEX", Read, ""}, {"&F", Execute, ""}},
		"AT!SCACT?1":                         {{"!SCACT", Execute, "?1"}},
		"+CPIN?":                             {{"+CPIN", Read, ""}},
	} {
		if got, err := ParseCommands(line); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", line, got, err)
		}
	}
	for _, line := range []string{"AT+", "AT1", "ATS0", "AT+CREG 2", "AT?", "AT+CREG\"x\""} {
		if got, err := ParseCommands(line); err == nil {
			t.Errorf("%s: %+v", line, got)
		}
	}
}
