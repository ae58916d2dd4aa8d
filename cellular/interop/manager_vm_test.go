//go:build vm

package interop

import (
	"fmt"
	"net"
	"path"
	"strings"
	"testing"
	"time"

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
	const busSocket = root + "/run/dbus/system_bus_socket"
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
	m.udev = launch(t, "/lib/systemd/systemd-udevd")
	// It answers once it hears of devices.
	eventually(t, "udevd", func() bool { _, ok := ask(t, "/bin/udevadm", "control", "--ping"); return ok })
	m.modems = launch(t, "/usr/sbin/ModemManager")
	eventually(t, "ModemManager", func() bool { _, ok := direct(t, "-L"); return ok })
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

// direct runs mmcli, which is to wait as long as we do, and returns what it says, and
// whether it succeeded.
func direct(t testing.TB, args ...string) (said string, ok bool) {
	t.Helper()
	return ask(t, mmcli, append([]string{fmt.Sprintf("--timeout=%.0f", patience.Seconds())}, args...)...)
}

// connect has ModemManager connect a modem.
func connect(t testing.TB, object string) {
	t.Helper()
	if said, ok := direct(t, "-m", object, simpleConnect); !ok {
		t.Fatalf("the modem does not connect: %s", said)
	}
}

// properties are what mmcli tells of an object, by mmcli's names.
type properties map[string]string

// show asks for the properties of a modem (-m), a SIM (-i) or a bearer (-b).
func show(t testing.TB, kind, object string, more ...string) properties {
	t.Helper()
	said, ok := direct(t, append([]string{"-K", kind, object}, more...)...)
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

// demand waits until the properties are as wanted: ModemManager asks the modem for some
// of them when it is connected already.
func demand(t *testing.T, shown func() properties, wanted properties) {
	t.Helper()
	for end := time.Now().Add(patience); ; {
		have := shown()
		wrong := have.unlike(wanted)
		if len(wrong) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s\nof %v", strings.Join(wrong, "\n"), have)
		}
	}
}

// unlike says which are not as wanted.
func (p properties) unlike(wanted properties) (wrong []string) {
	for name, want := range wanted {
		if got := p[name]; got != want {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", name, got, want))
		}
	}
	return wrong
}

// bearerOf is the path of a modem's connection.
func bearerOf(t testing.TB, object string) string {
	t.Helper()
	return show(t, "-m", object)["modem.generic.bearers.value[1]"]
}
