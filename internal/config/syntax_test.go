package config

import (
	"errors"
	"strings"
	"testing"
)

func TestSyntaxErrors(t *testing.T) {
	sound := strings.Repeat("a:\n  - [x,\n     y]\n  - 'z\n    z'\n", 30)
	for _, tt := range []struct{ name, text, want string }{
		{"empty", "", "f: the file is empty; start with `hostname: branch-17`; docs/configuration.md has a whole example"},
		{"comment alone", "# nothing\n", "f: the file is empty; start with `hostname: branch-17`; docs/configuration.md has a whole example"},
		{"a word", "router\n", "f:1:1: the file holds no keys; write `key: value` lines, the first of them `hostname: branch-17`"},
		{"a list", "- a\n", "f:1:1: the file holds no keys; write `key: value` lines, the first of them `hostname: branch-17`"},
		{"too large", strings.Repeat("#\n", maxSize/2+1), "f: the file is larger than 128 KiB; this is hardly a Farspoke configuration"},
		{"second document", "a: 1\n---\nb: 2\n", "f:3:1: a second document begins here; keep one configuration per file and remove the line `---` or `...` above"},
		{"tab", "a:\n  x: 1\n  \ty: 2\n", "f:3:3: a tab in the indentation; indent with blanks, two per level"},
		{"tab alone", "a:\n\tb: 2\n", "f:2:1: a tab in the indentation; indent with blanks, two per level"},
		{"two colons", "a: 1\nb: c: d\n", "f:2:1: a colon where no key can be; put quotes around a value that contains `: `, and indent the keys of one section alike"},
		{"indented too far", "a: 1\n b: 2\n", "f:2:2: a colon where no key can be; put quotes around a value that contains `: `, and indent the keys of one section alike"},
		{"indented too little", "a:\n  - x\n y: 1\n", "f:3:2: this line is indented unlike its neighbours; start the keys of one section in the same column"},
		{"open brace", "a: 1\nb: {x: 1\nc: 3\n", "f:2:1: a `{` without its `}`, or a comma missing within; write {key: value, key: value}"},
		{"open bracket", "a: 1\nb: [1, 2\nc: 3\n", "f:2:1: a `[` without its `]`, or a comma missing within; write [first, second]"},
		{"open quote", "a: 1\nb: \"foo\nc: 3\n", "f:2:1: a quote that is never closed; close the quote on the same line"},
		{"escape", `a: "\q"`, "f:1:1: an escape that YAML does not know; use single quotes around text with a backslash"},
		{"at sign", "a: 1\nb: @x\n", "f:2:1: a value cannot begin with this character; put quotes around the value"},
		{"star", "a: 1\nb: *\n", "f:2:1: a value cannot begin with `*` or `&`; put quotes around the value"},
		{"unknown alias", "a: 1\nb: *x\n", "f:2:1: a value cannot begin with `*`; put quotes around the value"},
		{"comma too many", "a: [1,,2]\n", "f:1:1: a value is missing, or a bracket or comma is too many; write the value or remove the sign"},
		{"list beside keys", "a: 1\n- b\n", "f:2:1: this line is indented unlike its neighbours; start the keys of one section in the same column"},
		{"key beside list", "- a\nb: 1\n", "f:2:1: a list and keys are mixed in one section; write either `- item` lines or `key: value` lines"},
		{"after lists and texts over lines", sound + "b: {x: 1\n", "f:151:1: a `{` without its `}`, or a comma missing within; write {key: value, key: value}"},
		{"not UTF-8", "a: 1\nb: ä\xff\n", "f:2:5: a character here does not belong into a text file; save the file as plain UTF-8 text and remove the character"},
		{"control character", "a: \x1b[2J\n", "f:1:4: a character here does not belong into a text file; save the file as plain UTF-8 text and remove the character"},
		{"old Macintosh", "a: 1\rb: 2\n", "f:1:5: a character here does not belong into a text file; save the file as plain UTF-8 text and remove the character"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := parseYAML("f", []byte(tt.text))
			all, ok := errors.AsType[*Errors](err)
			if !ok {
				t.Fatalf("got %v, want an *Errors", err)
			}
			if got := all.List[0].Error(); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestLineEndsAndByteOrderMark(t *testing.T) {
	root, _, err := parseYAML("f", []byte("\uFEFFa: 1\r\nb: 2\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if at := find(root, []string{"b"}).value; at.Value != "2" || at.Line != 2 || at.Column != 4 {
		t.Errorf("b is %q at %d:%d, want 2 at 2:4", at.Value, at.Line, at.Column)
	}
}

func TestAbsentValueAtTheEndHasAPlace(t *testing.T) {
	for _, text := range []string{"a: 1\n---", "a: 1\n---\n", "list:\n  -", "list:\n  -\n\n"} {
		_, err := read("f", []byte(text), nil, &shape{})
		all, ok := errors.AsType[*Errors](err)
		if !ok {
			t.Fatalf("%q: got %v, want an *Errors", text, err)
		}
		for _, e := range all.List {
			if lines := strings.Count(text, "\n") + 1; e.Line > lines {
				t.Errorf("%q: the error is in line %d of %d", text, e.Line, lines)
			}
		}
	}
}
