package cli

import (
	"context"
	"fmt"
	"strings"
)

func showConfig(ctx context.Context, c *CLI, _ request) error {
	text, err := c.Box.Config(ctx)
	if err != nil {
		return err
	}
	_, err = c.Stdout.Write(text)
	return err
}

// reboot asks first at the console, where `re` and the enter key would do.
func reboot(ctx context.Context, c *CLI, _ request) error {
	if c.interactive {
		fmt.Fprintln(c.Stdout, "The branch is cut off until the box is up again.")
		answer, err := c.lines.read("Reboot? [yes/no] ")
		if err != nil || strings.TrimSpace(answer) != "yes" {
			fmt.Fprintln(c.Stdout, "Nothing is done.")
			return nil
		}
	}
	if err := c.Box.Reboot(ctx); err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout, "The box says good-bye to its peers and restarts.")
	return nil
}
