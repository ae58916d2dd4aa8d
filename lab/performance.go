package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// The bench owns what is between these lines of docs/performance.md: one block
// per figure, or table of figures, so that measuring one leaves the others as
// they are.
const (
	blockBegin = "<!-- bench:%s -->"
	blockEnd   = "<!-- /bench:%s -->"
)

// record writes the figures into docs/performance.md with date, versions and
// method.
func record(figures []Figure, images images) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	file := filepath.Join(root, "docs", "performance.md")
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("record the figures: %w", err)
	}
	text := string(data)
	for len(figures) > 0 {
		name, n := figures[0].table(), 1
		for n < len(figures) && figures[n].table() == name {
			n++
		}
		text = replaceBlock(text, name, block(figures[:n], images))
		figures = figures[n:]
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("record the figures: %w", err)
	}
	return nil
}

// block describes the figures of one table, which share a method.
func block(figures []Figure, images images) string {
	versions := images.Peer.Versions
	lines := []string{
		"| figure | ours | peer | ratio | target | |",
		"|---|---|---|---|---|---|",
	}
	for _, figure := range figures {
		lines = append(lines, figure.row())
	}
	return strings.Join(append(lines,
		"",
		figures[0].Method,
		"",
		fmt.Sprintf("%s; farspoke %s; beside strongSwan %s, FRR %s or what the text names; all on Linux %s; %d processors of the host, QEMU without KVM.",
			time.Now().UTC().Format(time.DateOnly), images.Release.Version,
			versions["charon-systemd"], versions["frr"], versions["linux"], runtime.NumCPU()),
	), "\n")
}

// replaceBlock puts content between a figure's marks, and adds the marks at the
// end of a text that has none.
func replaceBlock(text, id, content string) string {
	begin, end := fmt.Sprintf(blockBegin, id), fmt.Sprintf(blockEnd, id)
	marked := begin + "\n" + content + "\n" + end
	pattern := regexp.MustCompile(`(?s)` + regexp.QuoteMeta(begin) + `.*?` + regexp.QuoteMeta(end))
	if pattern.MatchString(text) {
		return pattern.ReplaceAllLiteralString(text, marked)
	}
	return strings.TrimRight(text, "\n") + "\n\n## " + id + "\n\n" + marked + "\n"
}
