//go:build netns

package mbimhost

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/emulator/mbimside"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
)

// mbimProxy is libmbim's proxy, which reads all that passes and drops what is no
// MBIM.
const mbimProxy = "/usr/libexec/mbim-proxy"

// longestFrame is what a stream may announce.
const longestFrame = 64 << 10

// readFrame reads a frame from a stream.
func readFrame(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(8)
	if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[4:])
	if n < 8 || n > longestFrame {
		return nil, errors.New("no MBIM")
	}
	frame := make([]byte, n)
	_, err = io.ReadFull(r, frame)
	return frame, err
}

// stream is a port over a stream, which does not keep frames apart by itself.
type stream struct {
	net.Conn
	r *bufio.Reader
}

func (stream) MaxMessage() int { return 4096 }

func (s stream) Read(b []byte) (int, error) {
	frame, err := readFrame(s.r)
	return copy(b, frame), err
}

// serialLine returns the modem's end of a raw pseudo terminal and the node of the
// host's.
func serialLine(t *testing.T) (theirs *os.File, node string) {
	t.Helper()
	theirs, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := theirs.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var unlocked, noEcho error
	err = raw.Control(func(fd uintptr) {
		unlocked = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		number, _ = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		noEcho = unix.IoctlSetTermios(int(fd), unix.TCSETS, &unix.Termios{Cflag: unix.CS8 | unix.CREAD | unix.CLOCAL, Cc: [19]uint8{unix.VMIN: 1}})
	})
	if err := errors.Join(err, unlocked, noEcho); err != nil {
		t.Fatal(err)
	}
	return theirs, "/dev/pts/" + strconv.Itoa(number)
}

// patient reads a pseudo terminal's master, which says EIO while nobody has the
// other end open.
type patient struct{ *os.File }

func (p patient) Read(b []byte) (int, error) {
	for {
		n, err := p.File.Read(b)
		if !errors.Is(err, unix.EIO) {
			return n, err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// atNode has an emulated modem speak at the node of a pseudo terminal.
func atNode(t *testing.T, m *virtual.Modem) (node string) {
	t.Helper()
	theirs, node := serialLine(t)
	frames := make(chan []byte, 100)
	side := mbimside.New(m, func(frame []byte) { frames <- frame })
	written, read := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(written)
		for frame := range frames {
			_, _ = theirs.Write(frame) // the host may have hung up
		}
	}()
	go func() {
		defer close(read)
		r := bufio.NewReader(patient{theirs})
		for {
			frame, err := readFrame(r)
			if err != nil {
				return
			}
			side.Receive(frame)
		}
	}()
	t.Cleanup(func() {
		theirs.Close()
		<-read
		side.Close()
		close(frames)
		<-written
	})
	return node
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
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
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
	deadline := time.Now().Add(30 * time.Second)
	_, failed := s.Write(frames[0])
	if err := errors.Join(failed, s.SetReadDeadline(deadline)); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, s.MaxMessage())
	n, err := s.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&mbim.Reassembler{Limit: longestFrame}).Add(b[:n])
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
	for deadline := time.Now().Add(30 * time.Second); !asked(); time.Sleep(10 * time.Millisecond) {
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
	v, err := virtual.New(t.Context(), scenario)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m, err := Open(ctx, throughProxy(t, atNode(t, v)), slog.New(slog.NewTextHandler(t.Output(), nil)))
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
