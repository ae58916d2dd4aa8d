// Package cli is what a person types at Farspoke: the commands of the laptop's
// farspoke binary and of the box's console, which are the same. The box's state
// comes from the router process over its control socket; configuration files
// are read here.
//
// Words may be abbreviated as long as they are unambiguous, `sh dm` for `show
// dmvpn`, and a question mark lists what may follow, as people who come from
// IOS expect. Exit statuses are 0 for success, 1 for a failure, among them a
// configuration with errors, and 2 for a command that does not exist.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/farspoke/farspoke/internal/api"
)

const (
	exitOK      = 0
	exitFailed  = 1
	exitUnknown = 2
)

// CLI runs commands.
type CLI struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	// Version is that of the program.
	Version string
	// Box is the router process to ask.
	Box *api.Client
	// Shell is the path of the toolbox shell, empty or absent on a box built
	// without the toolbox.
	Shell string

	// interactive says that a command comes from the console, lines is where it
	// reads, and done ends it.
	interactive, done bool
	lines             lines
}

// Main runs the command that args spell and returns the exit status.
func (c *CLI) Main(ctx context.Context, args []string) int {
	words, args := split(args)
	if len(words) == 0 {
		fmt.Fprint(c.Stderr, usage())
		return exitUnknown
	}
	return c.run(ctx, words, args)
}

// split parts the words of a command from its options, which may stand
// anywhere, and turns -h and --help into the word help.
func split(all []string) (words, options []string) {
	for _, arg := range all {
		switch {
		case arg == "-h" || arg == "--help" || arg == "-help":
			words = append([]string{"help"}, words...)
		case strings.HasPrefix(arg, "--"):
			options = append(options, arg)
		default:
			words = append(words, arg)
		}
	}
	return words, options
}

func (c *CLI) run(ctx context.Context, words, options []string) int {
	cmd, args, err := resolve(words, c.interactive)
	if err != nil {
		fmt.Fprintf(c.Stderr, "%% %v\n", err)
		return exitUnknown
	}
	for _, option := range options {
		if option != cmd.option {
			fmt.Fprintf(c.Stderr, "%% %s knows no option %s\n", cmd.name(), option)
			return exitUnknown
		}
	}
	if len(args) != cmd.arguments() {
		fmt.Fprintf(c.Stderr, "%% write: %s\n", cmd.synopsis())
		return exitUnknown
	}
	if err := cmd.run(ctx, c, request{args: args, option: len(options) > 0}); err != nil {
		if !errors.Is(err, errSilent) {
			fmt.Fprintf(c.Stderr, "%% %v\n", err)
		}
		return exitFailed
	}
	return exitOK
}

// errSilent is a failure that has been told already.
var errSilent = errors.New("failed")
