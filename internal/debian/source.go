package debian

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Source is a source package of the cache.
type Source struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// Files are what it consists of.
	Files []SourceFile `json:"files"`
	dir   string
}

// SourceFile is a file of a source package.
type SourceFile struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// Source returns a source package. Like [Cache.Kernel], the first call fetches the
// newest and later calls keep to it.
func (c Cache) Source(ctx context.Context, name string) (Source, error) {
	s, err := c.source(ctx, name)
	if err != nil {
		return Source{}, fmt.Errorf("fetch the sources of %s: %w", name, err)
	}
	return s, nil
}

func (c Cache) source(ctx context.Context, name string) (Source, error) {
	unlock, err := c.lock()
	if err != nil {
		return Source{}, err
	}
	defer unlock()
	dir := c.Path("sources", name)
	record := filepath.Join(dir, "source.json")
	data, err := os.ReadFile(record)
	if err == nil {
		s := Source{dir: dir}
		return s, json.Unmarshal(data, &s)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Source{}, err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return Source{}, err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), name+"-*")
	if err != nil {
		return Source{}, err
	}
	defer os.RemoveAll(tmp)
	s, err := c.fetchSource(ctx, tmp, name)
	if err != nil {
		return Source{}, err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return Source{}, err
	}
	s.dir = dir
	return s, nil
}

func (c Cache) fetchSource(ctx context.Context, dir, name string) (Source, error) {
	if err := c.fetch(ctx, sourceArch, dir, "update"); err != nil {
		return Source{}, err
	}
	// apt checks the files against the archive's signature.
	if err := c.fetch(ctx, sourceArch, dir, "source", "--download-only", name); err != nil {
		return Source{}, err
	}
	s := Source{Name: name, dir: dir}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Source{}, err
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return Source{}, err
		}
		s.Files = append(s.Files, SourceFile{e.Name(), fmt.Sprintf("%x", sha256.Sum256(data))})
		if strings.HasSuffix(e.Name(), descriptionSuffix) {
			s.Version = parseFields(string(unsigned(data)))["Version"]
		}
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return Source{}, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return Source{}, err
	}
	return s, os.WriteFile(filepath.Join(dir, "source.json"), append(text, '\n'), 0o644)
}

// descriptionSuffix ends the name of the file that describes a source package.
const descriptionSuffix = ".dsc"

// unsigned returns the text of a description without the signature around it,
// which begins with a stanza of its own.
func unsigned(description []byte) []byte {
	const begin = "-----BEGIN PGP SIGNED MESSAGE-----"
	text := string(description)
	if !strings.HasPrefix(text, begin) {
		return description
	}
	if _, rest, ok := strings.Cut(text, "\n\n"); ok {
		return []byte(rest)
	}
	return description
}

// Unpack unpacks the source package with Debian's changes into dir, which must not
// exist yet.
func (s Source) Unpack(ctx context.Context, dir string) error {
	for _, f := range s.Files {
		if strings.HasSuffix(f.Name, descriptionSuffix) {
			// apt has checked the files; dpkg-source looks for more keyrings.
			cmd := exec.CommandContext(ctx, "dpkg-source", "--no-check", "-x", filepath.Join(s.dir, f.Name), dir)
			if out, err := cmd.CombinedOutput(); err != nil {
				return fmt.Errorf("unpack %s (package dpkg-dev): %w\n%s", f.Name, err, out)
			}
			return nil
		}
	}
	return fmt.Errorf("unpack the sources of %s: there is no description among them", s.Name)
}
