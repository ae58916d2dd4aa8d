package api

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/firewall"
	"github.com/farspoke/farspoke/internal/uplink"
)

type fakeRouter struct {
	status  Status
	refuse  error
	reboots int
	resets  int
	logged  []firewall.Logged
}

func (f *fakeRouter) Status() Status                           { return f.status }
func (*fakeRouter) Cellular(context.Context) []cellular.Status { return nil }
func (f *fakeRouter) Paths(to netip.Addr) []Path {
	return []Path{{Tunnel: "hq", Text: to.String() + " is far."}}
}
func (f *fakeRouter) Config() []byte { return []byte("hostname: branch-17\n") }
func (f *fakeRouter) CheckFirewall(name string, text []byte) (firewall.Change, error) {
	if string(text) != "good" {
		return firewall.Change{}, errors.New(name + ":1:1: not good")
	}
	return firewall.Change{Diff: "checked"}, nil
}
func (f *fakeRouter) CommitFirewall(string, []byte) (firewall.Change, error) {
	return firewall.Change{Diff: "committed"}, nil
}
func (f *fakeRouter) FirewallLog() []firewall.Logged { return f.logged }
func (f *fakeRouter) Addresses() Addresses           { return nil }
func (f *fakeRouter) Reboot(context.Context) error {
	f.reboots++
	return f.refuse
}
func (f *fakeRouter) FactoryReset(context.Context) error {
	f.resets++
	return f.refuse
}

// serve runs source on a socket until the test ends.
func serve(t *testing.T, source Source) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run", "control.sock")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- Serve(ctx, l, source, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return NewClient(path)
}

func TestRoundTrip(t *testing.T) {
	want := Status{
		Hostname: "branch-17", Version: "v1", Uptime: 12.5, Config: Config{File: "/state/farspoke.yaml", Problem: "a\nb"},
		Milestones: []Milestone{{"lease", 2.25}}, Uplinks: []uplink.State{{Name: "wan", Up: true}},
	}
	source := &fakeRouter{status: want}
	c := serve(t, source)
	got, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Milestones, got.Milestones); diff != "" || got.Config != want.Config || got.Uptime != want.Uptime || !got.Uplinks[0].Equal(want.Uplinks[0]) {
		t.Errorf("status = %+v, want %+v", got, want)
	}
	if paths, err := c.Paths(t.Context(), netip.MustParseAddr("2001:db8::1")); err != nil || len(paths) != 1 || paths[0] != (Path{"hq", "2001:db8::1 is far."}) {
		t.Errorf("Paths = %v, %v", paths, err)
	}
	if _, err := c.do(t.Context(), http.MethodGet, "/path?to=nowhere"); err == nil {
		t.Error("a path to nowhere is told")
	}
	if text, err := c.Config(t.Context()); err != nil || string(text) != "hostname: branch-17\n" {
		t.Errorf("Config = %q, %v", text, err)
	}
	if err := c.Reboot(t.Context()); err != nil || source.reboots != 1 {
		t.Errorf("Reboot = %v after %d calls", err, source.reboots)
	}
	if err := c.FactoryReset(t.Context()); err != nil || source.resets != 1 || source.reboots != 1 {
		t.Errorf("FactoryReset = %v after %d calls", err, source.resets)
	}
}

func TestRefusalIsReported(t *testing.T) {
	c := serve(t, &fakeRouter{refuse: errors.New("an update is being written")})
	if err := c.Reboot(t.Context()); err == nil || !strings.Contains(err.Error(), "an update is being written") {
		t.Errorf("Reboot = %v, want the reason", err)
	}
	if _, err := c.do(t.Context(), http.MethodGet, "/reboot"); err == nil {
		t.Error("a reboot by GET is accepted")
	}
}

func TestNobodyListens(t *testing.T) {
	_, err := NewClient(filepath.Join(t.TempDir(), "none")).Status(t.Context())
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Status = %v, want that the socket does not exist", err)
	}
}

func TestSocketIsPrivateAndReplacesALeftOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("the socket has mode %o, want 600", got)
	}
}

func TestFirewall(t *testing.T) {
	c := serve(t, &fakeRouter{})
	if change, err := c.CheckFirewall(t.Context(), "a b.yaml", []byte("good")); err != nil || change.Diff != "checked" {
		t.Errorf("CheckFirewall = %+v, %v", change, err)
	}
	if change, err := c.CommitFirewall(t.Context(), "a.yaml", []byte("good")); err != nil || change.Diff != "committed" {
		t.Errorf("CommitFirewall = %+v, %v", change, err)
	}
	if _, err := c.CheckFirewall(t.Context(), "a b.yaml", []byte("bad")); err == nil || !strings.Contains(err.Error(), "a b.yaml:1:1: not good") {
		t.Errorf("of a bad file CheckFirewall says %v", err)
	}
	if _, err := c.CheckFirewall(t.Context(), "a.yaml", make([]byte, maxConfig+1)); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("of a large file CheckFirewall says %v", err)
	}
	if err := c.AddAddress(t.Context(), "blocked", "192.0.2.1"); err == nil || !strings.Contains(err.Error(), "there is no firewall") {
		t.Errorf("without a firewall AddAddress says %v", err)
	}
}
