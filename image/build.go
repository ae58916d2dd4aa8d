package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/config"
	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/initramfs"
	"github.com/farspoke/farspoke/internal/parts"
)

// The files that a build writes.
const (
	kernelFile    = "Image.gz"
	initramfsFile = "initramfs.cpio.zst"
	manifestFile  = "manifest.json"
	sbomFile      = "sbom.cdx.json"
)

type options struct {
	board   board.Board
	toolbox bool
	// disk asks for a boot loader, a signed image and a disk besides, signed with
	// keys.
	disk bool
	keys keys
	// stock is the file of what the board came with in its flash, empty for none.
	stock string
	// site is the directory with the configuration of a box, empty for none.
	site string
	// release refuses what is not for other people: sources that differ from the
	// commit, the toolbox, a development key.
	release bool
	cache   debian.Cache
	out     string
}

// build writes kernel, initramfs and manifest to the output directory, and a disk
// if asked to.
func build(ctx context.Context, o options) (*manifest, error) {
	if err := hasBootLoader(o.board); o.disk && err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.out, 0o755); err != nil {
		return nil, fmt.Errorf("create the output directory: %w", err)
	}
	progress("kernel")
	kernel, err := o.cache.Kernel(ctx)
	if err != nil {
		return nil, err
	}
	source, err := sourceVersion(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.releasable(source); err != nil {
		return nil, err
	}
	m := &manifest{Board: o.board.Name, Version: source.version, Date: source.date, Kernel: kernel, Go: runtime.Version()}

	files, err := buildPlain(ctx, o, kernel, source, m)
	if err != nil {
		return nil, err
	}
	more, err := writeBringUp(o.out, o.board, kernel)
	if err != nil {
		return nil, err
	}
	files = append(files, more...)
	if o.disk {
		more, err := buildDisk(ctx, o, kernel, source, m)
		if err != nil {
			return nil, err
		}
		files = append(files, more...)
	}
	if err := writeSBOM(filepath.Join(o.out, sbomFile), m); err != nil {
		return nil, err
	}
	for _, name := range append(files, sbomFile) {
		if err := m.file(o.out, name); err != nil {
			return nil, err
		}
	}
	return m, m.write(filepath.Join(o.out, manifestFile))
}

// buildPlain writes kernel and initramfs, and returns the names of the files.
func buildPlain(ctx context.Context, o options, kernel debian.Kernel, source source, m *manifest) ([]string, error) {
	var tools []byte
	if o.toolbox {
		progress("toolbox (half a minute, once)")
		var err error
		if tools, err = toolboxArchive(ctx, o.cache); err != nil {
			return nil, err
		}
		m.part("toolbox", int64(len(tools)))
	}
	progress("firmware")
	ours, err := firmwareArchive(ctx, o, kernel, source, m)
	if err != nil {
		return nil, err
	}

	progress("compression")
	if err := writeKernel(filepath.Join(o.out, kernelFile), kernel.Image()); err != nil {
		return nil, err
	}
	// The kernel unpacks both archives, ours last.
	if err := writeInitramfs(filepath.Join(o.out, initramfsFile), tools, ours); err != nil {
		return nil, err
	}
	return []string{kernelFile, initramfsFile}, nil
}

// releasable returns an error if a release is asked for that is none.
func (o options) releasable(source source) error {
	switch {
	case !o.release:
		return nil
	case !o.disk:
		return errors.New("a release is a disk")
	case o.toolbox:
		return errors.New("a release has no toolbox")
	case o.keys == keys{}:
		return errors.New("a release is not signed with a development key: give it another")
	case strings.HasSuffix(source.version, "-dirty"):
		return errors.New("a release is built from a commit, and files differ from it")
	}
	return nil
}

// firmwareArchive holds our binary, the modules and the release's name.
func firmwareArchive(ctx context.Context, o options, kernel debian.Kernel, source source, m *manifest) ([]byte, error) {
	binary, err := compile(ctx, source)
	if err != nil {
		return nil, err
	}
	m.part("binary", int64(len(binary)))
	if m.Modules, err = goModules(binary); err != nil {
		return nil, err
	}

	var a initramfs.Archive
	a.File("/init", 0o755, binary)
	a.Symlink("/bin/farspoke", "/init")
	for _, dir := range []string{"/dev", "/proc", "/sys", "/run"} {
		a.Dir(dir, 0o755)
	}
	a.Dir("/etc/farspoke", 0o755)
	// The kernel opens it before PID 1 mounts anything.
	a.CharDev("/dev/console", 0o600, 5, 1)
	a.File("/etc/farspoke/build-date", 0o644, []byte(source.date.Format(dateLayout)+"\n"))
	if o.disk {
		data, err := emptyFileSystem(ctx)
		if err != nil {
			return nil, err
		}
		a.File("/etc/farspoke/data.ext4.gz", 0o644, data)
	}
	if o.site != "" {
		if err := addSite(&a, o.site); err != nil {
			return nil, err
		}
	}
	before := a.Size()
	modules, seldom := o.modules()
	if err := kernel.AddModulesPacked(&a, debian.ModulesDir, modules, seldom); err != nil {
		return nil, err
	}
	m.part("modules", a.Size()-before)
	var out bytes.Buffer
	if _, err := a.WriteTo(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// modules returns the kernel modules of the image, those that are needed at every
// start and those that seldom are. A disk's image is for all boards; without a disk it
// is for one, and as small as it can be. What one board needs at every start is not
// packed although the others never need it: its own PID 1 would unpack it while the
// router waits, which takes longer than the kernel does for all of them.
func (o options) modules() (often, seldom []string) {
	boards := []board.Board{o.board}
	if o.disk {
		boards = board.All()
	}
	often = slices.Concat(append(parts.Modules(), parts.Accelerators())...)
	seldom = slices.Concat(parts.LateModules(), parts.Drivers())
	for _, b := range boards {
		often = append(often, b.Modules...)
		seldom = append(seldom, b.OnDemand...)
		if o.disk {
			often = append(often, b.Boot.Modules...)
		}
	}
	return often, seldom
}

// addSite adds the configuration of one box.
func addSite(a *initramfs.Archive, dir string) error {
	for _, name := range []string{"farspoke.yaml", config.SecretsFile} {
		if err := a.Copy("/etc/farspoke/"+name, 0o600, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

// compile returns our binary for arm64.
func compile(ctx context.Context, source source) ([]byte, error) {
	dir, err := os.MkdirTemp("", "farspoke-image-*")
	if err != nil {
		return nil, fmt.Errorf("compile the firmware: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "init")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags=-s -w -buildid= -X main.version="+source.version,
		"-o", file, "github.com/farspoke/farspoke/init")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the firmware: %w\n%s", err, out)
	}
	return os.ReadFile(file)
}

// goModules lists what a binary of ours was built from, but ourselves.
func goModules(binary []byte) ([]module, error) {
	info, err := buildinfo.Read(bytes.NewReader(binary))
	if err != nil {
		return nil, fmt.Errorf("list the firmware's modules: %w", err)
	}
	var modules []module
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		modules = append(modules, module{d.Path, d.Version, d.Sum})
	}
	return modules, nil
}

// writeKernel compresses the kernel: Debian's is a plain Image, and QEMU and
// U-Boot both unpack gzip.
func writeKernel(file, image string) error {
	in, err := os.ReadFile(image)
	if err != nil {
		return fmt.Errorf("read the kernel: %w", err)
	}
	return writeFile(file, func(w io.Writer) error {
		z, err := gzip.NewWriterLevel(w, gzip.BestCompression)
		if err != nil {
			return err
		}
		if _, err := z.Write(in); err != nil {
			return err
		}
		return z.Close()
	})
}

// writeInitramfs concatenates and compresses archives. One encoder goroutine
// keeps the output the same on every machine.
func writeInitramfs(file string, archives ...[]byte) error {
	return writeFile(file, func(w io.Writer) error {
		z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
		if err != nil {
			return err
		}
		for _, archive := range archives {
			if _, err := z.Write(archive); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

func writeFile(file string, write func(io.Writer) error) error {
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	if err := write(out); err != nil {
		out.Close()
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(file), err)
	}
	return nil
}

func progress(what string) {
	fmt.Fprintln(os.Stderr, "image: "+strings.TrimSpace(what))
}
