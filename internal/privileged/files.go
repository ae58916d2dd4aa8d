package privileged

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const (
	// filesVariable names the kept files in the router's environment, in the
	// order of their descriptors, which follow FD.
	filesVariable = "FARSPOKE_KEPT"
	nameSeparator = ":"
	// maxFiles bounds what PID 1 keeps.
	maxFiles = 64
)

// fileName is what a kept file may be called.
var fileName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Files are what PID 1 keeps for the router. The zero Files is empty and ready
// for use, by several goroutines at once.
type Files struct {
	mu   sync.Mutex
	kept map[string]*os.File
}

// Keep holds file under a name, in the place of an earlier one.
func (f *Files) Keep(name string, file *os.File) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	earlier, replaces := f.kept[name]
	if !replaces && len(f.kept) == maxFiles {
		return fmt.Errorf("%d files are kept already", maxFiles)
	}
	if f.kept == nil {
		f.kept = make(map[string]*os.File)
	}
	f.kept[name] = file
	if replaces {
		return earlier.Close()
	}
	return nil
}

// Drop lets go of a file.
func (f *Files) Drop(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if file, ok := f.kept[name]; ok {
		delete(f.kept, name)
		file.Close()
	}
}

// Pass makes cmd, which has the router's end as its only extra file, inherit
// all files.
func (f *Files) Pass(cmd *exec.Cmd) {
	f.mu.Lock()
	defer f.mu.Unlock()
	names := slices.Sorted(maps.Keys(f.kept))
	for _, name := range names {
		cmd.ExtraFiles = append(cmd.ExtraFiles, f.kept[name])
	}
	cmd.Env = append(cmd.Env, filesVariable+"="+strings.Join(names, nameSeparator))
}

// Kept returns the files that earlier router processes left with PID 1, by
// name. They are the caller's to close.
func Kept() map[string]*os.File {
	kept := make(map[string]*os.File)
	for i, name := range strings.Split(os.Getenv(filesVariable), nameSeparator) {
		if name != "" {
			kept[name] = os.NewFile(uintptr(FD+1+i), name)
		}
	}
	return kept
}
