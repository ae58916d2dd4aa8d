package at

import "strings"

// splitter cuts what a modem sends into lines. A line is dropped if it is too
// long; control characters and what is no UTF-8 never get into one.
type splitter struct {
	line    []byte
	tooLong bool
}

// add takes octets and calls line for each line that is complete and not empty, and
// prompt for a prompt, which nothing ends.
func (s *splitter) add(octets []byte, line func(string), prompt func()) {
	for _, c := range octets {
		switch {
		case c == '\r' || c == '\n':
			if text := strings.TrimSpace(strings.ToValidUTF8(string(s.line), "\uFFFD")); text != "" && !s.tooLong {
				line(text)
			}
			s.line, s.tooLong = s.line[:0], false
		case c < ' ' && c != '\t' || c == 0x7f:
			// dropped
		case len(s.line) == maxLine:
			s.tooLong = true
		default:
			s.line = append(s.line, c)
		}
	}
	if text := string(s.line); text == ">" || text == "> " {
		s.line = s.line[:0]
		prompt()
	}
}
