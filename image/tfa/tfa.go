// Package tfa builds Trusted Firmware-A for a board from Debian's sources: what runs
// between the board's first stage and the boot loader, and below the kernel from
// then on.
package tfa

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/farspoke/farspoke/image/cross"
	"github.com/farspoke/farspoke/image/fip"
	"github.com/farspoke/farspoke/internal/debian"
)

// stages are what is built: the one that starts, the one that loads what follows,
// and the one that stays.
var stages = []string{"bl1", "bl2", "bl31"}

// Build is what was built for a platform.
type Build struct{ cross.Build }

// For returns Trusted Firmware-A for a platform, by its name and the other variables
// of its make: from the cache, if it was built from the same sources with the same
// compiler and variables before.
func For(ctx context.Context, cache debian.Cache, platform string, variables ...string) (Build, error) {
	b, err := cross.Do(ctx, cache, cross.Recipe{
		Source: "arm-trusted-firmware", Name: platform, Inputs: []any{platform, variables},
		Make: func(ctx context.Context, source, out string) (string, error) {
			return filepath.Join(out, platform, "release"), compile(ctx, source, out, platform, variables)
		},
	})
	if err != nil {
		return Build{}, fmt.Errorf("build Trusted Firmware-A for %s: %w", platform, err)
	}
	return Build{b}, nil
}

// compile builds the stages below out. What goes into them of time, place and person is
// the same everywhere; the flags are Debian's.
func compile(ctx context.Context, source, out, platform string, variables []string) error {
	command := slices.Concat([]string{
		"make", "PLAT=" + platform, "CROSS_COMPILE=" + cross.Prefix, "BUILD_BASE=" + out,
		"BUILD_STRING=farspoke", `BUILD_MESSAGE_TIMESTAMP="farspoke"`, fmt.Sprintf("-j%d", runtime.NumCPU()),
	}, variables, stages)
	flags := []string{"CFLAGS=--param=min-pagesize=0 -ffile-prefix-map=" + source + "=.", "TF_LDFLAGS=--no-warn-rwx-segments"}
	return cross.Run(ctx, source, flags, command...)
}

// BL1 returns the stage that starts.
func (b Build) BL1() ([]byte, error) { return b.File("bl1.bin") }

// Package returns what BL1 loads: the other stages, and the boot loader.
func (b Build) Package(bootLoader []byte) (*fip.Package, error) {
	p := &fip.Package{}
	for _, stage := range []struct {
		id   fip.ID
		file string
	}{{fip.BL2, "bl2.bin"}, {fip.BL31, "bl31.bin"}} {
		data, err := b.File(stage.file)
		if err != nil {
			return nil, err
		}
		p.Images = append(p.Images, fip.Image{ID: stage.id, Data: data})
	}
	p.Images = append(p.Images, fip.Image{ID: fip.BL33, Data: bootLoader})
	return p, nil
}
