package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/farspoke/farspoke/internal/debian"
)

// downloads are what a clean build finds in the cache: what came from Debian, and
// the development key.
var downloads = []string{"kernel", "sources", "keys"}

// changedFile is the Go file that the incremental build finds changed. Much of the
// firmware imports its package, directly or not.
const changedFile = "ikev2/session/session.go"

// buildTime builds the disk of a fresh clone, in a cache that holds nothing but
// downloads, and builds it again after a file has changed.
func buildTime(ctx context.Context, _ images) ([]Figure, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "farspoke-build-*")
	if err != nil {
		return nil, fmt.Errorf("create a directory for the build: %w", err)
	}
	defer os.RemoveAll(dir)
	clone, cache := filepath.Join(dir, "farspoke"), filepath.Join(dir, "cache")
	if out, err := exec.CommandContext(ctx, "git", "clone", "--quiet", root, clone).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("clone the project: %w\n%s", err, out)
	}
	if err := linkDownloads(cache); err != nil {
		return nil, err
	}
	clean, err := timeBuild(ctx, clone, cache)
	if err != nil {
		return nil, err
	}
	if err := change(filepath.Join(clone, changedFile)); err != nil {
		return nil, err
	}
	incremental, err := timeBuild(ctx, clone, cache)
	if err != nil {
		return nil, err
	}
	model, err := processorModel()
	if err != nil {
		return nil, err
	}
	return []Figure{
		{
			ID: "build-time/clean", Ours: clean.Seconds(), Unit: "s", Target: 300,
			Method: fmt.Sprintf("`make image DISK=1` in a fresh clone, by the clock, on %s: boot loader, firmware, compression, signature, disk. Clean is with empty caches, Go's and ours, so that Go's standard library is compiled too; Debian's packages (kernel, sources of U-Boot, cross compiler) and Go's modules are downloaded already. Incremental is after a change of %s. There is no peer.", model, changedFile),
		},
		{ID: "build-time/incremental", Ours: incremental.Seconds(), Unit: "s", Target: 15},
	}, nil
}

// linkDownloads makes a cache of ours, below the directory for all caches, whose
// only contents are the user's downloads.
func linkDownloads(caches string) error {
	user, err := debian.UserCache()
	if err != nil {
		return err
	}
	dir := filepath.Join(caches, filepath.Base(string(user)))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make a cache: %w", err)
	}
	for _, name := range downloads {
		if err := os.Symlink(user.Path(name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("make a cache: %w", err)
		}
	}
	return nil
}

// timeBuild builds the disk of the project in dir and returns how long that took.
func timeBuild(ctx context.Context, dir, caches string) (time.Duration, error) {
	cmd := exec.CommandContext(ctx, "make", "image", "DISK=1")
	cmd.Dir = dir
	// What this make was told is not for that one.
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKEOVERRIDES=", "XDG_CACHE_HOME="+caches, "GOCACHE="+filepath.Join(caches, "go-build"))
	begin := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("make image DISK=1: %w\n%s", err, out)
	}
	return time.Since(begin), nil
}

// change adds a function to a Go file, for which everything that imports its
// package is compiled again.
func change(file string) error {
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("change a file: %w", err)
	}
	if _, err := out.WriteString("\n// Changed is new.\nfunc Changed() string { return \"changed\" }\n"); err != nil {
		out.Close()
		return fmt.Errorf("change a file: %w", err)
	}
	return out.Close()
}

// processorModel returns what the kernel calls this machine's processor.
func processorModel() (string, error) {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "", fmt.Errorf("read the processor's model: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value), nil
		}
	}
	return "a processor without a name", lines.Err()
}
