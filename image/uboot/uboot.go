// Package uboot builds the boot loader of a board from Debian's sources of U-Boot:
// with the board's own configuration, fragment.config over it, and boot.env, which
// is all that it ever does, compiled in.
//
// Besides what package cross needs, it needs the packages bison, flex, libssl-dev, bc
// and xxd.
package uboot

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/cross"
	"github.com/farspoke/farspoke/internal/debian"
)

var (
	//go:embed fragment.config
	fragment []byte
	//go:embed boot.env
	script []byte
)

// Files of a build.
const (
	programFile    = "u-boot-nodtb.bin"
	deviceTreeFile = "u-boot.dtb"
	checkerFile    = "fit_check_sign"
)

// Build is what was built for a board.
type Build struct{ cross.Build }

// Program returns U-Boot without its device tree, which has to follow it
// directly.
func (b Build) Program() ([]byte, error) { return b.File(programFile) }

// DeviceTree returns U-Boot's own description of a board that is real, which has
// what only U-Boot needs to know besides.
func (b Build) DeviceTree() ([]byte, error) { return b.File(deviceTreeFile) }

// FirstStage returns idbloader.img of a board with a Rockchip: what its ROM starts,
// which makes memory usable and loads U-Boot.
func (b Build) FirstStage() ([]byte, error) { return b.File(firstStageFile) }

// Checker is the path of a program for this machine that checks the signatures of
// FIT images as U-Boot does: fit_check_sign -f IMAGE -k DEVICETREE -c CONFIGURATION.
func (b Build) Checker() string { return filepath.Join(b.Dir, checkerFile) }

// For returns U-Boot for a board: from the cache, if it was built from the same
// sources with the same compiler and settings before.
func For(ctx context.Context, cache debian.Cache, bd board.Board) (Build, error) {
	settings := append(bytes.Clone(fragment), strings.Join(bd.Boot.Config, "\n")+"\n"...)
	environment := Environment(bd)
	b, err := cross.Do(ctx, cache, cross.Recipe{
		Source: "u-boot", Name: bd.Name,
		Inputs: []any{bd.Boot.Defconfig, bd.Boot.Loader.Packing, settings, environment},
		Make: func(ctx context.Context, source, out string) (string, error) {
			t := tree{source, out}
			if err := t.configure(ctx, bd.Boot.Defconfig, settings, environment); err != nil {
				return "", err
			}
			files, err := t.make(ctx, bd)
			if err != nil {
				return "", err
			}
			result := filepath.Join(out, "result")
			return result, t.keep(result, files)
		},
	})
	if err != nil {
		return Build{}, fmt.Errorf("build the boot loader of %s: %w", bd.Name, err)
	}
	return Build{b}, nil
}

// Environment returns the board's boot.env: its facts and the script.
func Environment(bd board.Board) []byte {
	var out bytes.Buffer
	fact := func(name, format string, value any) { fmt.Fprintf(&out, "%s="+format+"\n", name, value) }
	fact("board", "%s", bd.Name)
	fact("interface", "%s", bd.Boot.Interface)
	fact("device", "%d", bd.Boot.Device)
	fact("image", "%x", bd.Boot.ImageAddress)
	fact("record", "%x", bd.Boot.RecordAddress)
	fact("arm_watchdog", "%s", cmp.Or(strings.Join(bd.Boot.ArmWatchdog, "; "), "true"))
	fact("find_addresses", "%s", cmp.Or(strings.Join(bd.Boot.FindAddresses, " && "), "true"))
	// The kernel's memory may end before the board's.
	fact("initrd_high", "%x", bd.Boot.HighestAddress)
	fact("fdt_high", "%x", bd.Boot.HighestAddress)
	fact("most", "%x", SlotSize/sector)
	for _, v := range bd.Boot.Variables {
		fmt.Fprintln(&out, v)
	}
	out.Write(script)
	return out.Bytes()
}

// SlotSize is how long a signed image may be, in octets: what is read into memory
// at most, whatever the disk says.
const SlotSize = 48 << 20

const sector = 512

// tree is an unpacked source and the directory that it is built in.
type tree struct {
	source, out string
}

// configure writes the configuration, and checks that it is the one that was asked
// for.
func (t tree) configure(ctx context.Context, defconfig string, settings, environment []byte) error {
	if err := os.MkdirAll(t.out, 0o755); err != nil {
		return err
	}
	envFile, settingsFile := filepath.Join(t.out, "boot.env"), filepath.Join(t.out, "farspoke.config")
	settings = append(settings, fmt.Sprintf("CONFIG_DEFAULT_ENV_FILE=%q\n", envFile)...)
	if err := os.WriteFile(envFile, environment, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(settingsFile, settings, 0o644); err != nil {
		return err
	}
	config := filepath.Join(t.out, ".config")
	for _, command := range [][]string{
		{"make", "O=" + t.out, defconfig},
		{"scripts/kconfig/merge_config.sh", "-m", "-O", t.out, config, settingsFile},
		{"make", "O=" + t.out, "olddefconfig"},
	} {
		if err := t.run(ctx, command...); err != nil {
			return err
		}
	}
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	return differs(string(text), string(settings))
}

// make builds what a board needs, and returns where it is.
func (t tree) make(ctx context.Context, bd board.Board) (files []string, err error) {
	files = []string{programFile, "tools/" + checkerFile}
	targets := []string{programFile}
	if bd.Boot.DeviceTree != "" {
		targets, files = append(targets, deviceTreeFile), append(files, deviceTreeFile)
	}
	if bd.Boot.Loader.Packing == board.Rockchip {
		targets = append(targets, rockchipTargets...)
	}
	// Nobody here calls U-Boot's packer, so that its library for Python, which would
	// need swig, is not built.
	command := append([]string{"make", "O=" + t.out, "CONFIG_PYLIBFDT=", fmt.Sprintf("-j%d", runtime.NumCPU())}, targets...)
	if err := t.run(ctx, command...); err != nil {
		return nil, err
	}
	if bd.Boot.Loader.Packing == board.Rockchip {
		files = append(files, firstStageFile)
		err = t.packFirstStage(ctx)
	}
	return files, err
}

// run runs a command in the source's directory. What goes into the program of
// time, place and person is the same everywhere.
func (t tree) run(ctx context.Context, command ...string) error {
	return cross.Run(ctx, t.source, []string{"CROSS_COMPILE=" + cross.Prefix, "SOURCE_DATE_EPOCH=0", "KBUILD_BUILD_USER=farspoke", "KBUILD_BUILD_HOST=farspoke"}, command...)
}

// differs returns an error that names the settings which the configuration does
// not have. A setting overrides those before it.
func differs(config, settings string) error {
	has, want := values(config), values(settings)
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if has[name] != want[name] {
			wrong = append(wrong, fmt.Sprintf("%s is %q, want %q", name, has[name], want[name]))
		}
	}
	if wrong != nil {
		return fmt.Errorf("its configuration cannot be had: %s", strings.Join(wrong, "; "))
	}
	return nil
}

// values reads lines of a .config file. What is not set is empty.
func values(lines string) map[string]string {
	values := make(map[string]string)
	for line := range strings.Lines(lines) {
		line = strings.TrimSpace(line)
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			name, ok = strings.CutPrefix(line, "# ")
			name, _, _ = strings.Cut(name, " is not set")
		}
		if ok && strings.HasPrefix(name, "CONFIG_") {
			values[name] = value
		}
	}
	return values
}

// keep copies files of what was built to dir.
func (t tree) keep(dir string, files []string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		in, err := os.Open(filepath.Join(t.out, file))
		if err != nil {
			return err
		}
		defer in.Close()
		out, err := os.OpenFile(filepath.Join(dir, filepath.Base(file)), os.O_WRONLY|os.O_CREATE, 0o755)
		if err != nil {
			return err
		}
		if _, err := io.Copy(out, in); err != nil {
			out.Close()
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	return nil
}
