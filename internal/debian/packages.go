package debian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Package is a package file of the cache.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	// File is the path of the .deb file.
	File string `json:"-"`
}

// Packages returns the named packages, without the packages they depend on:
// what goes into a small root file system is better named than resolved. Like
// [Cache.Kernel], the first call fetches the newest and later calls keep to
// them. set names the group in the cache; a changed list of names fetches the
// group again.
func (c Cache) Packages(ctx context.Context, set string, names ...string) ([]Package, error) {
	return c.packages(ctx, boardArch, set, names)
}

// HostPackages is [Cache.Packages] for the architecture of this machine.
func (c Cache) HostPackages(ctx context.Context, set string, names ...string) ([]Package, error) {
	return c.packages(ctx, runtime.GOARCH, set+"-"+runtime.GOARCH, names)
}

// Firmware is [Cache.Packages] for non-free firmware.
func (c Cache) Firmware(ctx context.Context, set string, names ...string) ([]Package, error) {
	return c.packages(ctx, firmwareArch, set, names)
}

func (c Cache) packages(ctx context.Context, arch, set string, names []string) ([]Package, error) {
	unlock, err := c.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	dir := c.Path("packages", set)
	packages, err := loadPackages(dir, names)
	if err != nil || packages != nil {
		return packages, err
	}
	if err := os.RemoveAll(dir); err != nil {
		return nil, fmt.Errorf("empty the cache of packages: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create the cache of packages: %w", err)
	}
	if err := c.fetch(ctx, arch, dir, "update"); err != nil {
		return nil, err
	}
	// One call downloads all of them: apt keeps its connection open.
	if err := c.fetch(ctx, arch, dir, append([]string{"download"}, names...)...); err != nil {
		return nil, err
	}
	out, err := c.apt(ctx, arch, dir, "apt-cache", append([]string{"--no-all-versions", "show"}, names...)...)
	if err != nil {
		return nil, err
	}
	for stanza := range strings.SplitSeq(strings.TrimSpace(string(out)), "\n\n") {
		fields := parseFields(stanza)
		packages = append(packages, Package{Name: fields["Package"], Version: fields["Version"], SHA256: fields["SHA256"]})
	}
	record, err := json.MarshalIndent(packages, "", "  ")
	if err != nil {
		return nil, err
	}
	// The record is written last: a fetch cut short leaves none.
	if err := os.WriteFile(filepath.Join(dir, "packages.json"), append(record, '\n'), 0o644); err != nil {
		return nil, fmt.Errorf("record the packages: %w", err)
	}
	return loadPackages(dir, names)
}

// loadPackages reads the record of an earlier fetch; it returns nil if there is
// none or it is of other packages.
func loadPackages(dir string, names []string) ([]Package, error) {
	data, err := os.ReadFile(filepath.Join(dir, "packages.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the cached packages: %w", err)
	}
	var packages []Package
	if err := json.Unmarshal(data, &packages); err != nil {
		return nil, fmt.Errorf("read the cached packages: %w", err)
	}
	same := slices.EqualFunc(packages, names, func(p Package, name string) bool { return p.Name == name })
	if !same {
		return nil, nil
	}
	for i, p := range packages {
		files, err := filepath.Glob(filepath.Join(dir, p.Name+"_*.deb"))
		if err != nil || len(files) != 1 {
			return nil, nil
		}
		packages[i].File = files[0]
	}
	return packages, nil
}
