package main

import (
	"strings"
	"testing"
	"time"
)

func TestTimelineDrawsBarsEndToEnd(t *testing.T) {
	timeline := Timeline{
		{"ping", 4 * time.Second},
		{"lease", 2 * time.Second},
		{"ike", 3 * time.Second},
	}
	var out strings.Builder
	timeline.print(&out)
	want := strings.Join([]string{
		"seconds since the machine started",
		"   2.00  ━━━━━━━━━━━━━━━━━━━━                     DHCP lease in the front-door VRF",
		"   3.00                      ━━━━━━━━━━           IKEv2 established, SAs installed",
		"   4.00                                ━━━━━━━━━━ first protected ping to headquarters",
		"",
	}, "\n")
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestScenariosHaveASummaryEach(t *testing.T) {
	all, err := scenarios()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no scenario found")
	}
	for _, s := range all {
		if s.summary == "" {
			t.Errorf("scenario %s has no summary: its comment begins with \"Test%s: …\"", s.name, s.name)
		}
	}
}
