package nearest

import (
	"strings"
	"testing"
)

func TestTo(t *testing.T) {
	known := []string{"address", "holding-time", "key", "mtu", "nhrp", "zone"}
	for _, test := range []struct{ word, want string }{
		{"adress", "address"},
		{"addrses", "address"},
		{"holdingtime", "holding-time"},
		{"nrhp", "nhrp"},
		{"kay", "key"},
		{"zones", "zone"},
		{"ip", ""},
		{"", ""},
		{"transform-set", ""},
		{strings.Repeat("x", 1<<20), ""},
	} {
		if got, ok := To(test.word, known); got != test.want || ok != (test.want != "") {
			t.Errorf("To(%.20q) = %q, %v; want %q", test.word, got, ok, test.want)
		}
	}
}
