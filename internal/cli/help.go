package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

func help(_ context.Context, c *CLI, _ request) error {
	if c.interactive {
		fmt.Fprint(c.Stdout, listing(offered(true)))
		fmt.Fprint(c.Stdout, "\nWords may be abbreviated; ? lists what may follow.\n")
		return nil
	}
	fmt.Fprint(c.Stdout, usage())
	return nil
}

func usage() string {
	return `Farspoke is a DMVPN spoke: a small box that brings a branch to its hub over
any network. This program checks its configuration and shows its state.

usage: farspoke COMMAND

` + listing(offered(false)) + `
Words may be abbreviated: farspoke sh st. The show commands, reboot and
factory-reset speak to the box they run on. Exit status: 0 success, 1 failure,
2 no such command.
`
}

func listing(all []command) string {
	return columns(func(w io.Writer) {
		for _, c := range all {
			fmt.Fprintf(w, "  %s\t%s\n", c.synopsis(), c.help)
		}
	})
}

// columns lines up what write prints in cells that end in tabs.
func columns(write func(w io.Writer)) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	write(w)
	w.Flush()
	return b.String()
}

// wrap breaks text into lines of 80 columns that begin with indent.
func wrap(text, indent string) string { return wrapAt(text, indent, 80) }

// wrapAt is wrap for another width.
func wrapAt(text, indent string, width int) string {
	var b strings.Builder
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(indent)+utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			b.WriteString(indent + line + "\n")
			line = ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	b.WriteString(indent + line + "\n")
	return b.String()
}

// question returns what may come next after the part of a line before a
// question mark: the words that complete the last one, or those that follow it.
func question(line string) string {
	typed := strings.Fields(line)
	begun := ""
	if len(typed) > 0 && !strings.HasSuffix(line, " ") {
		begun = typed[len(typed)-1]
		typed = typed[:len(typed)-1]
	}
	candidates := offered(true)
	for i, word := range typed {
		next := abbreviated(candidates, i, word)
		if len(next) != 1 {
			if complete(candidates, i) {
				return ""
			}
			return fmt.Sprintf("%% %q is not the beginning of one command\n", strings.Join(typed[:i+1], " "))
		}
		candidates = slices.DeleteFunc(candidates, func(c command) bool { return len(c.words) <= i || c.words[i] != next[0] })
	}
	return columns(func(w io.Writer) {
		n := len(typed)
		if complete(candidates, n) {
			c := candidates[0]
			fmt.Fprintf(w, "  %s\t%s\n", strings.Join(append(slices.Clone(c.args), "<enter>")[:1], " "), c.help)
			return
		}
		for _, word := range following(candidates, n, begun) {
			fmt.Fprintf(w, "  %s\t%s\n", word, explain(candidates, n, word))
		}
	})
}

// explain returns the help of word at position i: that of the command it ends,
// or the words that may come after it.
func explain(candidates []command, i int, word string) string {
	of := slices.DeleteFunc(slices.Clone(candidates), func(c command) bool { return len(c.words) <= i || c.words[i] != word })
	if complete(of, i+1) {
		return of[0].help
	}
	return enumerate(following(of, i+1, ""), "or")
}
