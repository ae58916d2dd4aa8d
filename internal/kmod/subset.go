package kmod

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Subset returns the index files for an image that holds only the given
// module files, by name of the index file. A box that reads a short index
// starts sooner, and it tells a device without a driver from a broken image. A
// file may have another path than in this index: one that says that it is
// compressed, say.
func (x *Index) Subset(paths []string) map[string][]byte {
	kept := make(map[string]string)
	for _, p := range paths {
		kept[Name(p)] = p
	}
	var dep, soft, aliases, builtin strings.Builder
	for _, name := range x.order {
		if kept[name] == "" {
			continue
		}
		fmt.Fprintf(&dep, "%s:", kept[name])
		for _, need := range x.modules[name].deps {
			fmt.Fprintf(&dep, " %s", kept[need])
		}
		dep.WriteByte('\n')
		if first := x.soft[name]; len(first) > 0 {
			fmt.Fprintf(&soft, "softdep %s pre: %s\n", name, strings.Join(first, " "))
		}
	}
	for _, bus := range slices.Sorted(maps.Keys(x.aliases)) {
		for _, a := range x.aliases[bus] {
			if kept[a.module] != "" {
				fmt.Fprintf(&aliases, "alias %s %s\n", a.pattern, a.module)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.builtin)) {
		fmt.Fprintf(&builtin, "kernel/%s.ko\n", name)
	}
	return map[string][]byte{
		"modules.dep":     []byte(dep.String()),
		"modules.softdep": []byte(soft.String()),
		"modules.alias":   []byte(aliases.String()),
		"modules.builtin": []byte(builtin.String()),
	}
}

// Files returns the path of every module, relative to /lib/modules/VERSION, in
// the order of modules.dep.
func (x *Index) Files() []string {
	files := make([]string, 0, len(x.order))
	for _, name := range x.order {
		files = append(files, x.modules[name].path)
	}
	return files
}
