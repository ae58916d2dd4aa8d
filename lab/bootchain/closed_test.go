//go:build disk

package bootchain

import (
	"strings"
	"testing"

	"github.com/farspoke/farspoke/internal/bootstate"
)

// TestClosedAgainstRoot starts an image whose shell is a program that tries as root
// what nobody can do on a box that is verified, and then crashes the kernel. The box
// says how far it is closed before, and what the crash was after it.
func TestClosedAgainstRoot(t *testing.T) {
	t.Parallel()
	d := newDisk(t, ordinarySize)
	d.install(bootstate.A, withFile(t, "/bin/sh", program(t, "root")))
	box := start(t, d.path)
	box.started(bootstate.A, bootstate.Good)
	box.comesToSay("show version", "^Started from slot")
	box.see("^Kernel locked down +confidentiality$", "^Modules +only signed ones$", "^Root file system +read-only$", "^Written and run from +nothing$")
	box.types("shell")
	box.see(`^root: tried to run from \["/data" "/dev" "/run" "/tmp"\]$`, "^root: done$")
	for _, l := range box.Console.Since(0) {
		for _, wrong := range []string{"root: gap", "root: could", "root: error", "Not closed"} {
			if strings.Contains(l.Text, wrong) {
				t.Error(l.Text)
			}
		}
	}
	box.started(bootstate.A, bootstate.Good)
	box.see("the previous run ended in a crash: Kernel panic - not syncing: sysrq triggered crash")
}

// types types a command on the console.
func (b *box) types(command string) {
	b.t.Helper()
	if _, err := b.Console.Write([]byte(command + "\r")); err != nil {
		b.t.Fatal(err)
	}
}
