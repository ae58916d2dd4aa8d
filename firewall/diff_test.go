package firewall

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	fullConfig, fullTopology := full(t)
	changed, _ := full(t)
	delete(changed.Addresses, "top")
	changed.Zones["guest"] = Zone{Within: WithinPolicy}
	changed.Policies[0].Classes = slices.Delete(changed.Policies[0].Classes, 0, 1)
	changed.Policies[0].Inspect = []string{"ping"}
	changed.Policies = append(changed.Policies, Policy{From: "dmz", To: "lan", Inspect: []string{"ssh"}, Log: LogDrop})
	changed.PortForwards = changed.PortForwards[1:]
	moved := Topology{Members: slices.Clone(fullTopology.Members)}
	moved.Members[1].Zone = "guest"

	want := `names
  - addresses top hold 255.255.255.240/28
  - addresses top hold 0.0.0.0/8
zone guest
  + has lan2
  - what no policy names: reject
  - log what no policy names and is dropped
zone lan
  - has lan2
lan to outside
  - drop bad: to blocked, 198.51.100.0/24, top and log it
  - inspect ping, dns
  + inspect ping
dmz to lan
  + inspect ssh
  + log what is dropped
translations
  - tcp/8443 at the router's own address leads from outside to 192.168.18.10 port 443, from lan, dmz too
`
	if diff := cmp.Diff(want, Diff(fullConfig, fullTopology, changed, moved)); diff != "" {
		t.Errorf("Diff (-want +got):\n%s", diff)
	}
	if same := Diff(fullConfig, fullTopology, fullConfig, fullTopology); same != "" {
		t.Errorf("no change is told as\n%s", same)
	}
}

func TestChanges(t *testing.T) {
	for _, test := range []struct{ a, b, want string }{
		{"", "", ""},
		{"abc", "abc", ""},
		{"abc", "acb", "-b +b"},
		{"abcd", "bd", "-a -c"},
		{"", "ab", "+a +b"},
		{"xaby", "xy", "-a -b"},
		{"ab", "ba", "-a +a"},
	} {
		lines := changes(strings.Split(test.a, ""), strings.Split(test.b, ""))
		got := strings.ReplaceAll(strings.Join(lines, " "), "- ", "-")
		got = strings.ReplaceAll(got, "+ ", "+")
		if got != test.want {
			t.Errorf("from %q to %q: %q, want %q", test.a, test.b, got, test.want)
		}
	}
}
