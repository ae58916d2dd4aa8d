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
	// masked holds, by line, the columns from and up to which a line may hold
	// a secret and is shown as asterisks.
	masked map[int][][2]int
	// hidden forbids all quoting: the file holds secrets, or a secret whose
	// extent on the page is not certain.
	hidden bool
}

func newSource(name string, data []byte) *source {
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	return &source{name: name, lines: strings.Split(text, "\n"), masked: map[int][][2]int{}}
}

// line returns line n, counted from 1, empty beyond the end.
func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// place returns where n stands. A value that is absent at the end of the file
// stands beyond it to YAML, and here at its last line.
func (s *source) place(n *yaml.Node) (line, column int) {
	if n.Line > len(s.lines) {
		return len(s.lines), 1
	}
	return n.Line, n.Column
}

// hide keeps n and all its parts out of every quotation. It must be called
// before the first quotation is rendered. Where it is not certain how a text is
// spelt on the page, nothing is quoted any more.
func (s *source) hide(n *yaml.Node) {
	for _, part := range n.Content {
		s.hide(part)
	}
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		return
	}
	runes := []rune(s.line(n.Line))
	at := min(n.Column-1, len(runes))
	for _, spelt := range []string{n.Value, `"` + n.Value + `"`, "'" + n.Value + "'"} {
		if strings.HasPrefix(string(runes[at:]), spelt) && n.Style&yaml.TaggedStyle == 0 && n.Anchor == "" {
			s.masked[n.Line] = append(s.masked[n.Line], [2]int{at, at + utf8.RuneCountInString(spelt)})
			return
		}
	}
	s.hidden = true
}

// maxQuote is how much of a line is quoted, in columns.
const maxQuote = 96

// quote returns line n fit for a terminal: without what is hidden, without
// control characters, each tab one blank so that columns stay columns. Of a
// long line it returns the part around column, which it returns as an index
// into the text, in characters.
func (s *source) quote(n, column int) (text string, at int) {
	if s.hidden {
		return "", 0
	}
	runes := []rune(printable(s.line(n)))
	for _, m := range s.masked[n] {
		for i := m[0]; i < m[1]; i++ {
			runes[i] = '*'
		}
	}
	at = min(column-1, len(runes))
	if start := at - maxQuote*2/3; start > 0 && len(runes) > maxQuote {
		runes, at = append([]rune{'…'}, runes[start:]...), at-start+1
	}
	if len(runes) > maxQuote {
		runes = append(runes[:maxQuote:maxQuote], '…')
	}
	return string(runes), at
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
