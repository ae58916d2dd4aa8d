package breakout

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// fakeKernel remembers what it was told.
type fakeKernel struct {
	notices chan struct{}

	mu      sync.Mutex
	routes  []route
	calls   int
	refused []error
	err     error
	// tunnel says that there is another default route everywhere.
	tunnel    bool
	forgotten []string
}

func (k *fakeKernel) Watch(context.Context) (<-chan struct{}, error) { return k.notices, nil }

func (k *fakeKernel) SetRoutes(routes []route) ([]error, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.routes = routes
	k.calls++
	return k.refused, k.err
}

func (k *fakeKernel) Preferred(r route) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !k.tunnel && slices.Contains(k.routes, r), nil
}

func (k *fakeKernel) ForgetUntranslated(networks []Network, link string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.forgotten = append(k.forgotten, fmt.Sprint(networks, " by ", link))
	return nil
}

// scene is a Breakout with everything around it made by hand.
type scene struct {
	*testing.T
	breakout *Breakout
	kernel   *fakeKernel
	uplinks  map[string]*value.Value[uplink.State]
	log      bytes.Buffer
	done     chan error
}

// play runs what a test does with the scene, in a time of its own.
func play(t *testing.T, exits []Exit, do func(*scene)) {
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, kernel: &fakeKernel{notices: make(chan struct{}, 1)}, uplinks: make(map[string]*value.Value[uplink.State]), done: make(chan error, 1)}
		for _, exit := range exits {
			s.uplinks[exit.To] = new(value.Value[uplink.State])
		}
		s.breakout = New(exits, s.uplinks, slog.New(slog.NewTextHandler(&s.log, nil)))
		s.breakout.kernel = s.kernel
		ctx, cancel := context.WithCancel(t.Context())
		go func() { s.done <- s.breakout.Run(ctx) }()
		do(s)
		cancel()
		synctest.Wait()
	})
}

// up makes a VRF's uplink that of the given name.
func (s *scene) up(vrf, link, gateway string) {
	state := uplink.State{Name: link, Link: link, VRF: vrf, Up: true}
	if gateway != "" {
		state.Gateway = netip.MustParseAddr(gateway)
	}
	s.uplinks[vrf].Set(state)
}

func (s *scene) expect(what string, want ...route) {
	s.Helper()
	synctest.Wait()
	s.kernel.mu.Lock()
	defer s.kernel.mu.Unlock()
	if !slices.Equal(s.kernel.routes, want) {
		s.Errorf("%s: routes are\n%v\nwant\n%v", what, s.kernel.routes, want)
	}
}

var branch = Exit{To: "front", Networks: []Network{{"lan1", netip.MustParsePrefix("192.168.17.1/24")}}}

func back(vrf, to, link string) route {
	return route{VRF: vrf, To: netip.MustParsePrefix(to), Link: link, Metric: 1}
}

func out(vrf, via, link string, metric int) route {
	return route{VRF: vrf, To: netip.MustParsePrefix("0.0.0.0/0"), Via: netip.MustParseAddr(via), Link: link, Metric: metric}
}

// TestFollowsTheUplink: the way back is always there, the way out while there is
// an uplink with a gateway.
func TestFollowsTheUplink(t *testing.T) {
	play(t, []Exit{branch}, func(s *scene) {
		lan := back("front", "192.168.17.0/24", "lan1")
		s.expect("no uplink", lan)
		s.up("front", "wan", "198.51.100.1")
		s.expect("an uplink", lan, out("", "198.51.100.1", "wan", outMetric))
		s.up("front", "wan", "203.0.113.1")
		s.expect("another gateway", lan, out("", "203.0.113.1", "wan", outMetric))
		s.up("front", "lte", "203.0.113.1")
		s.expect("another uplink", lan, out("", "203.0.113.1", "lte", outMetric))
		s.up("front", "lte", "")
		s.expect("a network without a gateway", lan)
		s.uplinks["front"].Set(uplink.State{})
		s.expect("no uplink any more", lan)
		if got := strings.Count(s.log.String(), "do not reach"); got != 1 {
			t.Errorf("the log tells %d times that the way out is gone:\n%s", got, &s.log)
		}
	})
}

// TestExitsOfOneVRF: the first is preferred, and each follows its own uplink.
func TestExitsOfOneVRF(t *testing.T) {
	second := Exit{From: "tenant", To: "other", Networks: []Network{{"lan2", netip.MustParsePrefix("10.2.0.1/16")}}}
	first := second
	first.To = "front"
	play(t, []Exit{first, second}, func(s *scene) {
		s.up("other", "lte", "192.0.2.1")
		there, alsoThere := back("front", "10.2.0.0/16", "lan2"), back("other", "10.2.0.0/16", "lan2")
		s.expect("one of two", there, alsoThere, out("tenant", "192.0.2.1", "lte", outMetric+1))
		s.up("front", "wan", "198.51.100.1")
		s.expect("both", there, alsoThere, out("tenant", "198.51.100.1", "wan", outMetric), out("tenant", "192.0.2.1", "lte", outMetric+1))
	})
}

// TestIPv6: each family has its own way out, and none for which there is no network.
func TestIPv6(t *testing.T) {
	both := branch
	both.Networks = append(slices.Clone(branch.Networks), Network{"lan2", netip.MustParsePrefix("2001:db8:17::1/64")})
	state := uplink.State{Link: "wan", VRF: "front", Up: true, Gateway: netip.MustParseAddr("198.51.100.1"), Gateway6: netip.MustParseAddr("fe80::1")}
	six := out("", "fe80::1", "wan", outMetric)
	six.To = netip.MustParsePrefix("::/0")
	four := out("", "198.51.100.1", "wan", outMetric)
	lan, lan6 := back("front", "192.168.17.0/24", "lan1"), back("front", "2001:db8:17::/64", "lan2")
	play(t, []Exit{both}, func(s *scene) {
		s.uplinks["front"].Set(state)
		s.expect("both", lan, lan6, four, six)
	})
	play(t, []Exit{branch}, func(s *scene) {
		s.uplinks["front"].Set(state)
		s.expect("IPv4 alone", lan, four)
	})
}

// TestSet: exits come and go while the router runs.
func TestSet(t *testing.T) {
	play(t, []Exit{branch}, func(s *scene) {
		s.up("front", "wan", "198.51.100.1")
		way := out("", "198.51.100.1", "wan", outMetric)
		s.expect("one network", back("front", "192.168.17.0/24", "lan1"), way)
		s.breakout.Set([]Exit{{To: "front", Networks: []Network{{"lan2", netip.MustParsePrefix("10.2.0.0/16")}}}})
		s.expect("another", back("front", "10.2.0.0/16", "lan2"), way)
		s.breakout.Set(nil)
		s.expect("none")
	})
}

// TestLinksComeAndGo: every notice has the kernel's routes compared anew.
func TestLinksComeAndGo(t *testing.T) {
	play(t, []Exit{branch}, func(s *scene) {
		synctest.Wait()
		before := s.kernel.calls
		s.kernel.notices <- struct{}{}
		synctest.Wait()
		if s.kernel.calls != before+1 {
			t.Errorf("after a notice the routes were set %d times", s.kernel.calls-before)
		}
	})
}

// TestTunnelGivesWay: whenever hosts begin to take the way out, the connections that
// are not translated are looked through.
func TestTunnelGivesWay(t *testing.T) {
	play(t, []Exit{branch}, func(s *scene) {
		notice := func(tunnel bool) {
			s.kernel.mu.Lock()
			s.kernel.tunnel = tunnel
			s.kernel.mu.Unlock()
			s.kernel.notices <- struct{}{}
			synctest.Wait()
		}
		notice(true)
		s.up("front", "wan", "198.51.100.1")
		synctest.Wait()
		if len(s.kernel.forgotten) != 0 {
			t.Errorf("with a tunnel: %q", s.kernel.forgotten)
		}
		notice(false)
		notice(false)
		notice(true)
		notice(false)
		want := []string{"[{lan1 192.168.17.1/24}] by wan", "[{lan1 192.168.17.1/24}] by wan"}
		if !slices.Equal(s.kernel.forgotten, want) {
			t.Errorf("the tunnel gave way twice: %q", s.kernel.forgotten)
		}
	})
}

// TestWithoutExits removes what an earlier configuration had, and waits.
func TestWithoutExits(t *testing.T) {
	play(t, nil, func(s *scene) {
		synctest.Wait()
		if s.kernel.calls == 0 || len(s.kernel.routes) != 0 {
			t.Errorf("routes were set %d times, to %v", s.kernel.calls, s.kernel.routes)
		}
	})
}

// TestTrouble: a refused route is told once, an error of the kernel ends Run, and
// so does the end of its notices.
func TestTrouble(t *testing.T) {
	play(t, []Exit{branch}, func(s *scene) {
		synctest.Wait()
		s.kernel.refused = []error{errors.New("file exists")}
		for range 3 {
			s.kernel.notices <- struct{}{}
			synctest.Wait()
		}
		if got := strings.Count(s.log.String(), "file exists"); got != 1 {
			t.Errorf("the log tells %d times that a route was refused:\n%s", got, &s.log)
		}
		s.kernel.err = errors.New("no such VRF")
		s.kernel.notices <- struct{}{}
		if err := <-s.done; !errors.Is(err, s.kernel.err) {
			t.Errorf("Run = %v", err)
		}
	})
	play(t, nil, func(s *scene) {
		close(s.kernel.notices)
		if err := <-s.done; err == nil {
			t.Error("Run goes on without notices")
		}
	})
}
