package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/farspoke/farspoke/firewall"
)

func firewallCheck(ctx context.Context, c *CLI, r request) error {
	return c.sendFirewall(ctx, r.args[0], c.Box.CheckFirewall, "The box would change its firewall so:", "The box would change nothing.")
}

func firewallCommit(ctx context.Context, c *CLI, r request) error {
	return c.sendFirewall(ctx, r.args[0], c.Box.CommitFirewall, "The box has changed its firewall so:", "The box had nothing to change.")
}

// sendFirewall sends a configuration to the box and tells what it changes.
func (c *CLI) sendFirewall(ctx context.Context, file string, send func(context.Context, string, []byte) (firewall.Change, error), changed, unchanged string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	change, err := send(ctx, file, text)
	if err != nil {
		return err
	}
	for _, w := range change.Warnings {
		fmt.Fprintf(c.Stdout, "warning: %s\n", w)
	}
	if change.Diff == "" {
		_, err = fmt.Fprintln(c.Stdout, unchanged)
		return err
	}
	_, err = fmt.Fprintf(c.Stdout, "%s\n\n%s", changed, change.Diff)
	return err
}

func firewallAdd(ctx context.Context, c *CLI, r request) error {
	return c.Box.AddAddress(ctx, r.args[0], r.args[1])
}

func firewallRemove(ctx context.Context, c *CLI, r request) error {
	return c.Box.RemoveAddress(ctx, r.args[0], r.args[1])
}

func firewallList(ctx context.Context, c *CLI, r request) error {
	all, err := c.Box.Addresses(ctx, r.args[0])
	if err != nil {
		return err
	}
	for _, a := range all {
		if _, err := fmt.Fprintln(c.Stdout, a); err != nil {
			return err
		}
	}
	return nil
}

func showFirewall(ctx context.Context, c *CLI, r request) error {
	status, err := c.Box.Status(ctx)
	if err != nil {
		return err
	}
	if r.option {
		return c.printJSON(status.Firewall)
	}
	_, err = io.WriteString(c.Stdout, firewallText(status.Firewall))
	return err
}

func showFirewallLog(ctx context.Context, c *CLI, r request) error {
	lines, err := c.Box.FirewallLog(ctx)
	switch {
	case err != nil:
		return err
	case r.option:
		return c.printJSON(lines)
	case len(lines) == 0:
		_, err = io.WriteString(c.Stdout, "The firewall has logged nothing.\n")
		return err
	}
	for _, l := range lines {
		if l.Lost > 0 {
			fmt.Fprintf(c.Stdout, "%d lines were lost here\n", l.Lost)
		}
		if _, err := fmt.Fprintf(c.Stdout, "%s %s\n", l.Time.Format(time.DateTime), l); err != nil {
			return err
		}
	}
	return nil
}

// firewallText shows what each class of each pair of zones has decided, as IOS's
// `show policy-map type inspect zone-pair` does.
func firewallText(s firewall.Status) string {
	if !s.Active {
		return "No policy is in the kernel: the box is closed.\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Policy %s", s.Fingerprint)
	if !s.Applied.IsZero() {
		fmt.Fprintf(&b, ", since %s", s.Applied.Format(time.DateTime))
	}
	b.WriteString("\n")
	if s.Error != "" {
		b.WriteString(wrap("The counters cannot be read: "+s.Error, "  "))
	}
	var others []firewall.ClassStatus
	title := ""
	for _, class := range s.Classes {
		if class.From == "" {
			others = append(others, class)
			continue
		}
		if now := "From " + class.From + " to " + class.To; now != title {
			title = now
			fmt.Fprintf(&b, "\n%-44s %12s %14s\n", title, "packets", "octets")
		}
		b.WriteString(classLine(class))
	}
	if len(others) > 0 {
		fmt.Fprintf(&b, "\n%-44s %12s %14s\n", "Whatever the policy", "packets", "octets")
		for _, class := range others {
			b.WriteString(classLine(class))
		}
	}
	return b.String()
}

// classLine breaks a class that is too long for its column.
func classLine(c firewall.ClassStatus) string {
	lines := strings.SplitAfter(strings.TrimRight(wrapAt(c.Class, "  ", 44), "\n"), "\n")
	last := len(lines) - 1
	return strings.Join(lines[:last], "") + fmt.Sprintf("%-44s %12d %14d\n", lines[last], c.Packets, c.Bytes)
}
