// Command root takes the place of the shell and tries, as root with all capabilities,
// what the box should let nobody do. It says on its output what it could do all the
// same, and when it is done. Then it crashes the kernel.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/lockdown"
)

func main() {
	if len(os.Args) > 1 {
		return // it runs from where it should not
	}
	for _, gap := range lockdown.Read(os.DirFS("/")).Gaps(true) {
		say("gap: %s", gap)
	}
	for _, name := range []string{"/new", "/init", "/etc/farspoke/farspoke.yaml", "/lib/modules/new", "/bin/farspoke"} {
		if err := os.WriteFile(name, nil, 0o755); !errors.Is(err, unix.EROFS) {
			say("could write %s: %v", name, err)
		}
	}
	tried, err := runFromMounts()
	if err != nil {
		say("error: %v", err)
	}
	say("tried to run from %q", tried)
	if err := loadUnsigned(); !errors.Is(err, unix.EKEYREJECTED) {
		say("could load an unsigned module: %v", err)
	}
	if _, err := os.Open("/dev/mem"); !errors.Is(err, unix.EPERM) {
		say("could read memory: %v", err)
	}
	if err := crash(); err != nil {
		say("error: %v", err)
	}
}

func say(format string, args ...any) { fmt.Printf("root: "+format+"\r\n", args...) }

// runFromMounts copies this program to each file system that takes it, and tries to
// run it there. It returns where.
func runFromMounts() (tried []string, err error) {
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(mounts)) {
		target := strings.Fields(line)[1]
		file := filepath.Join(target, "program")
		if os.WriteFile(file, program, 0o755) != nil {
			continue
		}
		tried = append(tried, target)
		if err := exec.Command(file, "and return").Run(); !errors.Is(err, fs.ErrPermission) {
			say("could run %s: %v", file, err)
		}
		if err := os.Remove(file); err != nil {
			return tried, err
		}
	}
	slices.Sort(tried)
	return tried, nil
}

// loadUnsigned loads a module without the mark of its signature.
func loadUnsigned() error {
	found, err := filepath.Glob("/lib/modules/*/kernel/net/netfilter/nf_tables.ko")
	if err != nil || len(found) != 1 {
		return fmt.Errorf("found %q, %w", found, err)
	}
	module, err := os.ReadFile(found[0])
	if err != nil {
		return err
	}
	module, ok := bytes.CutSuffix(module, []byte("~Module signature appended~\n"))
	if !ok {
		return errors.New("it is not signed")
	}
	return unix.InitModule(module, "")
}

// crash waits until the kernel knows where to leave its last words, and lets it panic.
func crash() error {
	limit := time.After(time.Minute)
	for again := time.NewTicker(100 * time.Millisecond); ; {
		backend, err := os.ReadFile("/sys/module/pstore/parameters/backend")
		if err == nil && strings.TrimSpace(string(backend)) == "ramoops" {
			break
		}
		select {
		case <-again.C:
		case <-limit:
			return fmt.Errorf("nobody keeps the text of a crash: %q, %v", backend, err)
		}
	}
	say("done")
	return os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0)
}
