// Package cross builds firmware from Debian's sources with Debian's cross compiler, and
// keeps what it has built.
//
// It needs the packages gcc-aarch64-linux-gnu, make, gcc and dpkg-dev.
package cross

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/farspoke/farspoke/internal/debian"
)

// Prefix is that of the cross compiler's programs.
const Prefix = "aarch64-linux-gnu-"

// Build is what was built.
type Build struct {
	// Source is what it was built from, and Compiler what with.
	Source   debian.Source
	Compiler string
	// Dir is where in the cache it lies.
	Dir string
}

// Recipe says how something is built.
type Recipe struct {
	// Source is the name of the source package, and Name that of the result.
	Source, Name string
	// Inputs tell builds apart, besides source and compiler. They are kept as JSON.
	Inputs []any
	// Make builds from the directory source in the directory out, which is not there
	// yet, and returns the directory, of its own, that holds the result.
	Make func(ctx context.Context, source, out string) (result string, err error)
}

// File returns the contents of a file of the result.
func (b Build) File(name string) ([]byte, error) { return os.ReadFile(filepath.Join(b.Dir, name)) }

// Do returns what a recipe makes: from the cache, if it was made from the same sources
// with the same compiler and inputs before.
func Do(ctx context.Context, cache debian.Cache, r Recipe) (Build, error) {
	source, err := cache.Source(ctx, r.Source)
	if err != nil {
		return Build{}, err
	}
	version, err := exec.CommandContext(ctx, Prefix+"gcc", "--version").Output()
	if err != nil {
		return Build{}, fmt.Errorf("%w (package gcc-aarch64-linux-gnu)", err)
	}
	compiler, _, _ := strings.Cut(string(version), "\n")
	inputs, err := json.Marshal([]any{source, compiler, r.Inputs})
	if err != nil {
		return Build{}, err
	}
	const shown = 8 // octets of the hash
	key := sha256.Sum256(inputs)
	b := Build{source, compiler, cache.Path(r.Source, fmt.Sprintf("%s-%x", r.Name, key[:shown]))}
	if _, err := os.Stat(b.Dir); err == nil {
		return b, nil
	}
	return b, b.make(ctx, r)
}

// make fills the build's directory, whole or not at all.
func (b Build) make(ctx context.Context, r Recipe) error {
	if err := os.MkdirAll(filepath.Dir(b.Dir), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(b.Dir), "build-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	unpacked := filepath.Join(tmp, "source")
	if err := b.Source.Unpack(ctx, unpacked); err != nil {
		return err
	}
	result, err := r.Make(ctx, unpacked, filepath.Join(tmp, "out"))
	if err != nil {
		return err
	}
	if err := os.Rename(result, b.Dir); err != nil {
		if _, statErr := os.Stat(b.Dir); statErr != nil { // no other build was faster
			return err
		}
	}
	return nil
}

// Run runs a command of a build in a directory, with the environment variables besides.
// If it fails the error has the last it has said.
func Run(ctx context.Context, dir string, environment []string, command ...string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), "LC_ALL=C", "MAKEFLAGS="), environment...)
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	const most = 20
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	return fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, bytes.Join(lines[max(0, len(lines)-most):], []byte("\n")))
}
