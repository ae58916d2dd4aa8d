package pstore

import (
	"cmp"
	"slices"
	"strings"
)

var (
	// goSigns begin what the Go runtime says when a program dies.
	goSigns = []string{"panic: ", "fatal error: ", "SIGQUIT: ", "SIGABRT: "}
	// kernelSigns begin what the kernel says when it made a mistake.
	kernelSigns = []string{"Unable to handle kernel ", "kernel BUG at ", "Internal error: "}
	// sources stand before what a process of the box said.
	sources = []string{"[U] ", "router stderr: ", "init: "}
)

// kernelPanic begins the last thing a kernel says.
const kernelPanic = "Kernel panic - not syncing: "

// Headline returns the line that says what went wrong: of a Go program's last
// words, or of a kernel's log. It is empty if none does.
func Headline(text string) string {
	var program, kernel, end string
	for line := range strings.Lines(text) {
		m := message(line)
		switch {
		case begins(m, goSigns):
			program = m
		case begins(m, kernelSigns):
			kernel = cmp.Or(kernel, m) // what follows the first is its consequence
		case strings.HasPrefix(m, kernelPanic):
			end = m
		}
	}
	if end != "" && !strings.Contains(end, "Attempted to kill init") {
		return cmp.Or(kernel, end)
	}
	return cmp.Or(program, kernel, end)
}

// message strips what the kernel's log puts before a message, and who said it.
func message(line string) string {
	line = strings.TrimSpace(line)
	if strings.HasPrefix(line, "<") || strings.HasPrefix(line, "[ ") {
		if _, after, ok := strings.Cut(line, "] "); ok {
			line = after
		}
	}
	for _, source := range sources {
		if after, ok := strings.CutPrefix(line, source); ok {
			return after
		}
	}
	return line
}

func begins(s string, signs []string) bool {
	return slices.ContainsFunc(signs, func(sign string) bool { return strings.HasPrefix(s, sign) })
}
