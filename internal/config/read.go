package config

import (
	"maps"
	"reflect"
	"slices"

	"github.com/farspoke/farspoke/internal/invalid"
)

// read decodes data into the struct that target points to, lets it validate
// itself, and returns the names of the secrets it refers to, sorted. The error
// is an *Errors and has all that decoding and validation found, less what only
// follows from something else.
func read(name string, data []byte, secrets Secrets, target interface{ Validate() error }) (used []string, err error) {
	root, src, err := parseYAML(name, data)
	if err != nil {
		return nil, err
	}
	d := &decoder{src: src, secrets: secrets, used: map[string]bool{}}
	d.value(root, root, reflect.ValueOf(target).Elem(), nil)
	decoded := len(d.errs)
	for _, e := range invalid.List(target.Validate()) {
		if !follows(e.Path, d.errs[:decoded]) {
			d.errs = append(d.errs, locate(src, root, e))
		}
	}
	if err := report(d.errs); err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(d.used)), nil
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
