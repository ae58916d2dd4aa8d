// Package invalid says what is wrong with a configuration value, where, and
// how to mend it. Components return its errors from their Validate methods
// with a path relative to themselves; whoever composes them prefixes the path,
// and the configuration file's reader turns it into a line and a column.
package invalid

import (
	"errors"
	"fmt"
	"strings"
)

// Error is one thing wrong with a configuration.
type Error struct {
	// Path leads to the value: keys of maps and names of fields as they are
	// written in the file, and indices of lists in decimal.
	Path []string
	// Problem says what is wrong, Fix what to write instead.
	Problem string
	Fix     string
}

// Error returns the whole on one line.
func (e *Error) Error() string {
	var b strings.Builder
	if len(e.Path) > 0 {
		b.WriteString(strings.Join(e.Path, "."))
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	if e.Fix != "" {
		b.WriteString("; ")
		b.WriteString(e.Fix)
	}
	return b.String()
}

// Field reports that the field of the given name holds a bad value.
func Field(name, problem, fix string) error {
	return &Error{Path: []string{name}, Problem: problem, Fix: fix}
}

// In prefixes the path of every Error in err with the given keys, and turns
// any other error into an Error at that path. It returns nil for nil.
func In(err error, path ...string) error {
	var all []error
	for _, e := range List(err) {
		moved := *e
		moved.Path = append(append([]string(nil), path...), e.Path...)
		all = append(all, &moved)
	}
	return errors.Join(all...)
}

// Index is In for the element of a list.
func Index(err error, field string, i int) error {
	return In(err, field, fmt.Sprint(i))
}

// List returns every Error that err joins, in order.
func List(err error) []*Error {
	switch e := err.(type) {
	case nil:
		return nil
	case *Error:
		return []*Error{e}
	case interface{ Unwrap() []error }:
		var all []*Error
		for _, inner := range e.Unwrap() {
			all = append(all, List(inner)...)
		}
		return all
	default:
		return []*Error{{Problem: err.Error()}}
	}
}
