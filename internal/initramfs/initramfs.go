// Package initramfs builds the newc cpio archives a kernel unpacks into its
// first root file system. The same contents give the same octets: records are
// sorted, inodes are numbered in order, times and owners are zero. Archives
// may be concatenated; where two hold the same path the later one wins.
package initramfs

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/u-root/u-root/pkg/cpio"
)

// Archive is a set of files. The zero Archive is empty and ready for use.
type Archive struct {
	records map[string]cpio.Record
}

// File adds a regular file with the given contents and permission bits.
func (a *Archive) File(name string, perm fs.FileMode, contents []byte) {
	a.add(cpio.StaticFile(clean(name), string(contents), uint64(perm.Perm())))
}

// Copy adds the file at the path source of this machine.
func (a *Archive) Copy(name string, perm fs.FileMode, source string) error {
	contents, err := os.ReadFile(source)
	if err != nil {
		return fmt.Errorf("add %s to the archive: %w", name, err)
	}
	a.File(name, perm, contents)
	return nil
}

// CopyTree adds all files and links below the directory source of this
// machine. A file executable by its owner is so by all.
func (a *Archive) CopyTree(name, source string) error {
	return filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("add %s to the archive: %w", name, err)
		}
		rel, err := filepath.Rel(source, file)
		if err != nil {
			return fmt.Errorf("add %s to the archive: %w", name, err)
		}
		target := path.Join(name, filepath.ToSlash(rel))
		switch entry.Type() {
		case fs.ModeDir:
			a.Dir(target, 0o755)
			return nil
		case fs.ModeSymlink:
			to, err := os.Readlink(file)
			if err != nil {
				return fmt.Errorf("add %s to the archive: %w", target, err)
			}
			a.Symlink(target, to)
			return nil
		case 0:
			info, err := entry.Info()
			if err != nil {
				return fmt.Errorf("add %s to the archive: %w", target, err)
			}
			perm := fs.FileMode(0o644)
			if info.Mode()&0o100 != 0 {
				perm = 0o755
			}
			return a.Copy(target, perm, file)
		default:
			return fmt.Errorf("add %s to the archive: a %s cannot be archived", target, entry.Type())
		}
	})
}

// Dir adds a directory. Parents that nobody adds are made with mode 0755.
func (a *Archive) Dir(name string, perm fs.FileMode) {
	a.add(cpio.Directory(clean(name), uint64(perm.Perm())))
}

// Symlink adds a symbolic link at name to target.
func (a *Archive) Symlink(name, target string) {
	a.add(cpio.Symlink(clean(name), target))
}

// CharDev adds a character device.
func (a *Archive) CharDev(name string, perm fs.FileMode, major, minor uint64) {
	a.add(cpio.CharDev(clean(name), uint64(perm.Perm()), major, minor))
}

// Size returns the sum of the lengths of all files, in octets.
func (a *Archive) Size() int64 {
	var sum int64
	for _, r := range a.records {
		sum += int64(r.FileSize)
	}
	return sum
}

// WriteTo writes the archive, a multiple of four octets long.
func (a *Archive) WriteTo(w io.Writer) (int64, error) {
	records := maps.Clone(a.records)
	for name := range a.records {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := records[dir]; !ok {
				records[dir] = cpio.Directory(dir, 0o755)
			}
		}
	}
	counted := &counter{w: w}
	archive := cpio.Newc.Writer(counted)
	sorted := slices.SortedFunc(maps.Values(records), func(a, b cpio.Record) int { return cmp.Compare(a.Name, b.Name) })
	for i, r := range sorted {
		r.Ino = uint64(i + 1)
		r.NLink = 1
		if err := archive.WriteRecord(r); err != nil {
			return counted.n, fmt.Errorf("write %s to the archive: %w", r.Name, err)
		}
	}
	if err := cpio.WriteTrailer(archive); err != nil {
		return counted.n, fmt.Errorf("end the archive: %w", err)
	}
	return counted.n, nil
}

func (a *Archive) add(r cpio.Record) {
	if a.records == nil {
		a.records = make(map[string]cpio.Record)
	}
	a.records[r.Name] = cpio.MakeReproducible(r)
}

// clean makes a path relative to the root, as newc wants it.
func clean(name string) string {
	return path.Clean("/" + name)[1:]
}

type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
