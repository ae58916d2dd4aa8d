package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
)

// resetWarning is what a person reads before they confirm.
const resetWarning = `Everything on the disk that is the owner's is erased: the configuration and its
secrets, what was committed to the firewall, and what was learnt of SIMs. The
firmware in both slots stays, and so does which of them is good, and which PINs
the SIMs have refused. The box restarts as at its first start, with the
configuration that came with the image, if one did.
`

// factoryReset brings the box back to how it was when it was flashed.
func factoryReset(ctx context.Context, c *CLI, r request) error {
	status, err := c.Box.Status(ctx)
	if err != nil {
		return err
	}
	if status.Boot.Slot == "" {
		return errors.New("this box has not started from a disk: its configuration is part of the image, and there is nothing to erase")
	}
	if !r.option {
		fmt.Fprint(c.Stdout, resetWarning)
		switch yes, err := c.confirm("Erase it? [yes/no] "); {
		case err != nil:
			return err
		case !yes:
			fmt.Fprintln(c.Stdout, "Nothing is done.")
			return nil
		}
	}
	if err := c.Box.FactoryReset(ctx); err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout, "The reset is ordered. The box restarts, and erases what is on its disk before it\nreads any of it.")
	return nil
}

// confirm asks a person, who must be there.
func (c *CLI) confirm(question string) (yes bool, err error) {
	asked := c.lines
	if asked == nil {
		if tty, ok := c.Stdin.(*os.File); !ok || !term.IsTerminal(int(tty.Fd())) {
			return false, errors.New("there is nobody to ask: write --yes")
		}
		asked = plain{bufio.NewScanner(c.Stdin), c.Stdout}
	}
	answer, err := asked.read(question)
	return err == nil && strings.TrimSpace(answer) == "yes", nil
}
