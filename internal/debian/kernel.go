package debian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// kernelMeta is the package that always depends on the newest kernel.
const kernelMeta = "linux-image-arm64"

// Kernel is an unpacked kernel package.
type Kernel struct {
	// Package, Version and SHA256 name the .deb file it came from.
	Package string `json:"package"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
	// Release is what uname -r prints, such as "6.1.0-56-arm64".
	Release string `json:"release"`
	dir     string
}

// Image is the path of the kernel itself, a PE/COFF Image that QEMU and U-Boot
// both start.
func (k Kernel) Image() string { return filepath.Join(k.dir, "boot", "vmlinuz-"+k.Release) }

// Modules is the path of the module tree, the directory of modules.dep.
func (k Kernel) Modules() string { return filepath.Join(k.dir, "lib", "modules", k.Release) }

// DeviceTrees is the path of the tree of device tree blobs.
func (k Kernel) DeviceTrees() string { return filepath.Join(k.dir, "usr", "lib", k.Package) }

// Kernel returns the arm64 kernel of the cache. The first call fetches the
// newest from the archive; later calls keep to it, so that builds stay alike
// until the cache is emptied.
func (c Cache) Kernel(ctx context.Context) (Kernel, error) {
	unlock, err := c.lock()
	if err != nil {
		return Kernel{}, err
	}
	defer unlock()
	dir := c.Path("kernel")
	record := filepath.Join(dir, "kernel.json")
	data, err := os.ReadFile(record)
	switch {
	case err == nil:
		k := Kernel{dir: dir}
		if err := json.Unmarshal(data, &k); err != nil {
			return Kernel{}, fmt.Errorf("read %s: %w", record, err)
		}
		return k, nil
	case !errors.Is(err, fs.ErrNotExist):
		return Kernel{}, fmt.Errorf("read the cached kernel: %w", err)
	}

	// Everything is unpacked beside and moved in place whole, so that a build
	// cut short leaves no half kernel.
	tmp, err := os.MkdirTemp(string(c), "kernel-*")
	if err != nil {
		return Kernel{}, fmt.Errorf("create the cache: %w", err)
	}
	defer os.RemoveAll(tmp)
	k, err := c.fetchKernel(ctx, tmp)
	if err != nil {
		return Kernel{}, fmt.Errorf("fetch the kernel: %w", err)
	}
	if err := os.Rename(tmp, dir); err != nil {
		return Kernel{}, fmt.Errorf("move the kernel in place: %w", err)
	}
	k.dir = dir
	return k, nil
}

func (c Cache) fetchKernel(ctx context.Context, dir string) (Kernel, error) {
	if err := c.fetch(ctx, boardArch, dir, "update"); err != nil {
		return Kernel{}, err
	}
	meta, err := c.show(ctx, kernelMeta)
	if err != nil {
		return Kernel{}, err
	}
	name := regexp.MustCompile(`linux-image-\S+-arm64`).FindString(meta["Depends"])
	if name == "" {
		return Kernel{}, fmt.Errorf("%s depends on %q, which names no kernel", kernelMeta, meta["Depends"])
	}
	fields, err := c.show(ctx, name)
	if err != nil {
		return Kernel{}, err
	}
	if err := c.fetch(ctx, boardArch, dir, "download", name+"="+fields["Version"]); err != nil {
		return Kernel{}, err
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) != 1 {
		return Kernel{}, fmt.Errorf("apt-get downloaded %d packages, want 1", len(debs))
	}
	if out, err := exec.CommandContext(ctx, "dpkg-deb", "-x", debs[0], dir).CombinedOutput(); err != nil {
		return Kernel{}, fmt.Errorf("unpack %s: %w\n%s", filepath.Base(debs[0]), err, out)
	}
	if err := os.Remove(debs[0]); err != nil {
		return Kernel{}, err
	}
	k := Kernel{
		Package: name,
		Version: fields["Version"],
		SHA256:  fields["SHA256"],
		Release: strings.TrimPrefix(name, "linux-image-"),
		dir:     dir,
	}
	if err := depmod(ctx, k); err != nil {
		return Kernel{}, err
	}
	record, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return Kernel{}, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return Kernel{}, err
	}
	return k, os.WriteFile(filepath.Join(dir, "kernel.json"), append(record, '\n'), 0o644)
}

// depmod writes modules.dep and modules.alias, which Debian leaves to the
// machine that installs the package.
func depmod(ctx context.Context, k Kernel) error {
	program, err := exec.LookPath("depmod")
	if err != nil {
		program = "/sbin/depmod" // not in the PATH of every user
	}
	if out, err := exec.CommandContext(ctx, program, "-b", k.dir, k.Release).CombinedOutput(); err != nil {
		return fmt.Errorf("index the modules (depmod, package kmod): %w\n%s", err, out)
	}
	return nil
}

// show returns the fields of the newest version of a package.
func (c Cache) show(ctx context.Context, name string) (map[string]string, error) {
	out, err := c.apt(ctx, boardArch, string(c), "apt-cache", "--no-all-versions", "show", name)
	if err != nil {
		return nil, err
	}
	return parseFields(string(out)), nil
}

// parseFields reads the one-line fields of the first stanza of a Debian
// control file.
func parseFields(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			break
		}
		key, value, ok := strings.Cut(line, ":")
		if ok && !strings.HasPrefix(line, " ") {
			fields[key] = strings.TrimSpace(value)
		}
	}
	return fields
}
