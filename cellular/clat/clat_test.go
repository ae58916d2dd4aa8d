package clat

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/clat/nat64"
)

var testUnderlay = Underlay{
	Link: "wwan0", Index: 7, VRF: "front",
	Address6: netip.MustParsePrefix("2001:db8:1::10/64"), MTU: 1500,
	DNS:    []netip.Addr{netip.MustParseAddr("192.0.2.53"), netip.MustParseAddr("2001:db8::53"), netip.MustParseAddr("2001:db8::54")},
	Device: "clat", Address4: netip.MustParseAddr("192.0.0.1"), Metric: 200,
}

// mustPrefix returns the prefix of a text.
func mustPrefix(text string) nat64.Prefix {
	p, err := nat64.NewPrefix(netip.MustParsePrefix(text))
	if err != nil {
		panic(err)
	}
	return p
}

var (
	wkp   = mustPrefix("64:ff9b::/96")
	other = mustPrefix("2001:db8:64::/96")
)

// fake is a kernel with a link whose routers and name servers say what a test wants.
type fake struct {
	mu        sync.Mutex
	asked     []netip.Addr
	solicited int
	answers   map[netip.Addr][]nat64.Offer // those who are not in it are silent
	created   []*fakeTUN
	broken    error
	heard     chan []byte
}

func (f *fake) Listen(Underlay) (routers, error) { return fakeRouters{f}, nil }

func (f *fake) Ask(ctx context.Context, _ Underlay, server netip.Addr) ([]nat64.Offer, error) {
	f.mu.Lock()
	f.asked = append(f.asked, server)
	offers, ok := f.answers[server]
	f.mu.Unlock()
	if !ok {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return offers, nil
}

func (f *fake) Create(u Underlay, _ netip.Addr) (device, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return nil, f.broken
	}
	t := &fakeTUN{in: make(chan []byte), out: make(chan []byte, 10), broken: make(chan error), closed: make(chan struct{}), metrics: []int{u.Metric}}
	f.created = append(f.created, t)
	return t, nil
}

// tun returns the last device that was made.
func (f *fake) tun(t *testing.T) *fakeTUN {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.created) == 0 {
		t.Fatal("there is no device")
	}
	return f.created[len(f.created)-1]
}

// set changes what the name servers answer.
func (f *fake) set(server string, offers ...nat64.Offer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answers[netip.MustParseAddr(server)] = offers
}

type fakeRouters struct{ *fake }

func (r fakeRouters) Solicit() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.solicited++
	return nil
}

func (r fakeRouters) Receive() ([]byte, error) {
	packet, ok := <-r.heard
	if !ok {
		return nil, io.EOF
	}
	return packet, nil
}

func (r fakeRouters) Close() error { close(r.heard); return nil }

type fakeTUN struct {
	in, out chan []byte
	broken  chan error
	metrics []int
	closed  chan struct{}
}

func (t *fakeTUN) Read(b []byte) (int, error) {
	select {
	case packet := <-t.in:
		return copy(b, packet), nil
	case err := <-t.broken:
		return 0, err
	case <-t.closed:
		return 0, io.EOF
	}
}

func (t *fakeTUN) Write(b []byte) (int, error) {
	t.out <- bytes.Clone(b)
	return len(b), nil
}

func (t *fakeTUN) Close() error { close(t.closed); return nil }
func (*fakeTUN) Index() int     { return 42 }

func (t *fakeTUN) SetMetric(metric int) error { t.metrics = append(t.metrics, metric); return nil }

// isClosed reports whether the device is gone.
func (t *fakeTUN) isClosed() bool {
	select {
	case <-t.closed:
		return true
	default:
		return false
	}
}

// run has a CLAT run in virtual time until the test ends it.
func run(t *testing.T, test func(t *testing.T, c *CLAT, f *fake, stop func() error)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{answers: make(map[netip.Addr][]nat64.Offer), heard: make(chan []byte)}
		c, err := New(testUnderlay, slog.New(slog.NewTextHandler(t.Output(), nil)))
		if err != nil {
			t.Fatal(err)
		}
		c.kernel = f
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		synctest.Wait()
		ended := false
		stop := func() error {
			ended = true
			cancel()
			return <-done
		}
		test(t, c, f, stop)
		if !ended {
			if err := stop(); err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		if state, _ := c.State().Load(); state.Up {
			t.Errorf("after the end the state is %+v", state)
		}
		for _, d := range f.created {
			if !d.isClosed() {
				t.Error("after the end the device is there")
			}
		}
	})
}

// prefixOf returns the prefix that a CLAT works with.
func prefixOf(c *CLAT) string {
	synctest.Wait()
	state, _ := c.State().Load()
	if !state.Up {
		return ""
	}
	return state.NAT64.String()
}

// advertisement is a Router Advertisement with one PREF64 option, for the well-known
// prefix and 1800 seconds, from fe80::1 to all.
var advertisement = []byte{
	0x60, 0, 0, 0, 0, 0x20, 0x3a, 0xff, 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 1, 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	0x86, 0, 8, 5, 0x40, 8, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0x26, 2, 7, 8,
	0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0,
}

// TestStateByDNS: the second name server of IPv6 answers, that of IPv4 is not asked.
func TestStateByDNS(t *testing.T) {
	run(t, func(t *testing.T, c *CLAT, f *fake, _ func() error) {
		f.set("2001:db8::54", nat64.Offer{Prefix: wkp, Lifetime: time.Hour})
		if got := prefixOf(c); got != "" {
			t.Errorf("before an answer the prefix is %s", got)
		}
		time.Sleep(patience)
		if got := prefixOf(c); got != "64:ff9b::/96" {
			t.Fatalf("the prefix is %q", got)
		}
		state, _ := c.State().Load()
		want := State{
			Up: true, Device: "clat", Index: 42, Address: netip.MustParsePrefix("192.0.0.1/32"),
			Gateway: netip.MustParseAddr("192.0.0.8"), MTU: 1480, NAT64: wkp.Prefix(), Address6: sourceAddress(testUnderlay),
		}
		if state != want {
			t.Errorf("the state is %+v, want %+v", state, want)
		}
		if want := testUnderlay.DNS[1:]; !slices.Equal(f.asked, want) {
			t.Errorf("%v were asked, want %v", f.asked, want)
		}
		if f.solicited != 1 {
			t.Errorf("routers were asked %d times", f.solicited)
		}
	})
}

// TestAnotherPrefix: the device stays when the prefix changes, and goes when there is
// none.
func TestAnotherPrefix(t *testing.T) {
	run(t, func(t *testing.T, c *CLAT, f *fake, _ func() error) {
		f.set("2001:db8::53", nat64.Offer{Prefix: other, Lifetime: time.Hour})
		time.Sleep(2*patience + 2*time.Second) // until both are asked again
		if got := prefixOf(c); got != "2001:db8:64::/96" {
			t.Fatalf("the prefix is %q", got)
		}
		first := f.tun(t)
		first.in <- question4
		if got := <-first.out; !bytes.Equal(got[24:36], []byte{0x20, 1, 0x0d, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0}) {
			t.Errorf("a packet went to %x", got[24:40])
		}
		f.heard <- advertisement
		if got := prefixOf(c); got != "64:ff9b::/96" {
			t.Fatalf("with an advertisement the prefix is %q", got)
		}
		if f.tun(t) != first || first.isClosed() {
			t.Error("another prefix made another device")
		}
		first.in <- question4
		if got := <-first.out; !bytes.Equal(got[24:28], []byte{0, 0x64, 0xff, 0x9b}) {
			t.Errorf("a packet went to %x", got[24:40])
		}
		// The router falls silent, and the name server says there is nothing.
		f.set("2001:db8::53")
		time.Sleep(1800*time.Second - time.Millisecond)
		if got := prefixOf(c); got != "64:ff9b::/96" {
			t.Errorf("before the end of its lifetime the prefix is %q", got)
		}
		time.Sleep(time.Millisecond)
		if got := prefixOf(c); got != "" || !first.isClosed() {
			t.Errorf("after the end of its lifetime the prefix is %q", got)
		}
		f.set("2001:db8::53", nat64.Offer{Prefix: other, Lifetime: time.Hour})
		time.Sleep(time.Minute)
		if got := prefixOf(c); got != "2001:db8:64::/96" || f.tun(t) == first {
			t.Errorf("later the prefix is %q", got)
		}
	})
}

// question4 is a UDP packet of ours to 198.51.100.7, question6 the same in IPv6, but
// for the addresses.
var (
	question4 = []byte{
		0x45, 0, 0, 29, 0, 9, 0, 0, 64, 17, 0, 0, 192, 0, 0, 1, 198, 51, 100, 7,
		0x11, 0x94, 0x11, 0x94, 0, 9, 0x12, 0x34, '?',
	}
	hop = []byte{0x60, 0, 0, 0, 0, 9, 17, 64}
)

// TestPackets of both directions are translated and counted, and what is neither is
// dropped.
func TestPackets(t *testing.T) {
	run(t, func(t *testing.T, c *CLAT, f *fake, _ func() error) {
		f.heard <- advertisement
		synctest.Wait()
		tun := f.tun(t)
		tun.in <- question4
		got := <-tun.out
		if ours := sourceAddress(testUnderlay).As16(); !bytes.Equal(got[:8], hop) || !bytes.Equal(got[8:24], ours[:]) {
			t.Errorf("of IPv4 came %x", got)
		}
		// The answer is the question with the addresses exchanged, which the checksum
		// is the same for.
		answer := slices.Concat(got[:8], got[24:40], got[8:24], got[40:])
		tun.in <- answer
		if got := <-tun.out; got[0] != 0x45 || !bytes.Equal(got[12:20], []byte{198, 51, 100, 7, 192, 0, 0, 1}) || !bytes.Equal(got[20:], question4[20:]) {
			t.Errorf("of IPv6 came %x", got)
		}
		tun.in <- []byte{}
		tun.in <- []byte{0x60}
		tun.in <- question4[:20]
		synctest.Wait()
		if got, want := c.Counters(), (Counters{Out: 1, In: 1, Dropped: 3}); got != want {
			t.Errorf("counted are %+v, want %+v", got, want)
		}
	})
}

// TestTooLarge: what grows beyond the underlay's MTU leaves in fragments, unless its
// sender does not want that.
func TestTooLarge(t *testing.T) {
	run(t, func(t *testing.T, _ *CLAT, f *fake, _ func() error) {
		f.heard <- advertisement
		synctest.Wait()
		tun := f.tun(t)
		large := append(bytes.Clone(question4[:28]), make([]byte, 1472)...)
		large[2], large[3] = 0x05, 0xdc
		tun.in <- large
		if a, b := <-tun.out, <-tun.out; len(a) > 1500 || len(a)+len(b) != 1480+2*48 || a[6] != 44 || b[6] != 44 || a[47] != 9 {
			t.Errorf("fragments of %d and %d octets: %x, %x", len(a), len(b), a[:48], b[:48])
		}
		large[6] = 0x40
		tun.in <- large
		if got := <-tun.out; len(got) != 1520 || got[6] != 17 {
			t.Errorf("a packet of %d octets: %x", len(got), got[:48])
		}
	})
}

// TestMetric: the route follows, whether there is a device already or not yet.
func TestMetric(t *testing.T) {
	run(t, func(t *testing.T, c *CLAT, f *fake, _ func() error) {
		c.SetMetric(1200)
		f.heard <- advertisement
		synctest.Wait()
		c.SetMetric(1200)
		synctest.Wait()
		c.SetMetric(200)
		synctest.Wait()
		if got := f.tun(t).metrics; !slices.Equal(got, []int{1200, 200}) {
			t.Errorf("the metrics were %v", got)
		}
	})
}

// TestDeviceFails: Run ends, and says why.
func TestDeviceFails(t *testing.T) {
	run(t, func(t *testing.T, _ *CLAT, f *fake, stop func() error) {
		f.heard <- advertisement
		synctest.Wait()
		broken := errors.New("bad file descriptor")
		f.tun(t).broken <- broken
		synctest.Wait()
		if err := stop(); !errors.Is(err, broken) {
			t.Errorf("Run: %v, want %v", err, broken)
		}
	})
}

// TestDeviceIsRefused: Run ends, and says why.
func TestDeviceIsRefused(t *testing.T) {
	run(t, func(t *testing.T, _ *CLAT, f *fake, stop func() error) {
		f.broken = errors.New("no such device")
		f.heard <- advertisement
		synctest.Wait()
		if err := stop(); !errors.Is(err, f.broken) {
			t.Errorf("Run: %v, want %v", err, f.broken)
		}
	})
}

// TestNoServer: a network that names no name server of IPv6 may have routers that
// know.
func TestNoServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := testUnderlay
		u.DNS = u.DNS[:1]
		s := session{CLAT: &CLAT{underlay: u}, answers: make(chan answer)}
		go s.ask(t.Context())
		if a := <-s.answers; !errors.Is(a.err, errNoServer) {
			t.Errorf("the answer is %+v", a)
		}
	})
}

func TestSourceAddress(t *testing.T) {
	a := sourceAddress(testUnderlay)
	second := testUnderlay
	second.Device = "clat2"
	b := sourceAddress(second)
	if a != sourceAddress(testUnderlay) {
		t.Error("the same underlay gives another address")
	}
	if a == b || a == testUnderlay.Address6.Addr() || !testUnderlay.Address6.Contains(a) || !testUnderlay.Address6.Contains(b) {
		t.Errorf("the addresses are %v and %v", a, b)
	}
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(u *Underlay){
		"no address":           func(u *Underlay) { u.Address6 = netip.Prefix{} },
		"IPv4":                 func(u *Underlay) { u.Address6 = netip.MustParsePrefix("192.0.2.1/24") },
		"no address of ours":   func(u *Underlay) { u.Address4 = netip.Addr{} },
		"an address elsewhere": func(u *Underlay) { u.Address4 = netip.MustParseAddr("192.0.0.8") },
		"the network itself":   func(u *Underlay) { u.Address4 = netip.MustParseAddr("192.0.0.0") },
		"too small":            func(u *Underlay) { u.MTU = 1279 },
	} {
		u := testUnderlay
		change(&u)
		if _, err := New(u, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
