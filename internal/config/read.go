package config

import (
	"maps"
	"reflect"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/farspoke/farspoke/internal/invalid"
)

// document is a file that was read without errors.
type document struct {
	src  *source
	root *yaml.Node
	// secrets are the names of the secrets it refers to, sorted.
	secrets []string
}

// checked is a struct that knows what is wrong with it.
type checked interface {
	// Validate reports what is wrong within the parts, Check what is wrong
	// between them, both as errors of package invalid.
	Validate() error
	Check() error
}

// read decodes data into the struct that target points to and lets it check
// itself. The error is an *Errors and has all that is wrong, less what only
// follows from something else.
func read(name string, data []byte, secrets Secrets, target checked) (*document, error) {
	root, src, err := parseYAML(name, data)
	if err != nil {
		return nil, err
	}
	d := &decoder{src: src, secrets: secrets, used: map[string]bool{}}
	d.value(root, root, reflect.ValueOf(target).Elem(), nil)
	errs := slices.Clone(d.errs)
	for _, e := range d.check(target) {
		if !follows(e.Path, d.errs) {
			errs = append(errs, locate(src, root, e))
		}
	}
	if err := report(errs, d.uncollected); err != nil {
		return nil, err
	}
	return &document{src: src, root: root, secrets: slices.Sorted(maps.Keys(d.used))}, nil
}

// check returns what target says is wrong with it, as far as that can be judged
// after the errors of decoding.
func (d *decoder) check(target checked) []*invalid.Error {
	if d.uncollected > 0 {
		return nil
	}
	found := invalid.List(target.Validate())
	if slices.ContainsFunc(d.errs, func(e *Error) bool { return e.section }) {
		return found
	}
	return append(found, invalid.List(target.Check())...)
}

// follows reports whether an error about path is a mere consequence of one of
// errs: one of them is about the same value, a part of it, or what it is part
// of.
func follows(path []string, errs []*Error) bool {
	for _, e := range errs {
		for _, covered := range e.covers {
			n := min(len(covered), len(path))
			if slices.Equal(covered[:n], path[:n]) {
				return true
			}
		}
	}
	return false
}
