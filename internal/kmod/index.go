// Package kmod loads kernel modules the way modprobe does, from the index that
// depmod writes: modules.dep says which file a module is and what it needs
// before it, modules.softdep what it asks for without linking to it,
// modules.alias which devices and services it drives, modules.builtin what the
// kernel already contains (formats: modules.dep(5), modprobe.d(5)).
//
// Reading the index is pure and works on any fs.FS whose root is
// /lib/modules/VERSION, so the image is packed with the same closure that the
// box loads. A module that the image left out is unknown, which is normal for
// a device and an error for a module that somebody asked for by name.
package kmod

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// ErrUnknown says that a module is neither a file in the index nor built in.
var ErrUnknown = errors.New("no such kernel module")

// Index is what depmod knows about one kernel's modules. It is read-only and
// safe for concurrent use.
type Index struct {
	modules map[string]module   // by name
	builtin map[string]bool     // by name
	soft    map[string][]string // names or aliases to load first, by name
	aliases map[string][]alias  // by the part before the colon
	order   []string            // names in the order of modules.dep
}

// module is one line of modules.dep.
type module struct {
	path string   // relative to /lib/modules/VERSION
	deps []string // names, direct and indirect
}

// ReadIndex reads the index files at the root of fsys. Only modules.dep has to
// exist.
func ReadIndex(fsys fs.FS) (*Index, error) {
	x := &Index{
		modules: make(map[string]module),
		builtin: make(map[string]bool),
		soft:    make(map[string][]string),
		aliases: make(map[string][]alias),
	}
	if err := eachLine(fsys, "modules.dep", x.parseDep); err != nil {
		return nil, err
	}
	for _, file := range []struct {
		name  string
		parse func(string) error
	}{
		{"modules.builtin", x.parseBuiltin},
		{"modules.softdep", x.parseSoftdep},
		{"modules.alias", x.parseAlias},
	} {
		if err := eachLine(fsys, file.name, file.parse); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return x, nil
}

// Name returns the module's name that a file path or a spelling with dashes
// stands for: kernel/net/8021q/vlan-mod.ko.xz is vlan_mod.
func Name(file string) string {
	base, _, _ := strings.Cut(path.Base(file), ".ko")
	return strings.ReplaceAll(base, "-", "_")
}

// parseDep takes "kernel/a.ko: kernel/b.ko kernel/c.ko".
func (x *Index) parseDep(line string) error {
	file, needs, ok := strings.Cut(line, ":")
	if !ok {
		return errors.New("no colon after the module's path")
	}
	m := module{path: file}
	for _, need := range strings.Fields(needs) {
		m.deps = append(m.deps, Name(need))
	}
	name := Name(file)
	x.modules[name] = m
	x.order = append(x.order, name)
	return nil
}

// parseBuiltin takes "kernel/a.ko".
func (x *Index) parseBuiltin(line string) error {
	x.builtin[Name(line)] = true
	return nil
}

// parseSoftdep takes "softdep a pre: b c post: d". What is to come afterwards
// (post) is a recommendation nobody here depends on.
func (x *Index) parseSoftdep(line string) error {
	fields := strings.Fields(line)
	if len(fields) < 2 || fields[0] != "softdep" {
		return errors.New("not a softdep line")
	}
	name, first := Name(fields[1]), false
	for _, field := range fields[2:] {
		switch field {
		case "pre:":
			first = true
		case "post:":
			first = false
		default:
			if first {
				x.soft[name] = append(x.soft[name], field)
			}
		}
	}
	return nil
}

// parseAlias takes "alias PATTERN a". The drivers of modems have thousands, so
// this takes a line apart without more ado.
func (x *Index) parseAlias(line string) error {
	rest, ok := strings.CutPrefix(line, "alias ")
	pattern, name, both := strings.Cut(rest, " ")
	if !ok || !both || strings.Contains(name, " ") {
		return errors.New("not an alias line")
	}
	bus := busOf(pattern)
	x.aliases[bus] = append(x.aliases[bus], alias{pattern: pattern, module: strings.ReplaceAll(name, "-", "_")})
	return nil
}

// eachLine calls parse for every line of the named file that says something.
func eachLine(fsys fs.FS, name string, parse func(string) error) error {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return fmt.Errorf("read module index: %w", err)
	}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if err := parse(line); err != nil {
			return fmt.Errorf("parse module index %s line %d: %w", name, n, err)
		}
	}
	return nil
}
