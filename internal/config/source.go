package config

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// source is the text of one file, kept to quote from it.
type source struct {
	name  string
	lines []string
	// cut holds, by line, the column from which a line holds a secret and is
	// not quoted.
	cut map[int]int
	// hidden forbids all quoting: the file holds secrets, or a secret whose
	// extent on the page is not certain.
	hidden bool
}

func newSource(name string, data []byte) *source {
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	return &source{name: name, lines: strings.Split(text, "\n"), cut: map[int]int{}}
}

// line returns line n, counted from 1, empty beyond the end.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// hide keeps n out of every quotation. It must be called before the first
// quotation is rendered. Where it is not certain that n ends on the line it
// begins on, nothing is quoted any more.
func (s *source) hide(n *yaml.Node) {
	if !s.within(n, n.Line) {
		s.hidden = true
	}
	if at, ok := s.cut[n.Line]; !ok || n.Column < at {
		s.cut[n.Line] = n.Column
	}
}

// within reports whether n and all its parts are spelt out on the given line.
func (s *source) within(n *yaml.Node, line int) bool {
	if n.Line != line || n.Kind == yaml.ScalarNode && !strings.Contains(s.line(line), n.Value) {
		return false
	}
	for _, part := range n.Content {
		if !s.within(part, line) {
			return false
		}
	}
	return true
}

// maxQuote is the length in columns to which a quoted line is cut.
const maxQuote = 100

// quote returns line n fit for a terminal: without what is hidden, without
// control characters, each tab one blank so that columns stay columns.
func (s *source) quote(n int) string {
	if s.hidden {
		return ""
	}
	runes := []rune(s.line(n))
	if at, ok := s.cut[n]; ok && at-1 <= len(runes) {
		runes = append(runes[:at-1:at-1], []rune("(not shown)")...)
	}
	if len(runes) > maxQuote {
		runes = append(runes[:maxQuote:maxQuote], '…')
	}
	return printable(string(runes))
}

// printable replaces what a terminal would obey rather than show.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '·'
		}
		return r
	}, text)
}

// badText finds the first character that does not belong into a text file:
// bytes that are not UTF-8, control characters, and the exotic line ends on
// which editors and YAML disagree about the number of the line.
func badText(data []byte) (offset int, found bool) {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case r == utf8.RuneError && size == 1,
			r == '\r' && !bytes.HasPrefix(data[i:], []byte("\r\n")),
			unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r',
			r == '\u2028', r == '\u2029', r == '\uFEFF':
			return i, true
		}
		i += size
	}
	return 0, false
}

// position turns an offset into a line and a column, both counted from 1, the
// column in characters.
func position(data []byte, offset int) (line, column int) {
	before := data[:offset]
	line = 1 + bytes.Count(before, []byte("\n"))
	column = 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return line, column
}
