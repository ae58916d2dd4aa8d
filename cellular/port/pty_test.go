//go:build !vm

// The test VM has no pseudo terminals.

package port

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/modem"
)

// pty returns the modem's end of a serial line and the node of ours.
func pty(t *testing.T) (theirs *os.File, node string) {
	t.Helper()
	theirs, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { theirs.Close() })
	raw, err := theirs.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var unlocked error
	err = raw.Control(func(fd uintptr) {
		unlocked = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		number, _ = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
	})
	if err := errors.Join(err, unlocked); err != nil {
		t.Fatal(err)
	}
	return theirs, "/dev/pts/" + strconv.Itoa(number)
}

func open(t *testing.T, node string) *Port {
	t.Helper()
	p, err := Open(Control{node, AT})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// limit is more than anything takes that the tests wait for.
const limit = time.Minute

func TestSerialPortPassesOctets(t *testing.T) {
	theirs, node := pty(t)
	p := open(t, node)
	if p.MaxMessage() != 0 {
		t.Errorf("a stream has messages of %d octets", p.MaxMessage())
	}
	deadline := time.Now().Add(limit)
	if err := errors.Join(p.SetDeadline(deadline), theirs.SetDeadline(deadline)); err != nil {
		t.Fatal(err)
	}
	// What a line discipline would change, echo, or hold until the end of the line.
	const octets = "AT\r\n\x03\x04\x11\x13\x1a\x7f\xff\x00"
	got := make([]byte, 64)
	for _, way := range []struct {
		name     string
		from, to interface {
			Read([]byte) (int, error)
			Write([]byte) (int, error)
		}
	}{{"to the modem", p, theirs}, {"from the modem", theirs, p}} {
		if _, err := way.from.Write([]byte(octets)); err != nil {
			t.Fatal(err)
		}
		var all string
		for len(all) < len(octets) {
			n, err := way.to.Read(got)
			if err != nil {
				t.Fatalf("%s: %q, then %v", way.name, all, err)
			}
			all += string(got[:n])
		}
		if all != octets {
			t.Errorf("%s: %q, want %q", way.name, all, octets)
		}
	}
}

func TestSerialPortSettings(t *testing.T) {
	_, node := pty(t)
	p := open(t, node)
	raw, err := p.file.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var settings *unix.Termios
	raw.Control(func(fd uintptr) { settings, err = unix.IoctlGetTermios(int(fd), unix.TCGETS) })
	if err != nil {
		t.Fatal(err)
	}
	if settings.Cflag&unix.CBAUD != unix.B115200 || settings.Cflag&unix.HUPCL != 0 || settings.Cflag&unix.CLOCAL == 0 {
		t.Errorf("control flags %#o", settings.Cflag)
	}
}

func TestPortIsForOneProcess(t *testing.T) {
	_, node := pty(t)
	p := open(t, node)
	if _, err := Open(Control{node, AT}); !errors.Is(err, ErrBusy) {
		t.Errorf("a second Open: %v, want %v", err, ErrBusy)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, node)
}

func TestDeadlineAndClose(t *testing.T) {
	_, node := pty(t)
	p := open(t, node)
	if err := p.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want %v", err, os.ErrDeadlineExceeded)
	}
	if err := p.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	read := make(chan error, 1)
	go func() {
		_, err := p.Read(make([]byte, 1))
		read <- err
	}()
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-read; !errors.Is(err, os.ErrClosed) {
		t.Errorf("a Read that Close ended: %v", err)
	}
}

func TestGone(t *testing.T) {
	theirs, node := pty(t)
	p := open(t, node)
	if err := p.SetDeadline(time.Now().Add(limit)); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if _, err := p.Read(make([]byte, 1)); !errors.Is(err, modem.ErrGone) {
		t.Errorf("Read of an unplugged port: %v", err)
	}
	if _, err := p.Write([]byte("AT\r")); !errors.Is(err, modem.ErrGone) {
		t.Errorf("Write to an unplugged port: %v", err)
	}
	if _, err := Open(Control{filepath.Join(t.TempDir(), "ttyUSB0"), AT}); !errors.Is(err, modem.ErrGone) {
		t.Errorf("Open of a node that is not there: %v", err)
	}
}
