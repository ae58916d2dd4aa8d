//go:build disk

package bootchain

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/usb/usbredir"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/internal/bootstate"
)

const (
	// keptConfig is a box with nothing but a modem, whose SIM gets a PIN that is
	// wrong.
	keptConfig = `hostname: kept
vrfs:
  front: {}
interfaces:
  lte: {modem: m2, vrf: front, zone: outside}
modems:
  m2: {sims: [{pin: {secret: sim}}]}
firewall:
  policies:
    - {from: self, to: outside, inspect: [dns, icmp]}
`
	keptSecrets = "sim: \"4321\"\n"
	rightPIN    = "1234"
)

// TestNothingIsLost commits a policy at the console while the ledger of PINs has
// something to remember, and pulls the plug as soon as the box says that it has done
// so; then it commits another and restarts in good order; then it flashes the disk
// again. Each time configuration, secrets and ledger are there: a ledger that is lost
// costs the SIM another attempt at its PIN, and the third would block it.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	commits := []string{
		strings.Replace(keptConfig, "[dns, icmp]", "[dns, icmp, ntp]", 1),
		strings.Replace(keptConfig, "[dns, icmp]", "[dns]", 1),
	}
	d := newDisk(t, ordinarySize)
	d.install(bootstate.A, withFiles(t, map[string][]byte{
		"/etc/farspoke/farspoke.yaml": []byte(keptConfig),
		"/etc/farspoke/secrets.yaml":  []byte(keptSecrets),
		"/etc/one.yaml":               []byte(commits[0]),
		"/etc/two.yaml":               []byte(commits[1]),
	}))
	m := newModem(t)

	box := start(t, d.path, m.socket)
	box.comesToSay("show cellular", "has refused it")
	box.enter("firewall commit /etc/one.yaml", "The box has changed its firewall so")
	box.Stop()
	d.keeps(t, commits[0])

	box = start(t, d.path, m.socket)
	box.comesToSay("show cellular", "has refused it")
	box.enter("firewall check /etc/one.yaml", "The box would change nothing")
	box.enter("firewall commit /etc/two.yaml", "The box has changed its firewall so")
	box.enter("reboot", "The branch is cut off")
	box.enter("yes", "^farspoke: slot A")
	box.comesToSay("show cellular", "has refused it")
	box.enter("firewall check /etc/two.yaml", "The box would change nothing")
	box.Stop()
	d.keeps(t, commits[1])

	// Somebody flashes the box anew, with an image without a configuration.
	d.flash()
	box = start(t, d.path, m.socket)
	box.calledItself("kept")
	box.comesToSay("show cellular", "has refused it")
	box.Stop()
	d.keeps(t, commits[1])

	if left := m.attempts(); left != 2 {
		t.Errorf("the SIM has %d attempts left at its PIN, want 2: it was given the wrong one once", left)
	}
}

// keeps looks at the disk of a box that is off: the file system needs no more than
// its journal, and holds the configuration, the secrets and the ledger.
func (d disk) keeps(t *testing.T, config string) {
	t.Helper()
	system := d.take("data")
	checkFileSystem(t, system)
	for file, want := range map[string]string{
		"/config/farspoke.yaml": config, "/config/secrets.yaml": keptSecrets, "/records/pin.json": `"refused":true`,
	} {
		if got := debugfs(t, system, "cat "+file); !strings.Contains(got, want) {
			t.Errorf("the data partition has in %s\n%s\nwithout\n%s", file, got, want)
		}
	}
}

// modem is an emulated modem that keeps its power when the box loses its own, with a
// SIM that wants its PIN. It is in no network.
type modem struct {
	socket   string
	emulator *emulator.Emulator
}

func newModem(t *testing.T) *modem {
	t.Helper()
	world := virtual.Default()
	world.Slots[0].SIM.PIN = rightPIN
	world.Networks = nil
	ctx, stop := context.WithCancel(t.Context())
	e, err := emulator.New(ctx, usb.MBIM, world)
	if err != nil {
		t.Fatal(err)
	}
	function, err := e.USB()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "modem-*") // a socket needs a short path
	if err != nil {
		t.Fatal(err)
	}
	m := &modem{filepath.Join(dir, "usb"), e}
	listener, err := net.Listen("unix", m.socket)
	if err != nil {
		t.Fatal(err)
	}
	var tasks errgroup.Group
	tasks.Go(func() error { return function.Run(ctx) })
	tasks.Go(func() error { return usbredir.Serve(ctx, listener, function, 0) })
	t.Cleanup(func() {
		stop()
		if err := tasks.Wait(); err != nil {
			t.Errorf("the modem: %v", err)
		}
		os.RemoveAll(dir)
	})
	return m
}

// attempts returns how many wrong PINs the SIM still takes.
func (m *modem) attempts() (left int) {
	m.emulator.Modem.Do(func() { left = m.emulator.Modem.Card().PINAttempts })
	return left
}
