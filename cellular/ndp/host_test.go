package ndp

import (
	"net/netip"
	"testing"
	"time"
)

// identifier is the interface identifier of the tests' hosts.
var identifier = netip.MustParseAddr("fe80::1:2:3:4")

// said is what a router advertises with one prefix.
func said(lifetime time.Duration, prefixes ...Prefix) Advertisement {
	return Advertisement{Router: netip.MustParseAddr("fe80::1"), Lifetime: lifetime, Prefixes: prefixes}
}

const (
	one = "2001:db8:1::/64"
	two = "2001:db8:2::/64"
)

// address returns what a host has, without its length.
func (h *Host) own() string {
	if a := h.Config().Address; a.IsValid() {
		return a.String()
	}
	return ""
}

const (
	inOne = "2001:db8:1:0:1:2:3:4/64"
	inTwo = "2001:db8:2:0:1:2:3:4/64"
)

// TestHostAsks: at once, then ever less often, and not once it knows enough.
func TestHostAsks(t *testing.T) {
	h := NewHost(identifier)
	var asked []time.Duration
	for now := time.Duration(0); now < 3*time.Hour; {
		ask, again := h.Due(now)
		if ask {
			asked = append(asked, now)
		}
		now = again
	}
	want := []time.Duration{0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 7695}
	if len(asked) != len(want) {
		t.Fatalf("asked at %v, want %v seconds", asked, want)
	}
	for i := range want {
		if asked[i] != want[i]*time.Second {
			t.Fatalf("asked at %v, want %v seconds", asked, want)
		}
	}
	now := 3 * time.Hour
	h.Advertised(now, said(30*time.Minute, Prefix{netip.MustParsePrefix(one), Infinity, Infinity}))
	if ask, again := h.Due(now); ask || again != now+22*time.Minute+30*time.Second {
		t.Errorf("with an address it asks at %v", again-now)
	}
	// Nobody answers: it asks on, and begins anew when the router's time is over.
	now += 22*time.Minute + 30*time.Second
	if ask, _ := h.Due(now); !ask || h.own() != inOne {
		t.Errorf("before the end it asks: %v, and has %q", ask, h.own())
	}
	now = 3*time.Hour + 30*time.Minute
	if ask, again := h.Due(now); !ask || again != now+firstPause || h.own() != "" {
		t.Errorf("at the end it asks: %v, again at %v, and has %q", ask, again-now, h.own())
	}
}

func TestHostChooses(t *testing.T) {
	first := func(valid, preferred time.Duration) Prefix {
		return Prefix{netip.MustParsePrefix(one), valid, preferred}
	}
	second := func(valid, preferred time.Duration) Prefix {
		return Prefix{netip.MustParsePrefix(two), valid, preferred}
	}
	const hour = time.Hour
	type step struct {
		at   time.Duration
		says Advertisement
		want string
	}
	for name, steps := range map[string][]step{
		"no prefix":                   {{0, said(hour), ""}},
		"no way out":                  {{0, said(0, first(hour, hour)), ""}, {1, said(hour), inOne}},
		"the way out ends":            {{0, said(hour, first(hour, hour)), inOne}, {1, said(0, first(hour, hour)), ""}},
		"a prefix that has ended":     {{0, said(hour, first(0, 0)), ""}},
		"preferred longer than valid": {{0, said(hour, first(hour, 2*hour)), ""}},
		"not of 64 bits":              {{0, said(hour, prefix("2001:db8::/56", 3600)), ""}},
		"of the link alone":           {{0, said(hour, prefix("fe80::/64", 3600)), ""}},
		"a group":                     {{0, said(hour, prefix("ff0e::/64", 3600)), ""}},
		"the one in use stays":        {{0, said(hour, first(hour, hour)), inOne}, {1, said(hour, second(2*hour, 2*hour), first(hour, hour)), inOne}},
		"the preferred one":           {{0, said(hour, first(hour, 0), second(hour, hour)), inTwo}},
		"none is preferred":           {{0, said(hour, first(hour, 0), second(hour, 0)), inOne}},
		"no more preferred":           {{0, said(hour, first(hour, hour)), inOne}, {1, said(hour, first(hour, 0), second(hour, hour)), inTwo}},
		"preferred no more in time":   {{0, said(3*hour, first(3*hour, hour), second(3*hour, 2*hour)), inOne}, {hour, Advertisement{}, inTwo}},
		"valid no more in time":       {{0, said(3*hour, first(hour, hour)), inOne}, {hour, Advertisement{}, ""}},
		"shortened to two hours":      {{0, said(9*hour, first(9*hour, 9*hour)), inOne}, {1, said(9*hour, first(1, 1)), inOne}, {2*hour + 2, said(9 * hour), ""}},
		"less than two hours stay":    {{0, said(9*hour, first(hour, hour)), inOne}, {1, said(9*hour, first(1, 1)), inOne}, {hour, said(9 * hour), ""}},
	} {
		h := NewHost(identifier)
		for _, s := range steps {
			h.Advertised(s.at, s.says)
			if h.Due(s.at); h.own() != s.want {
				t.Errorf("%s: at %v it has %q, want %q", name, s.at, h.own(), s.want)
			}
		}
	}
}

// TestHostOfTwoRouters: the first leads out until it does no more.
func TestHostOfTwoRouters(t *testing.T) {
	h := NewHost(identifier)
	a, b := said(time.Hour, prefix(one, 7200)), said(2*time.Hour)
	a.MTU, a.DNS = 1428, []Server{{netip.MustParseAddr("2001:db8::53"), time.Hour}, {netip.MustParseAddr("2001:db8::54"), 0}}
	b.Router, b.MTU = netip.MustParseAddr("fe80::2"), 1000
	h.Advertised(0, a)
	h.Advertised(0, b)
	want := Config{Address: netip.MustParsePrefix(inOne), Router: a.Router, MTU: 1428, DNS: []netip.Addr{a.DNS[0].Address}}
	if got := h.Config(); !got.Equal(want) {
		t.Errorf("it has %+v, want %+v", got, want)
	}
	h.Advertised(time.Hour, b)
	if got, want := h.Config(), (Config{Address: want.Address, Router: b.Router}); !got.Equal(want) {
		t.Errorf("it has %+v, want %+v", got, want)
	}
}

func TestLinkLocal(t *testing.T) {
	for _, a := range []string{"fe80::1:2:3:4", "::1:2:3:4", "2001:db8::1:2:3:4"} {
		if got := NewHost(netip.MustParseAddr(a)).LinkLocal(); got != identifier {
			t.Errorf("of %s it is %v", a, got)
		}
	}
}
