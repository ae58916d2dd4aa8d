package kmod

import (
	"fmt"
	"slices"
)

// Closure returns the files, relative to /lib/modules/VERSION, that loading the
// named modules takes, each after those it needs. Modules built into the kernel
// take none. The error wraps ErrUnknown and lists every name that is not there.
func (x *Index) Closure(names ...string) ([]string, error) {
	w := walk{index: x, seen: make(map[string]bool)}
	var unknown []string
	for _, name := range names {
		if !w.visit(Name(name)) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("%w: %q", ErrUnknown, unknown)
	}
	return w.paths, nil
}

// Path returns the file of the named module relative to /lib/modules/VERSION.
func (x *Index) Path(name string) (file string, ok bool) {
	m, ok := x.modules[Name(name)]
	return m.path, ok
}

// walk collects paths depth first.
type walk struct {
	index *Index
	seen  map[string]bool
	paths []string
}

// visit reports false if the module is unknown.
func (w *walk) visit(name string) bool {
	m, ok := w.index.modules[name]
	if !ok {
		return w.index.builtin[name]
	}
	if w.seen[name] {
		return true
	}
	w.seen[name] = true
	// A soft dependency may name an alias, such as a crypto algorithm that
	// several modules provide. It may be missing: the module then says itself
	// what it cannot do.
	for _, soft := range w.index.soft[name] {
		if !w.visit(Name(soft)) {
			for _, provider := range w.index.Match(soft) {
				w.visit(provider)
			}
		}
	}
	// depmod writes what has to be loaded first at the end of the line.
	for _, dep := range slices.Backward(m.deps) {
		w.visit(dep)
	}
	w.paths = append(w.paths, m.path)
	return true
}
