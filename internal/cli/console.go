package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/farspoke/farspoke/internal/api"
)

// bannerTimeout bounds the wait for a router process that is just starting.
const bannerTimeout = 3 * time.Second

// lines is where the console's lines come from.
type lines interface {
	// read shows the prompt and returns the next line, or io.EOF.
	read(prompt string) (string, error)
}

// startConsole runs commands line by line until exit or the end of the input.
func startConsole(ctx context.Context, c *CLI, _ request) error {
	// Ctrl-C is for the command that runs, such as the shell. It is caught and
	// not ignored, because a child would inherit that.
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt)
	defer signal.Stop(interrupt)

	c.interactive = true
	c.lines = plain{bufio.NewScanner(c.Stdin), c.Stdout}
	if tty, ok := c.Stdin.(*os.File); ok && term.IsTerminal(int(tty.Fd())) {
		c.lines = newEditor(tty)
	}
	c.banner(ctx)
	for !c.done {
		line, err := c.lines.read(prompt())
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(c.Stdout)
			return nil
		case err != nil:
			return fmt.Errorf("read line: %w", err)
		}
		if begun, asked := strings.CutSuffix(line, "?"); asked {
			fmt.Fprint(c.Stdout, question(begun))
			continue
		}
		if words, options := split(strings.Fields(line)); len(words) > 0 {
			c.run(ctx, words, options)
		}
	}
	return nil
}

// plain reads from a pipe or a file.
type plain struct {
	scanner *bufio.Scanner
	out     io.Writer
}

func (p plain) read(prompt string) (string, error) {
	fmt.Fprint(p.out, prompt)
	if !p.scanner.Scan() {
		return "", cmp.Or(p.scanner.Err(), io.EOF)
	}
	return p.scanner.Text(), nil
}

func prompt() string {
	name, err := os.Hostname()
	if err != nil || name == "" || name == "(none)" {
		name = "farspoke"
	}
	return name + ">"
}

// banner greets, and says at once when the box does not run what it was given.
func (c *CLI) banner(ctx context.Context) {
	fmt.Fprintf(c.Stdout, "\nFarspoke %s. Type ? for help.\n\n", c.Version)
	status, err := c.firstStatus(ctx)
	switch {
	case err != nil:
		fmt.Fprintf(c.Stdout, "%% The router process does not answer yet (%v).\n\n", err)
	case status.Config.Problem != "":
		fmt.Fprint(c.Stdout, broken(status.Config))
	}
}

// firstStatus waits for a router process that is just starting.
func (c *CLI) firstStatus(ctx context.Context) (status api.Status, err error) {
	ctx, cancel := context.WithTimeout(ctx, bannerTimeout)
	defer cancel()
	again := time.NewTicker(bannerTimeout / 20)
	defer again.Stop()
	for {
		if status, err = c.Box.Status(ctx); err == nil {
			return status, nil
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return status, err
		}
	}
}

func exit(_ context.Context, c *CLI, _ request) error {
	c.done = true
	return nil
}

// shell hands the terminal to the toolbox shell and waits for its end.
func shell(ctx context.Context, c *CLI, _ request) error {
	if _, err := os.Stat(c.Shell); c.Shell == "" || err != nil {
		return errors.New("this image has no toolbox, and so no shell")
	}
	sh := exec.CommandContext(ctx, c.Shell)
	sh.Stdin, sh.Stdout, sh.Stderr = c.Stdin, c.Stdout, c.Stderr
	if err := sh.Run(); err != nil {
		if exited, ok := errors.AsType[*exec.ExitError](err); ok && exited.Exited() {
			return nil // the status of its last command is of no interest
		}
		return fmt.Errorf("run shell: %w", err)
	}
	return nil
}
