package pid1

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/internal/pid1/pstore"
)

const (
	pstoreDir = "/sys/fs/pstore"
	crashDir  = runDir + "/crash"
	// reservedDir is what the device tree says of memory that the kernel leaves alone,
	// below /proc.
	reservedDir = "device-tree/reserved-memory"
)

// ramoopsParams returns the parameters of the driver that keeps crash text, none if it
// reads the same in the device tree. The root of proc is /proc.
func ramoopsParams(r board.Ramoops, proc fs.FS) (string, error) {
	if _, err := fs.Stat(proc, path.Join(reservedDir, r.Node())); err == nil {
		return "", nil
	}
	if !r.Spare {
		return "", fmt.Errorf("the device tree, which is not ours, does not reserve %#x for it", r.Address)
	}
	return r.Params(), nil
}

// keepPanics makes the Go runtime write a fatal panic to file, which leads to
// the kernel's log. The end of PID 1 is a panic of the kernel, and that takes
// the log to pstore.
func keepPanics(file *os.File) error {
	debug.SetTraceback("all")
	if err := debug.SetCrashOutput(file, debug.CrashOptions{}); err != nil {
		return fmt.Errorf("set crash output: %w", err)
	}
	return nil
}

// keepCrash moves what the previous run left in root, which is pstoreDir, to
// dir, says what it was, and frees the memory for the next one.
func keepCrash(log *slog.Logger, root, dir string) error {
	dumps, err := pstore.Read(os.DirFS(root))
	if len(dumps) == 0 {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("keep crash text: %w", err)
	}
	errs := []error{err}
	crashed := false
	for _, d := range dumps {
		// The restart that follows a panic dumps the same log again.
		if again := crashed && d.Reason == "Emergency"; !again {
			if err := keepDump(log, d, dir); err != nil {
				errs = append(errs, err)
				continue
			}
		}
		crashed = crashed || d.Crash()
		for _, record := range d.Files {
			if err := os.Remove(filepath.Join(root, record)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("erase crash record: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

// keepDump writes one dump to dir and says what it is.
func keepDump(log *slog.Logger, d pstore.Dump, dir string) error {
	file := filepath.Join(dir, fmt.Sprintf("%s-%d.txt", strings.ToLower(filepath.Base(d.Reason)), d.Count))
	if err := os.WriteFile(file, []byte(d.Text), 0o600); err != nil {
		return fmt.Errorf("keep crash text: %w", err)
	}
	headline := pstore.Headline(d.Text)
	switch {
	case d.Crash():
		log.Error("the previous run ended in a crash: "+cmp.Or(headline, "its log does not say why"), "reason", d.Reason, "file", file)
	case headline != "":
		log.Warn("the previous run ended in order, after a crash: "+headline, "file", file)
	default:
		log.Info("the previous run ended in order", "file", file)
	}
	return nil
}
