package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxSize bounds a file in octets. A large branch needs a tenth of it.
const maxSize = 128 << 10

// parseYAML returns the one mapping that data holds and its text for
// quotations. It says nothing about the meaning.
func parseYAML(name string, data []byte) (*yaml.Node, *source, error) {
	if len(data) > maxSize {
		return nil, nil, whole(name, fmt.Sprintf("the file is larger than %d KiB", maxSize>>10),
			"this is hardly a Farspoke configuration")
	}
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	src := newSource(name, data)
	at := func(line, column int, problem, fix string) error {
		return &Errors{List: []*Error{{File: name, Line: line, Column: column, Problem: problem, Fix: fix, quote: src}}}
	}
	if offset, found := badText(data); found {
		line, column := position(data, offset)
		return nil, src, at(line, column, "a character here does not belong into a text file",
			"save the file as plain UTF-8 text and remove the character")
	}
	root, second, err := documents(data)
	switch {
	case err != nil:
		line, column, problem, fix := explain(data, src, err)
		return nil, src, at(line, column, problem, fix)
	case root == nil:
		return nil, src, whole(name, "the file is empty", "start with `hostname: branch-17`; docs/configuration.md has a whole example")
	case second != nil:
		line, column := src.place(second)
		return nil, src, at(line, column, "a second document begins here",
			"keep one configuration per file and remove the line `---` or `...` above")
	case root.Kind != yaml.MappingNode:
		return nil, src, at(root.Line, root.Column, "the file holds no keys",
			"write `key: value` lines, the first of them `hostname: branch-17`")
	}
	return root, src, nil
}

// documents returns the content of the first two YAML documents in data.
func documents(data []byte) (first, second *yaml.Node, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for _, content := range []**yaml.Node{&first, &second} {
		var doc yaml.Node
		err := dec.Decode(&doc)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if len(doc.Content) > 0 {
			*content = doc.Content[0]
		}
	}
	if first != nil && first.Kind == yaml.ScalarNode && first.Tag == "!!null" && second == nil {
		first = nil
	}
	return first, second, nil
}

// syntaxHelp says in plain words what the YAML library means, by a part of its
// message.
var syntaxHelp = []struct{ message, problem, fix string }{
	{"mapping values are not allowed", "a colon where no key can be",
		"put quotes around a value that contains `: `, and indent the keys of one section alike"},
	{"did not find expected ',' or '}'", "a `{` without its `}`, or a comma missing within",
		"write {key: value, key: value}"},
	{"did not find expected ',' or ']'", "a `[` without its `]`, or a comma missing within",
		"write [first, second]"},
	{"did not find expected key", "this line is indented unlike its neighbours",
		"start the keys of one section in the same column"},
	{"did not find expected '-' indicator", "a list and keys are mixed in one section",
		"write either `- item` lines or `key: value` lines"},
	{"could not find expected ':'", "a key without a colon", "write `key: value`"},
	{"unexpected end of stream", "a quote that is never closed", "close the quote on the same line"},
	{"unknown escape character", "an escape that YAML does not know", "use single quotes around text with a backslash"},
	{"cannot start any token", "a value cannot begin with this character", "put quotes around the value"},
	{"did not find expected node content", "a value is missing, or a bracket or comma is too many",
		"write the value or remove the sign"},
	{"expected alphabetic or numeric character", "a value cannot begin with `*` or `&`", "put quotes around the value"},
	{"unknown anchor", "a value cannot begin with `*`", "put quotes around the value"},
	{"block sequence entries are not allowed", "a list cannot begin here", "start the list on the line below its key, indented"},
	{"incompatible YAML document", "a YAML version that this reader does not know", "remove the %YAML line"},
}

// explain finds the place of a syntax error and words for it. The library's
// own line numbers point at the start of the enclosing section or one line
// off, so the place is the line after the longest part of the file that is
// sound.
func explain(data []byte, src *source, err error) (line, column int, problem, fix string) {
	line = soundLines(data) + 1
	text := src.line(line)
	column = 1 + utf8.RuneCountInString(text) - utf8.RuneCountInString(strings.TrimLeft(text, " \t"))
	indent := text[:len(text)-len(strings.TrimLeft(text, " \t"))]
	if tab := strings.IndexByte(indent, '\t'); tab >= 0 {
		return line, tab + 1, "a tab in the indentation", "indent with blanks, two per level"
	}
	message := err.Error()
	for _, help := range syntaxHelp {
		if strings.Contains(message, help.message) {
			return line, column, help.problem, help.fix
		}
	}
	return line, column, "this is not YAML: " + strings.TrimPrefix(message, "yaml: "), "compare the line with docs/configuration.md"
}

// soundLines returns the number of lines at the start of data that parse by
// themselves, followed by one with which they do not. A list or a quote that
// spans lines is unsound in its middle, so from the first unsound place it
// looks a screenful ahead for a sound one.
func soundLines(data []byte) int {
	ends := []int{0}
	for i, c := range data {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	sound := func(lines int) bool {
		_, _, err := documents(data[:ends[lines]])
		return err == nil
	}
	const (
		screenful = 30
		attempts  = 4
	)
	low := 0
	for range attempts {
		high := len(ends) // stands for all of data, which is unsound
		for low+1 < high {
			if middle := (low + high) / 2; sound(middle) {
				low = middle
			} else {
				high = middle
			}
		}
		ahead := min(low+screenful, len(ends)-1)
		for ahead > low && !sound(ahead) {
			ahead--
		}
		if ahead == low {
			break
		}
		low = ahead
	}
	return low
}
