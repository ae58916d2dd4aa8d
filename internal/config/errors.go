package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error is one thing wrong with a file.
type Error struct {
	// File, Line and Column say where; both count from 1, the column in
	// characters. Line is 0 when the matter concerns the file as a whole, and
	// File empty when it is part of the problem's text.
	File         string
	Line, Column int
	// Path leads to the value as keys of the file joined by dots.
	Path string
	// Problem says what is wrong, Fix what to write instead.
	Problem, Fix string

	width int     // characters to underline
	quote *source // where the line is quoted from; nil for no quotation
	// covers lists the paths about which this error makes others pointless.
	covers [][]string
	// section says that a whole part of the file could not be read, so that
	// references into it cannot be judged.
	section bool
}

// Error returns the whole on one line.
func (e *Error) Error() string {
	if e.Fix == "" {
		return e.head()
	}
	return e.head() + "; " + printable(e.Fix)
}

func (e *Error) head() string {
	var b strings.Builder
	switch {
	case e.Line > 0:
		fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Column)
	case e.File != "":
		b.WriteString(e.File + ": ")
	}
	if e.Path != "" {
		b.WriteString(e.Path + ": ")
	}
	b.WriteString(e.Problem)
	return printable(b.String())
}

// Text returns the error with the line it is about and a mark below the place.
func (e *Error) Text() string {
	var b strings.Builder
	b.WriteString(e.head() + "\n")
	if e.quote != nil && e.Line > 0 {
		if quoted, at := e.quote.quote(e.Line, e.Column); quoted != "" {
			width := min(max(e.width, 1), max(1, utf8.RuneCountInString(quoted)-at))
			fmt.Fprintf(&b, "%5d | %s\n", e.Line, quoted)
			fmt.Fprintf(&b, "      | %s%s\n", strings.Repeat(" ", at), strings.Repeat("^", width))
		}
	}
	if e.Fix != "" {
		b.WriteString("      " + printable(e.Fix) + "\n")
	}
	return b.String()
}

const (
	// maxErrors bounds a report: who made one mistake in every line wants to
	// read of it twenty times, not two thousand.
	maxErrors = 20
	// maxCollected bounds what is collected for it. A file with more mistakes
	// than that is not worth a look at its meaning.
	maxCollected = 200
)

// Errors is everything wrong with a file, in the order of its lines.
type Errors struct {
	List []*Error
	// More counts the errors beyond those of List.
	More int
}

// Error returns every error with the line it is about.
func (e *Errors) Error() string {
	var b strings.Builder
	for _, one := range e.List {
		b.WriteString(one.Text())
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "and %d more\n", e.More)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Unwrap returns the errors one by one.
func (e *Errors) Unwrap() []error {
	all := make([]error, len(e.List))
	for i, one := range e.List {
		all[i] = one
	}
	return all
}

// report sorts and bounds errs, beyond which there are as many uncollected; it
// returns nil when there are none.
func report(errs []*Error, uncollected int) error {
	if len(errs) == 0 {
		return nil
	}
	slices.SortStableFunc(errs, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	shown := min(len(errs), maxErrors)
	return &Errors{List: errs[:shown], More: len(errs) - shown + uncollected}
}

// whole returns an error about the file as a whole.
func whole(file, problem, fix string) error {
	return &Errors{List: []*Error{{File: file, Problem: problem, Fix: fix}}}
}

// merge returns all that errs report, nil for none. What is not an *Errors yet
// becomes part of one.
func merge(errs ...error) error {
	var all Errors
	for _, err := range errs {
		switch e, ok := errors.AsType[*Errors](err); {
		case ok:
			all.List, all.More = append(all.List, e.List...), all.More+e.More
		case err != nil:
			all.List = append(all.List, &Error{Problem: err.Error()})
		}
	}
	if len(all.List) == 0 {
		return nil
	}
	return &all
}
