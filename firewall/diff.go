package firewall

import (
	"slices"
	"strings"
)

// Diff tells in the policy's own words what changes from one configuration to
// another: for each part that does, its title, then the lines that go with a
// minus and those that come with a plus before them. It is empty if nothing
// changes.
func Diff(old Config, oldMembers Topology, next Config, nextMembers Topology) string {
	before, after := old.words(&oldMembers), next.words(&nextMembers)
	var b strings.Builder
	for _, title := range titles(before, after) {
		lines := changes(linesOf(before, title), linesOf(after, title))
		if len(lines) > 0 {
			b.WriteString(title + "\n  " + strings.Join(lines, "\n  ") + "\n")
		}
	}
	return b.String()
}

// titles returns those of both, in the order of the second where it has them.
func titles(before, after []section) []string {
	var all []string
	for _, s := range slices.Concat(after, before) {
		if !slices.Contains(all, s.title) {
			all = append(all, s.title)
		}
	}
	return all
}

func linesOf(sections []section, title string) []string {
	for _, s := range sections {
		if s.title == title {
			return s.lines
		}
	}
	return nil
}

// maxCompared bounds the lines that are compared each with each. Beyond it all
// that differ are told as gone and come.
const maxCompared = 2000

// changes returns the lines of a that are not in b and the other way round,
// where the order counts, too: by a longest common subsequence.
func changes(a, b []string) []string {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) > maxCompared || len(b) > maxCompared {
		return slices.Concat(marked("- ", a), marked("+ ", b))
	}
	// longest[i][j] is how many lines a[i:] and b[j:] have in common.
	longest := make([][]int, len(a)+1)
	for i := range longest {
		longest[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				longest[i][j] = longest[i+1][j+1] + 1
			} else {
				longest[i][j] = max(longest[i+1][j], longest[i][j+1])
			}
		}
	}
	var lines []string
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			i, j = i+1, j+1
		case longest[i+1][j] >= longest[i][j+1]:
			lines = append(lines, "- "+a[i])
			i++
		default:
			lines = append(lines, "+ "+b[j])
			j++
		}
	}
	return slices.Concat(lines, marked("- ", a[i:]), marked("+ ", b[j:]))
}

func marked(mark string, lines []string) []string {
	all := make([]string, len(lines))
	for i, line := range lines {
		all[i] = mark + line
	}
	return all
}
