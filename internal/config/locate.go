package config

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/farspoke/farspoke/internal/invalid"
)

// place is where a path leads.
type place struct {
	key, value *yaml.Node
	// whole says that the path was followed to its end. Otherwise the place is
	// the deepest that exists.
	whole bool
}

// find follows path from the mapping root.
func find(root *yaml.Node, path []string) place {
	at := place{key: root, value: root, whole: true}
	for _, step := range path {
		next, ok := descend(at.value, step)
		if !ok {
			at.whole = false
			return at
		}
		at = next
	}
	return at
}

func descend(n *yaml.Node, step string) (place, bool) {
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == step {
				return place{key: n.Content[i], value: n.Content[i+1], whole: true}, true
			}
		}
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return place{key: n.Content[i], value: n.Content[i], whole: true}, true
		}
	}
	return place{}, false
}

// locate turns an error of a component, whose path starts at the top of the
// file, into one with a line and a column.
func locate(src *source, root *yaml.Node, e *invalid.Error) *Error {
	at := find(root, e.Path)
	n := at.key
	if at.whole && at.value.Kind == yaml.ScalarNode {
		n = at.value
	}
	line, column := src.place(n)
	return &Error{
		File: src.name, Line: line, Column: column, Path: strings.Join(e.Path, "."),
		Problem: e.Problem, Fix: e.Fix, width: width(n), quote: src, covers: [][]string{e.Path},
	}
}
