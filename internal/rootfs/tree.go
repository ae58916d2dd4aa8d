// Package rootfs makes small root file systems of Debian's packages for the
// virtual machines of the tests: of each package only the named programs, with
// the shared libraries they need. It runs without root: packages are read as
// streams and an archive is written without ever being a directory.
package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"strings"
)

// File is one file of a [Tree].
type File struct {
	Mode fs.FileMode // type and permission
	Data []byte      // content, or a symbolic link's target
}

// Tree is a file system in memory, by path without a leading slash. Debian's
// merged /usr is applied: /bin, /sbin and /lib live under usr.
type Tree map[string]File

// merged are the directories that are links into /usr.
var merged = []string{"bin", "sbin", "lib"}

// clean returns the name of a path in a tree.
func clean(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	for _, dir := range merged {
		if strings.HasPrefix(name, dir+"/") {
			return "usr/" + name
		}
	}
	return name
}

// Unpack returns the files of Debian packages.
func Unpack(ctx context.Context, debs ...string) (Tree, error) {
	tree := make(Tree)
	for _, deb := range debs {
		if err := tree.unpack(ctx, deb); err != nil {
			return nil, fmt.Errorf("unpack %s: %w", path.Base(deb), err)
		}
	}
	return tree, nil
}

func (t Tree) unpack(ctx context.Context, deb string) error {
	out, err := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb).Output()
	if err != nil {
		return fmt.Errorf("dpkg-deb: %w", err)
	}
	r := tar.NewReader(bytes.NewReader(out))
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		file := File{Mode: header.FileInfo().Mode()}
		switch header.Typeflag {
		case tar.TypeReg:
			if file.Data, err = io.ReadAll(r); err != nil {
				return err
			}
		case tar.TypeSymlink:
			file.Data = []byte(header.Linkname)
		case tar.TypeLink:
			target, ok := t[clean(header.Linkname)]
			if !ok {
				return fmt.Errorf("%s is a hard link to %s, which is not there", header.Name, header.Linkname)
			}
			file = target
		default: // directories are made when the archive is written
			continue
		}
		t[clean(header.Name)] = file
	}
}

// Overlay adds the files of fsys, those with a #! as programs.
func (t Tree) Overlay(fsys fs.FS) error {
	return fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if bytes.HasPrefix(data, []byte("#!")) {
			mode = 0o755
		}
		t[clean(name)] = File{Mode: mode, Data: data}
		return nil
	})
}

// resolve follows symbolic links and returns every name on the way, the last
// being the file itself.
func (t Tree) resolve(name string) ([]string, error) {
	var names []string
	for name = clean(name); len(names) < 8; {
		file, ok := t[name]
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		names = append(names, name)
		if file.Mode&fs.ModeSymlink == 0 {
			return names, nil
		}
		target := string(file.Data)
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(name), target)
		}
		name = clean(target)
	}
	return nil, fmt.Errorf("%s: too many symbolic links", name)
}
