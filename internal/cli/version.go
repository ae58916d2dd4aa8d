package cli

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/lockdown"
)

// version is of the program that somebody types at.
func version(_ context.Context, c *CLI, _ request) error {
	_, err := fmt.Fprintf(c.Stdout, "farspoke %s %s/%s %s\n", c.Version, runtime.GOOS, runtime.GOARCH, runtime.Version())
	return err
}

// running is what runs on the box, and how far it is verified and closed.
type running struct {
	Version  string           `json:"version"`
	Trust    string           `json:"trust"`
	Boot     bootstate.Report `json:"boot,omitzero"`
	Lockdown lockdown.State   `json:"lockdown"`
}

func showVersion(ctx context.Context, c *CLI, r request) error {
	status, err := c.Box.Status(ctx)
	if err != nil {
		return err
	}
	if r.option {
		return c.printJSON(running{status.Version, status.Boot.Trust(), status.Boot, status.Lockdown})
	}
	_, err = io.WriteString(c.Stdout, versionText(status))
	return err
}

func versionText(s api.Status) string {
	text := fmt.Sprintf("Farspoke %s, %s\n", s.Version, s.Boot.Trust())
	if s.Boot.Slot == "" {
		text += "Started by something else than our boot loader, which alone verifies anything\n"
	} else {
		text += "Started from " + origin(s.Boot) + "\n"
	}
	return text + "\n" + closedText(s.Lockdown)
}

// closedText is how far the box is closed.
func closedText(s lockdown.State) string {
	kernel := string(s.Kernel)
	switch s.Kernel {
	case lockdown.Off:
		kernel = "no: root can change it"
	case lockdown.Unknown:
		kernel = "it does not say"
	}
	modules, root, open := "signed or not", "can be written", "nothing"
	if s.SignedModules {
		modules = "only signed ones"
	}
	if s.ReadOnlyRoot {
		root = "read-only"
	}
	if len(s.Open) > 0 {
		open = strings.Join(s.Open, ", ")
	}
	return columns(func(w io.Writer) {
		fmt.Fprintf(w, "Kernel locked down\t%s\n", kernel)
		fmt.Fprintf(w, "Modules\t%s\n", modules)
		fmt.Fprintf(w, "Root file system\t%s\n", root)
		fmt.Fprintf(w, "Written and run from\t%s\n", open)
	})
}

// origin is where the box has started from.
func origin(r bootstate.Report) string {
	text := fmt.Sprintf("slot %s, which is %s", r.Slot, r.Standing)
	switch r.Standing {
	case bootstate.Rescue:
		text = fmt.Sprintf("slot %s to the rescue", r.Slot)
	case bootstate.Unknown:
		text = fmt.Sprintf("slot %s", r.Slot)
	}
	if r.Note != "" {
		text += ": " + r.Note
	}
	return text
}
