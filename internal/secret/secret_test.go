package secret

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

func TestValueIsNeverPrinted(t *testing.T) {
	s := New("ike-hq", "s3cr3t-value")
	holder := struct{ PSK Secret }{s}
	marshalled, err := json.Marshal(holder)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %q", s, s, s, s, s),
		fmt.Sprintf("%v %+v %#v", holder, holder, holder),
		fmt.Sprintf("%v %+v", &s, &holder), string(marshalled),
	} {
		if strings.Contains(text, "s3cr3t") {
			t.Errorf("the value shows in %q", text)
		}
		if !strings.Contains(text, "ike-hq") {
			t.Errorf("the name is missing in %q", text)
		}
	}
	if s.Reveal() != "s3cr3t-value" {
		t.Error("Reveal does not return the value")
	}
}
