package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/internal/debian"
)

// uroot is the command that builds many u-root commands into one binary.
const uroot = "github.com/u-root/u-root"

// flags are u-root's. Its default base archive is left out: it brings a resolver
// of its own choice and directories that anybody may write. goshsmall is a shell
// that leaves line editing to the terminal, as a serial console wants it.
var flags = []string{
	"-build=gbb", "-base=/dev/null", "-skip-ldd", "-initcmd=", "-uinitcmd=", "-defaultsh=gosh", "-tags=goshsmall",
}

// toolboxArchive returns a cpio archive with the u-root commands that go.mod
// names as tools, below /bbin, and a shell at /bin/sh. u-root compiles the
// whole standard library anew each time, so the archive is cached by what
// determines it.
func toolboxArchive(ctx context.Context, cache debian.Cache) ([]byte, error) {
	commands, key, err := toolboxCommands(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the toolbox's commands: %w", err)
	}
	cached := cache.Path("toolbox", key+".cpio")
	if data, err := os.ReadFile(cached); err == nil {
		return data, nil
	}
	if err := os.MkdirAll(filepath.Dir(cached), 0o755); err != nil {
		return nil, fmt.Errorf("cache the toolbox: %w", err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(cached), "build-*")
	if err != nil {
		return nil, fmt.Errorf("cache the toolbox: %w", err)
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "toolbox.cpio")
	if err := buildToolbox(ctx, file, dir, commands); err != nil {
		return nil, fmt.Errorf("build the toolbox: %w", err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("build the toolbox: %w", err)
	}
	if err := os.Rename(file, cached); err != nil {
		return nil, fmt.Errorf("cache the toolbox: %w", err)
	}
	return data, nil
}

// buildToolbox runs u-root.
func buildToolbox(ctx context.Context, file, dir string, commands []string) error {
	program := filepath.Join(dir, "u-root")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", program, uroot).CombinedOutput(); err != nil {
		return fmt.Errorf("build u-root: %w\n%s", err, out)
	}
	args := slices.Concat(flags, []string{"-tmp-dir=" + filepath.Join(dir, "tmp"), "-o=" + file}, commands)
	if err := os.Mkdir(filepath.Join(dir, "tmp"), 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run u-root: %w\n%s", err, out)
	}
	return nil
}

// toolboxCommands returns the u-root commands among the tools of go.mod, and a
// key that changes with them, with any module's version and with Go's.
func toolboxCommands(ctx context.Context) (commands []string, key string, err error) {
	out, err := exec.CommandContext(ctx, "go", "mod", "edit", "-json").Output()
	if err != nil {
		return nil, "", fmt.Errorf("go mod edit -json: %w", err)
	}
	var module struct{ Tool []struct{ Path string } }
	if err := json.Unmarshal(out, &module); err != nil {
		return nil, "", fmt.Errorf("go mod edit -json: %w", err)
	}
	for _, tool := range module.Tool {
		if strings.HasPrefix(tool.Path, uroot+"/cmds/") {
			commands = append(commands, tool.Path)
		}
	}
	// The full list of modules in use rather than go.sum, which also grows
	// with modules that the toolbox does not see.
	modules, err := exec.CommandContext(ctx, "go", "list", "-deps", "-f", "{{with .Module}}{{.Path}} {{.Version}}{{end}}", uroot+"/cmds/core/gosh", uroot).Output()
	if err != nil {
		return nil, "", fmt.Errorf("list the toolbox's modules: %w", err)
	}
	version, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output()
	if err != nil {
		return nil, "", fmt.Errorf("ask Go for its version: %w", err)
	}
	hash := sha256.New()
	fmt.Fprintf(hash, "%q\n%q\n%s\n%s", flags, commands, modules, version)
	return commands, fmt.Sprintf("%x", hash.Sum(nil)[:8]), nil
}
