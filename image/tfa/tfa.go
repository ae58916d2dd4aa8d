// Package tfa builds Trusted Firmware-A for a board from Debian's sources: what runs
// between the board's first stage and the boot loader, and below the kernel from
// then on.
//
// It needs the packages gcc-aarch64-linux-gnu, make, gcc and dpkg-dev.
package tfa

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/farspoke/farspoke/image/fip"
	"github.com/farspoke/farspoke/internal/debian"
)

// compiler is the prefix of the cross compiler's programs.
const compiler = "aarch64-linux-gnu-"

// stages are what is built: the one that starts, the one that loads what follows,
// and the one that stays.
var stages = []string{"bl1", "bl2", "bl31"}

// Build is what was built for a platform.
type Build struct {
	// Source is what it was built from, and Compiler what with.
	Source   debian.Source
	Compiler string
	dir      string
}

// For returns Trusted Firmware-A for a platform, by its name and the other variables
// of its make: from the cache, if it was built from the same sources with the same
// compiler and variables before.
func For(ctx context.Context, cache debian.Cache, platform string, variables ...string) (Build, error) {
	b, err := build(ctx, cache, platform, variables)
	if err != nil {
		return Build{}, fmt.Errorf("build Trusted Firmware-A for %s: %w", platform, err)
	}
	return b, nil
}

func build(ctx context.Context, cache debian.Cache, platform string, variables []string) (Build, error) {
	source, err := cache.Source(ctx, "arm-trusted-firmware")
	if err != nil {
		return Build{}, err
	}
	version, err := exec.CommandContext(ctx, compiler+"gcc", "--version").Output()
	if err != nil {
		return Build{}, fmt.Errorf("%w (package gcc-aarch64-linux-gnu)", err)
	}
	b := Build{Source: source, Compiler: strings.TrimSpace(strings.SplitN(string(version), "\n", 2)[0])}
	inputs, err := json.Marshal([]any{source, b.Compiler, platform, variables})
	if err != nil {
		return Build{}, err
	}
	b.dir = cache.Path("tfa", fmt.Sprintf("%s-%x", platform, sha256.Sum256(inputs))[:len(platform)+17])
	if _, err := os.Stat(b.dir); err == nil {
		return b, nil
	}
	if err := os.MkdirAll(cache.Path("tfa"), 0o755); err != nil {
		return Build{}, err
	}
	tmp, err := os.MkdirTemp(cache.Path("tfa"), "build-*")
	if err != nil {
		return Build{}, err
	}
	defer os.RemoveAll(tmp)
	if err := source.Unpack(ctx, filepath.Join(tmp, "source")); err != nil {
		return Build{}, err
	}
	if err := compile(ctx, tmp, platform, variables); err != nil {
		return Build{}, err
	}
	result := filepath.Join(tmp, "out", platform, "release")
	if err := os.Rename(result, b.dir); err != nil {
		if _, statErr := os.Stat(b.dir); statErr != nil { // no other build was faster
			return Build{}, err
		}
	}
	return b, nil
}

// compile builds the stages below dir/out. What goes into them of time, place and
// person is the same everywhere; the flags are Debian's.
func compile(ctx context.Context, dir, platform string, variables []string) error {
	args := append([]string{
		"PLAT=" + platform, "CROSS_COMPILE=" + compiler, "BUILD_BASE=" + filepath.Join(dir, "out"),
		"BUILD_STRING=farspoke", `BUILD_MESSAGE_TIMESTAMP="farspoke"`, fmt.Sprintf("-j%d", runtime.NumCPU()),
	}, variables...)
	cmd := exec.CommandContext(ctx, "make", append(args, stages...)...)
	cmd.Dir = filepath.Join(dir, "source")
	cmd.Env = append(os.Environ(), "LC_ALL=C", "MAKEFLAGS=",
		"CFLAGS=--param=min-pagesize=0 -ffile-prefix-map="+cmd.Dir+"=.", "TF_LDFLAGS=--no-warn-rwx-segments")
	if out, err := cmd.CombinedOutput(); err != nil {
		lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
		return fmt.Errorf("make: %w\n%s", err, bytes.Join(lines[max(0, len(lines)-20):], []byte("\n")))
	}
	return nil
}

// BL1 returns the stage that starts.
func (b Build) BL1() ([]byte, error) { return os.ReadFile(filepath.Join(b.dir, "bl1.bin")) }

// Package returns what BL1 loads: the other stages, and the boot loader.
func (b Build) Package(bootLoader []byte) (*fip.Package, error) {
	p := &fip.Package{}
	for _, stage := range []struct {
		id   fip.ID
		file string
	}{{fip.BL2, "bl2.bin"}, {fip.BL31, "bl31.bin"}} {
		data, err := os.ReadFile(filepath.Join(b.dir, stage.file))
		if err != nil {
			return nil, err
		}
		p.Images = append(p.Images, fip.Image{ID: stage.id, Data: data})
	}
	p.Images = append(p.Images, fip.Image{ID: fip.BL33, Data: bootLoader})
	return p, nil
}
