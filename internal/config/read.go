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
	decoded := d.errs
	found := invalid.List(target.Validate())
	if whole := func(e *Error) bool { return e.section }; !slices.ContainsFunc(decoded, whole) {
		found = append(found, invalid.List(target.Check())...)
	}
	for _, e := range found {
		if !follows(e.Path, decoded) {
			d.errs = append(d.errs, locate(src, root, e))
		}
	}
	if err := report(d.errs); err != nil {
		return nil, err
	}
	return &document{src: src, root: root, secrets: slices.Sorted(maps.Keys(d.used))}, nil
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
