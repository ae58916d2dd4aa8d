package rootfs

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// libraryPath is where the dynamic linker looks for shared libraries, and the
// directories Debian's strongSwan and FRR name in their RUNPATH.
var libraryPath = []string{
	"usr/lib/aarch64-linux-gnu",
	"usr/lib/ipsec",
	"usr/lib/aarch64-linux-gnu/frr",
}

// Select returns the named files of the tree and, for programs and libraries,
// all the shared libraries they need. A name with a * in it is a pattern of
// path.Match. A library that no package holds is an error that names who needs it.
func (t Tree) Select(names ...string) (Tree, error) {
	selected := make(Tree)
	var queue []string
	for _, name := range names {
		matching, err := t.matching(name)
		if err != nil {
			return nil, fmt.Errorf("select file: %w", err)
		}
		queue = append(queue, matching...)
	}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		chain, err := t.resolve(name)
		if err != nil {
			return nil, fmt.Errorf("select file: %w", err)
		}
		last := chain[len(chain)-1]
		if _, done := selected[last]; !done {
			needed, err := t.needed(last)
			if err != nil {
				return nil, err
			}
			queue = append(queue, needed...)
		}
		for _, link := range chain {
			selected[link] = t[link]
		}
	}
	return selected, nil
}

// matching returns the names that a pattern stands for.
func (t Tree) matching(pattern string) (names []string, err error) {
	if !strings.Contains(pattern, "*") {
		return []string{pattern}, nil
	}
	for name := range t {
		matched, err := path.Match(clean(pattern), name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", pattern, err)
		}
		if matched {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s: %w", pattern, fs.ErrNotExist)
	}
	return names, nil
}

// needed returns the libraries and the interpreter an ELF file asks for; other
// files need nothing.
func (t Tree) needed(name string) ([]string, error) {
	data := t[name].Data
	if !bytes.HasPrefix(data, []byte(elf.ELFMAG)) {
		return nil, nil
	}
	file, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	libraries, err := file.ImportedLibraries()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	var found []string
	for _, library := range libraries {
		where, err := t.library(library)
		if err != nil {
			return nil, fmt.Errorf("%s needs %s: %w", name, library, err)
		}
		found = append(found, where)
	}
	for _, segment := range file.Progs {
		if segment.Type != elf.PT_INTERP {
			continue
		}
		interpreter := make([]byte, segment.Filesz)
		if _, err := segment.ReadAt(interpreter, 0); err != nil {
			return nil, fmt.Errorf("read interpreter of %s: %w", name, err)
		}
		found = append(found, string(bytes.TrimRight(interpreter, "\x00")))
	}
	return found, nil
}

func (t Tree) library(name string) (string, error) {
	for _, dir := range libraryPath {
		if _, ok := t[path.Join(dir, name)]; ok {
			return path.Join(dir, name), nil
		}
	}
	return "", fmt.Errorf("no package holds it")
}
