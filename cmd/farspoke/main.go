// Farspoke checks configurations on an engineer's laptop and shows the state
// of a box. `farspoke help` lists its commands.
package main

import (
	"context"
	"os"

	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/cli"
)

func main() {
	c := &cli.CLI{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Box: api.NewClient(api.Socket), Shell: os.Getenv("SHELL"),
	}
	os.Exit(c.Main(context.Background(), os.Args[1:]))
}
