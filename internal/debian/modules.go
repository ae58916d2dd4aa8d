package debian

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

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
	index, err := kmod.ReadIndex(os.DirFS(k.Modules()))
	if err != nil {
		return err
	}
	files, err := index.Closure(names...)
	if err != nil {
		return fmt.Errorf("choose kernel modules: %w", err)
	}
	root := path.Join(dir, k.Release)
	for _, file := range files {
		if err := a.Copy(path.Join(root, file), 0o644, filepath.Join(k.Modules(), file)); err != nil {
			return err
		}
	}
	for name, contents := range index.Subset(files) {
		a.File(path.Join(root, name), 0o644, contents)
	}
	return nil
}
