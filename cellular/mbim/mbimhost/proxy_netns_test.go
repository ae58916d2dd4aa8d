//go:build netns

package mbimhost

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/proxy"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// mbimProxy is libmbim's proxy, which reads all that passes and drops what is no
// MBIM.
const mbimProxy = "/usr/libexec/mbim-proxy"

// stream is a port over a stream, which does not keep frames apart by itself.
type stream struct {
	net.Conn
	r *bufio.Reader
}

func (stream) MaxMessage() int { return 4096 }

func (s stream) Read(b []byte) (int, error) {
	frame, err := proxy.ReadMBIM(s.r)
	return copy(b, frame), err
}

// atTerminal has an emulated modem speak at the pseudo terminal of the path.
func atTerminal(t *testing.T, scenario virtual.Scenario) (m *virtual.Modem, path string) {
	t.Helper()
	e, err := emulator.New(t.Context(), usb.MBIM, scenario)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "modem")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.PTY(ctx, path) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err = os.Lstat(path); err == nil {
			return e.Modem, path
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// throughProxy has libmbim's proxy open node, and returns the conversation with it.
func throughProxy(t *testing.T, node string) Port {
	t.Helper()
	proxy := exec.CommandContext(t.Context(), mbimProxy, "--no-exit", "--verbose")
	out, err := os.Create(t.TempDir() + "/proxy")
	if err != nil {
		t.Fatal(err)
	}
	proxy.Stdout, proxy.Stderr = out, out
	if err := proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = proxy.Process.Kill()
		_ = proxy.Wait()
		checkTranslations(t, out.Name())
	})
	var conn net.Conn
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if conn, err = net.Dial("unix", "@mbim-proxy"); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	s := stream{conn, bufio.NewReader(conn)}
	t.Cleanup(func() { s.Close() })
	openByProxy(t, s, node)
	return s
}

// openByProxy asks the proxy to open node.
func openByProxy(t *testing.T, s stream, node string) {
	t.Helper()
	request, err := mbim.V1.Set(1, &mbim.ProxyConfiguration{DevicePath: node, Timeout: 20})
	if err != nil {
		t.Fatal(err)
	}
	frames, err := request.Frames(s.MaxMessage())
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	_, failed := s.Write(frames[0])
	if err := errors.Join(failed, s.SetReadDeadline(deadline)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, s.MaxMessage())
	n, err := s.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&mbim.Reassembler{Limit: s.MaxMessage()}).Add(b[:n])
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(mbim.V1.Decode(*answer, mbim.CmdProxyConfiguration), s.SetReadDeadline(time.Time{})); err != nil {
		t.Fatal(err)
	}
}

// checkTranslations checks that the proxy could make sense of every message, and
// says what it made of them if the test has failed.
func checkTranslations(t *testing.T, log string) {
	t.Helper()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if strings.Count(text, "Fields:") < 50 {
		t.Error("the proxy translates little")
	}
	for _, complaint := range []string{"n/a: ", "Warning", "Critical", "INVALID"} {
		if strings.Contains(text, complaint) {
			t.Errorf("the proxy says %q", complaint)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// eventually waits until asked is true.
func eventually(t *testing.T, what string, asked func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !asked(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not yet: %s", what)
		}
	}
}

// TestThroughLibmbimsProxy: what we say passes a program that others wrote, and so
// does what it answers.
func TestThroughLibmbimsProxy(t *testing.T) {
	scenario := virtual.Default()
	scenario.Slots[0].SIM.PIN = "4711"
	const soon = virtual.Duration(10 * time.Millisecond)
	scenario.Timing.SIM, scenario.Timing.Register, scenario.Timing.Connect = soon, soon, soon
	v, terminal := atTerminal(t, scenario)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	m, err := Open(ctx, throughProxy(t, terminal), slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	identity, err := m.Identity(ctx)
	if err != nil || identity.IMEI != v.Device().IMEI || identity.Protocol != "MBIM 1.0 (MBIMEx 2.0)" {
		t.Errorf("%+v, %v", identity, err)
	}
	eventually(t, "the SIM is locked", func() bool {
		sim, err := m.SIM(ctx)
		return err == nil && sim.State == modem.SIMLocked
	})
	if err := m.EnterPIN(ctx, "4711"); err != nil {
		t.Fatal(err)
	}
	home := func() bool {
		r, err := m.Registration(ctx)
		return err == nil && r.State == modem.Home && r.Attached
	}
	eventually(t, "the modem is registered", home)
	sim, err := m.SIM(ctx)
	if err != nil || sim.MNCDigits == 0 || sim.Provider == "" {
		t.Errorf("%+v, %v", sim, err)
	}
	apn := modem.APN{Name: "internet", User: "u", Password: "p", Auth: modem.PAP, Families: modem.IPv4v6}
	for name, act := range map[string]func() error{
		"slots":      func() error { _, err := m.Slots(ctx); return err },
		"radio":      func() error { return m.SetRadio(ctx, true) },
		"attach":     func() error { return m.Attach(ctx) },
		"attach APN": func() error { return m.SetAttachAPN(ctx, apn) },
		"selection": func() error {
			return m.Select(ctx, modem.Selection{PLMN: sim.PLMN(), Technologies: []modem.Technology{modem.LTE}})
		},
		"signal": func() error { _, err := m.Signal(ctx); return err },
	} {
		if err := act(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	eventually(t, "the modem is registered again", home)
	if err := m.Connect(ctx, 0, apn); err != nil {
		t.Fatal(err)
	}
	if c, err := m.Connection(ctx, 0); err != nil || !c.Address4.IsValid() || !c.Address6.IsValid() || c.MTU == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := m.Counters(ctx, 0); err != nil {
		t.Error(err)
	}
	if err := m.Disconnect(ctx, 0); err != nil {
		t.Error(err)
	}
	if _, err := m.Connection(ctx, 0); !errors.Is(err, modem.ErrNotConnected) {
		t.Error(err)
	}
}
