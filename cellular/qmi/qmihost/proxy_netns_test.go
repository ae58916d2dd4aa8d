//go:build netns

package qmihost

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// qmiProxy is libqmi's proxy, which reads all that passes and drops what is no QMI.
const qmiProxy = "/usr/libexec/qmi-proxy"

// atTerminal has an emulated modem speak at the pseudo terminal of the path.
func atTerminal(t *testing.T, scenario virtual.Scenario) (m *virtual.Modem, path string) {
	t.Helper()
	e, err := emulator.New(t.Context(), usb.QMI, scenario)
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

// throughProxy opens node by libqmi's proxy, and returns the conversation with it.
func throughProxy(t *testing.T, node string) net.Conn {
	t.Helper()
	proxy := exec.CommandContext(t.Context(), qmiProxy, "--no-exit", "--verbose")
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
		if conn, err = net.Dial("unix", "@qmi-proxy"); err == nil || time.Now().After(deadline) {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	openByProxy(t, conn, node)
	return conn
}

// checkTranslations checks that the proxy could make sense of every value in every
// message, and says what it made of them if the test has failed.
func checkTranslations(t *testing.T, log string) {
	t.Helper()
	b, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	if !strings.Contains(text, "translated = ") {
		t.Error("the proxy translates nothing")
	}
	for _, complaint := range []string{"ERROR: ", "Additional unexpected"} {
		if strings.Contains(text, complaint) {
			t.Errorf("the proxy says %q", complaint)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// openByProxy asks the proxy to open node.
func openByProxy(t *testing.T, conn net.Conn, node string) {
	t.Helper()
	const proxyOpen, path = 0xff00, 0x01
	request := qmi.Message{Kind: qmi.Kind{Service: qmi.CTL, ID: proxyOpen}, Transaction: 1, TLVs: []qmi.TLV{{Type: path, Value: []byte(node)}}}
	if _, err := conn.Write(octetsOf(t, request)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 100)
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := qmi.Parse(b[:n])
	if err != nil || answer.ID != proxyOpen || answer.Class != qmi.Response {
		t.Fatalf("% x, %v", b[:n], err)
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
}

// What we say passes a program that others wrote, and so does what it answers.
func TestThroughLibqmisProxy(t *testing.T) {
	scenario := virtual.Default()
	scenario.Slots[0].SIM.PIN = "4711"
	const soon = virtual.Duration(10 * time.Millisecond)
	scenario.Timing.SIM, scenario.Timing.Register, scenario.Timing.Connect = soon, soon, soon
	_, terminal := atTerminal(t, scenario)
	m, err := Open(t.Context(), throughProxy(t, terminal), Path{}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()

	awaitSIM(t, m, modem.SIMLocked)
	if err := m.EnterPIN(ctx, "4711"); err != nil {
		t.Fatal(err)
	}
	awaitRegistration(t, m, modem.Home)
	want := modem.APN{Name: "internet", User: "u", Password: "p", Auth: modem.PAP, Families: modem.IPv4v6}
	for name, act := range map[string]func() error{
		"identity":   func() error { _, err := m.Identity(ctx); return err },
		"slots":      func() error { _, err := m.Slots(ctx); return err },
		"radio":      func() error { return m.SetRadio(ctx, true) },
		"attach APN": func() error { return m.SetAttachAPN(ctx, want) },
		"selection": func() error {
			return m.Select(ctx, modem.Selection{PLMN: "00101", Technologies: []modem.Technology{modem.LTE}})
		},
		"signal": func() error { _, err := m.Signal(ctx); return err },
	} {
		if err := act(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	awaitRegistration(t, m, modem.Home)
	if err := m.Connect(ctx, 0, want); err != nil {
		t.Fatal(err)
	}
	if c, err := m.Connection(ctx, 0); err != nil || !c.Address4.IsValid() || !c.Address6.IsValid() {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := m.Counters(ctx, 0); err != nil {
		t.Error(err)
	}
	if err := m.Disconnect(ctx, 0); err != nil {
		t.Error(err)
	}
}
