package kmod

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Loader puts modules into the running kernel, each once. It is safe for
// concurrent use: who asks for a module that another is just loading waits for
// it.
type Loader struct {
	index *Index
	init  func(path, params string) error

	mu      sync.Mutex
	loading map[string]func() error // by path, the once-only load
}

// Open returns the loader for the modules of the running kernel, which lie
// below dir, /lib/modules on the box, in a directory named after its release.
// With an error comes a loader that knows no module.
func Open(dir string) (*Loader, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return newLoader(&Index{}, initModule), fmt.Errorf("ask for the kernel's release: %w", err)
	}
	dir = filepath.Join(dir, unix.ByteSliceToString(name.Release[:]))
	index, err := ReadIndex(os.DirFS(dir))
	if err != nil {
		return newLoader(&Index{}, initModule), err
	}
	init := func(path, params string) error { return initModule(filepath.Join(dir, path), params) }
	return newLoader(index, init), nil
}

func newLoader(index *Index, init func(path, params string) error) *Loader {
	return &Loader{index: index, init: init, loading: make(map[string]func() error)}
}

// Load loads the named modules and what they need, in that order: a module may
// look for a service that another one offers without depending on it. It goes
// on after a module that fails and returns all errors, joined.
func (l *Loader) Load(names ...string) error {
	var errs []error
	for _, name := range names {
		errs = append(errs, l.LoadParams(name, ""))
	}
	return errors.Join(errs...)
}

// LoadParams loads one module with parameters as on modprobe's command line,
// and what it needs without. Parameters come too late for a module that is
// loaded already.
func (l *Loader) LoadParams(name, params string) error {
	paths, err := l.index.Closure(name)
	if err != nil {
		return fmt.Errorf("load module %s: %w", name, err)
	}
	own, _ := l.index.Path(name)
	for _, path := range paths {
		var p string
		if path == own {
			p = params
		}
		if err := l.once(path, p); err != nil {
			return fmt.Errorf("load module %s: %w", name, err)
		}
	}
	return nil
}

// LoadFor loads the modules for a device's MODALIAS and returns their names,
// none if the image holds no driver for it.
func (l *Loader) LoadFor(modalias string) ([]string, error) {
	names := l.index.Match(modalias)
	return names, l.Load(names...)
}

// once loads one file, or waits for whoever is loading it, and returns how
// that went.
func (l *Loader) once(path, params string) error {
	l.mu.Lock()
	load, ok := l.loading[path]
	if !ok {
		load = sync.OnceValue(func() error { return l.init(path, params) })
		l.loading[path] = load
	}
	l.mu.Unlock()
	return load()
}

// initModule hands a file to the kernel. What is compressed by gzip is unpacked
// here: Debian's kernel does not do that.
func initModule(path, params string) error {
	var err error
	if strings.HasSuffix(path, packedSuffix) {
		err = initPacked(path, params)
	} else {
		err = initFile(path, params)
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("init module %s: %w", path, err)
	}
	return nil
}

func initFile(path, params string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	return unix.FinitModule(int(file.Fd()), params, 0)
}

func initPacked(path, params string) error {
	packed, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	image, err := unpack(packed)
	if err != nil {
		return err
	}
	return unix.InitModule(image, params)
}
