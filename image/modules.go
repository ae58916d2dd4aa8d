package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/initramfs"
	"github.com/farspoke/farspoke/internal/kmod"
	"github.com/farspoke/farspoke/internal/parts"
)

// addModules adds the modules of the board and of the components, all they
// need, and an index of just these. It returns their size in octets.
func addModules(a *initramfs.Archive, kernel debian.Kernel, b board.Board) (int64, error) {
	index, err := kmod.ReadIndex(os.DirFS(kernel.Modules()))
	if err != nil {
		return 0, err
	}
	files, err := index.Closure(slices.Concat(append(parts.Modules(), parts.Accelerators(), b.Modules)...)...)
	if err != nil {
		return 0, fmt.Errorf("choose the modules for %s: %w", b.Name, err)
	}
	before := a.Size()
	root := path.Join("/lib/modules", kernel.Release)
	for _, file := range files {
		if err := a.Copy(path.Join(root, file), 0o644, filepath.Join(kernel.Modules(), file)); err != nil {
			return 0, err
		}
	}
	for name, contents := range index.Subset(files) {
		a.File(path.Join(root, name), 0o644, contents)
	}
	return a.Size() - before, nil
}
