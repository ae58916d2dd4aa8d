//go:build vm

package interop

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mmcli is what ModemManager is directed by, and simpleConnect what has it do all
// that a connection takes.
const (
	mmcli         = "/usr/bin/mmcli"
	simpleConnect = "--simple-connect=apn=internet,ip-type=ipv4v6"
)

// manager is ModemManager with the daemons that it does not go without: a message
// bus, polkitd, by whose leave it does what it is told, and udevd, which tells it of
// devices.
type manager struct {
	bus, policy, udev, modems *daemon
	// monitor tells of modems that come and go.
	monitor *daemon
}

// startManager starts all of it, until the test ends.
func startManager(t testing.TB) *manager {
	t.Helper()
	var m manager
	const busSocket, udevSocket = root + "/run/dbus/system_bus_socket", root + "/run/udev/control"
	m.bus = launch(t, "/usr/bin/dbus-daemon", "--config-file=/usr/share/dbus-1/system.conf", "--nofork", "--nopidfile", "--nosyslog")
	eventually(t, "the message bus", func() bool { // the socket of the one before may be there still
		conn, err := net.Dial("unix", busSocket)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	m.policy = launch(t, "/usr/lib/polkit-1/polkitd")
	m.policy.await(t, 0, "Acquired the name org.freedesktop.PolicyKit1")
	if err := os.Remove(udevSocket); !errors.Is(err, fs.ErrNotExist) {
		must(t, err)
	}
	m.udev = launch(t, "/lib/systemd/systemd-udevd")
	eventually(t, "udevd", func() bool { _, err := os.Stat(udevSocket); return err == nil })
	m.modems = launch(t, "/usr/sbin/ModemManager")
	eventually(t, "ModemManager", func() bool { _, ok := ask(t, mmcli, "-L"); return ok })
	m.monitor = launch(t, mmcli, "-M")
	m.monitor.await(t, 0, "No modems were found")
	return &m
}

// stop ends all of it, and the proxies that ModemManager has started.
func (m *manager) stop() {
	for _, d := range []*daemon{m.monitor, m.modems, m.udev, m.policy, m.bus} {
		d.stop()
	}
	for _, pid := range append(processes("mbim-proxy"), processes("qmi-proxy")...) {
		_ = unix.Kill(pid, unix.SIGKILL)
	}
}

// appears waits for a modem after a mark of the monitor and returns its path.
func (m *manager) appears(t testing.TB, mark int) string {
	t.Helper()
	return strings.Fields(m.monitor.await(t, mark, "(+)").text)[1]
}

// connect has ModemManager connect a modem.
func connect(t testing.TB, object string) {
	t.Helper()
	if said, ok := ask(t, mmcli, "-m", object, simpleConnect); !ok {
		t.Fatalf("the modem does not connect: %s", said)
	}
}

// properties are what mmcli tells of an object, by mmcli's names.
type properties map[string]string

// show asks for the properties of a modem (-m), a SIM (-i) or a bearer (-b).
func show(t testing.TB, kind, object string, more ...string) properties {
	t.Helper()
	said, ok := ask(t, mmcli, append([]string{"-K", kind, object}, more...)...)
	if !ok {
		t.Fatalf("mmcli %s %s %v: %s", kind, path.Base(object), more, said)
	}
	p := make(properties)
	for text := range strings.Lines(said) {
		if name, value, ok := strings.Cut(text, " : "); ok {
			p[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	return p
}

// demand reports what is not as wanted.
func (p properties) demand(t *testing.T, wanted properties) {
	t.Helper()
	for name, want := range wanted {
		if got := p[name]; got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if t.Failed() {
		t.Log(p)
	}
}

// bearerOf is the path of a modem's connection.
func bearerOf(t testing.TB, object string) string {
	t.Helper()
	return show(t, "-m", object)["modem.generic.bearers.value[1]"]
}
