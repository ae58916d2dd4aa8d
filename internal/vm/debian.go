package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/initramfs"
	"github.com/farspoke/farspoke/internal/rootfs"
)

// debianDir is where a package says which programs of Debian its tests need,
// one file for each root file system. The VM has them at /debian/<file name>.
const debianDir = "testdata/debian"

// recipe is what a root file system is made of.
type recipe struct{ packages, files []string }

// readRecipe reads lines of the words "package" or "file" and names. What
// follows a # is a comment.
func readRecipe(r io.Reader) (recipe, error) {
	var what recipe
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "package":
			what.packages = append(what.packages, words[1:]...)
		case "file":
			what.files = append(what.files, words[1:]...)
		default:
			return recipe{}, fmt.Errorf("line %d: %q is neither package nor file", number, words[0])
		}
	}
	return what, lines.Err()
}

// roots returns archives with the root file systems that the package in the
// current directory asks for.
func roots(ctx context.Context, cache debian.Cache) (archives []string, err error) {
	entries, err := os.ReadDir(debianDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the recipes of root file systems: %w", err)
	}
	for _, entry := range entries {
		archive, err := root(ctx, cache, entry.Name())
		if err != nil {
			return nil, fmt.Errorf("root file system %s: %w", entry.Name(), err)
		}
		archives = append(archives, archive)
	}
	return archives, nil
}

// root returns the archive of the cache if it was made of the same things.
func root(ctx context.Context, cache debian.Cache, name string) (archive string, err error) {
	file, err := os.Open(filepath.Join(debianDir, name))
	if err != nil {
		return "", err
	}
	defer file.Close()
	what, err := readRecipe(file)
	if err != nil {
		return "", err
	}
	debs, err := cache.Packages(ctx, "vm-"+name, what.packages...)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	fmt.Fprintln(sum, what.files)
	for _, deb := range debs {
		fmt.Fprintln(sum, deb.Name, deb.SHA256)
	}
	archive = cache.Path("vm", name+"-"+hex.EncodeToString(sum.Sum(nil))[:16]+".cpio")
	if _, err := os.Stat(archive); err == nil {
		return archive, nil
	}
	return archive, writeRoot(ctx, archive, path.Join("debian", name), debs, what.files)
}

// writeRoot writes the files below a directory, and all that they need to run.
func writeRoot(ctx context.Context, archive, dir string, debs []debian.Package, files []string) error {
	var paths []string
	for _, deb := range debs {
		paths = append(paths, deb.File)
	}
	all, err := rootfs.Unpack(ctx, paths...)
	if err != nil {
		return err
	}
	tree, err := all.Select(files...)
	if err != nil {
		return err
	}
	var records initramfs.Archive
	tree.AddTo(&records, dir)
	if err := os.MkdirAll(filepath.Dir(archive), 0o755); err != nil {
		return fmt.Errorf("create the cache of root file systems: %w", err)
	}
	// Beside and then in place whole: a build cut short leaves no half archive.
	out, err := renameio.NewPendingFile(archive, renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	defer out.Cleanup()
	if _, err := records.WriteTo(out); err != nil {
		return err
	}
	return out.CloseAtomicallyReplace()
}
