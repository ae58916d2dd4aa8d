// Command farspoke checks configurations on an engineer's laptop and shows the
// state of a box. `farspoke help` lists its commands.
package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/cli"
)

func main() {
	c := &cli.CLI{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Version: version(), Box: api.NewClient(api.Socket), Shell: os.Getenv("SHELL"),
	}
	os.Exit(c.Main(context.Background(), os.Args[1:]))
}

// version is what the Go tool has stamped on the binary.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(unknown version)"
	}
	return info.Main.Version
}
