package debian

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/farspoke/farspoke/internal/initramfs"
	"github.com/farspoke/farspoke/internal/kmod"
)

// ModulesDir is where a kernel looks for its modules, in a directory named
// after its release.
const ModulesDir = "/lib/modules"

// AddModules adds the named kernel modules to the archive, with all they need
// and an index of just these, below dir, which is ModulesDir or what that is a
// link to.
func (k Kernel) AddModules(a *initramfs.Archive, dir string, names ...string) error {
	return k.AddModulesPacked(a, dir, names, nil)
}

// AddModulesPacked is AddModules, and adds those that are seldom needed as well,
// compressed: see kmod.Pack.
func (k Kernel) AddModulesPacked(a *initramfs.Archive, dir string, names, seldom []string) error {
	index, err := kmod.ReadIndex(os.DirFS(k.Modules()))
	if err != nil {
		return err
	}
	often, err := index.Closure(names...)
	if err != nil {
		return fmt.Errorf("choose kernel modules: %w", err)
	}
	all, err := index.Closure(slices.Concat(names, seldom)...)
	if err != nil {
		return fmt.Errorf("choose kernel modules: %w", err)
	}
	root := path.Join(dir, k.Release)
	for i, file := range all {
		contents, err := os.ReadFile(filepath.Join(k.Modules(), file))
		if err != nil {
			return fmt.Errorf("add kernel module to the archive: %w", err)
		}
		if !slices.Contains(often, file) {
			if all[i], contents, err = kmod.Pack(file, contents); err != nil {
				return err
			}
		}
		a.File(path.Join(root, all[i]), 0o644, contents)
	}
	for name, contents := range index.Subset(all) {
		a.File(path.Join(root, name), 0o644, contents)
	}
	return nil
}
