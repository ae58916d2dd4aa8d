//go:build netns

package emulator

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
)

// onTerminal starts a modem at the pseudo terminal whose path it returns.
func onTerminal(t *testing.T, profile usb.Profile) (path string, c *Client) {
	t.Helper()
	e, c := controlled(t, profile, quick())
	path = filepath.Join(t.TempDir(), "modem")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.PTY(ctx, path) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-done)
	})
	await(t, c, home)
	awaitFile(t, path, true)
	return path, c
}

func awaitFile(t *testing.T, path string, there bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if _, err := os.Lstat(path); (err == nil) == there {
			return
		}
	}
	t.Fatalf("%s: not %v", path, there)
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// TestTerminalTakesPrograms has mbimcli and qmicli open the terminal themselves, and
// again after the modem has been away.
func TestTerminalTakesPrograms(t *testing.T) {
	for _, test := range []struct {
		profile usb.Profile
		command []string
		want    string
	}{
		{usb.MBIM, []string{"mbimcli", "--query-device-caps"}, "356938035643809"},
		{usb.QMI, []string{"qmicli", "--device-open-qmi", "--dms-get-ids"}, "356938035643809"},
	} {
		t.Run(test.command[0], func(t *testing.T) {
			path, c := onTerminal(t, test.profile)
			for range 2 {
				if out := output(t, test.command[0], append(test.command[1:], "-d", path)...); !strings.Contains(out, test.want) {
					t.Errorf("%v: %s", test.command, out)
				}
				must(t, c.Power(false))
				awaitFile(t, path, false)
				must(t, c.Power(true))
				await(t, c, home)
				awaitFile(t, path, true)
			}
		})
	}
}

func TestTerminalTakesCommands(t *testing.T) {
	path, _ := onTerminal(t, usb.ECM)
	port, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	defer port.Close()
	_, err = port.WriteString("ATE0\rAT+CGSN\r")
	must(t, err)
	var got strings.Builder
	for buffer := make([]byte, 256); !strings.Contains(got.String(), "356938035643809"); {
		n, err := port.Read(buffer)
		must(t, err)
		got.Write(buffer[:n])
	}
}
