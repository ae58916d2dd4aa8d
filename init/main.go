// Command init is everything that runs on the box. The kernel starts it as PID
// 1, which starts it again as the router process and as the session on the
// console; whoever calls it by another name gets the command line. Glue only:
// what the roles do is in packages that can be tested.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/api"
	"github.com/farspoke/farspoke/internal/bootlog"
	"github.com/farspoke/farspoke/internal/cli"
	"github.com/farspoke/farspoke/internal/parts"
	"github.com/farspoke/farspoke/internal/pid1"
	"github.com/farspoke/farspoke/internal/privileged"
)

// version is the firmware's, set by the image builder.
var version = "unknown"

func main() {
	switch role := filepath.Base(os.Args[0]); {
	case os.Getpid() == 1:
		pid1.Run(version, parts.LateModules(), parts.Modules()...)
	case role == "router":
		os.Exit(runRouter())
	case role == "console":
		os.Exit(commandLine([]string{"console"}))
	default:
		os.Exit(commandLine(os.Args[1:]))
	}
}

// runRouter is the router process. It ends on SIGTERM, which PID 1 sends when
// the box goes down. A panic goes to standard error, which PID 1 keeps.
func runRouter() int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM)
	defer stop()
	log := bootlog.Open("router")
	pid1, err := privileged.Inherit()
	if err == nil {
		err = router(ctx, log.Logger, pid1)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fatal error:", err)
		return 1
	}
	return 0
}

func commandLine(args []string) int {
	c := &cli.CLI{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Version: version, Box: api.NewClient(api.Socket), Shell: os.Getenv("SHELL"),
	}
	return c.Main(context.Background(), args)
}
