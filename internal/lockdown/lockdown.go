// Package lockdown reads how far the box is closed, against its own root as well:
// what its kernel lets nobody do, which modules it takes, and which files can be
// written. All of it is what the kernel says at the moment, and not what somebody
// has asked of it.
package lockdown

import (
	"io/fs"
	"slices"
	"strings"
)

// Level is how far the kernel guards itself from root (kernel:
// security/lockdown/lockdown.c).
type Level string

const (
	// Unknown is of a kernel that does not say.
	Unknown Level = ""
	// Off lets root change the kernel.
	Off Level = "none"
	// Integrity keeps root from changing it, and Confidentiality from reading its
	// secrets too, such as the keys of SAs.
	Integrity       Level = "integrity"
	Confidentiality Level = "confidentiality"
)

// Argument is the kernel's argument for a level, which holds from the first
// instruction that can break it.
func (l Level) Argument() string { return "lockdown=" + string(l) }

// State is how far the box is closed. What the kernel does not say counts as open.
type State struct {
	Kernel Level `json:"kernel"`
	// SignedModules says that the kernel loads no module that nobody whom it trusts
	// has signed.
	SignedModules bool `json:"signed-modules"`
	// ReadOnlyRoot says that the root file system cannot be written.
	ReadOnlyRoot bool `json:"read-only-root"`
	// Open are where file systems are mounted that can be written and hold programs,
	// and so the places for a program that did not come with the image.
	Open []string `json:"writable-and-executable,omitempty"`
}

// The files that say so.
const (
	levelFile     = "sys/kernel/security/lockdown"
	signatureFile = "sys/module/module/parameters/sig_enforce"
	mountsFile    = "proc/self/mounts"
)

// Read returns the state. The root of fsys is the box's.
func Read(fsys fs.FS) State {
	text := func(name string) string {
		data, err := fs.ReadFile(fsys, name)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(data))
	}
	s := State{Kernel: chosen(text(levelFile)), SignedModules: text(signatureFile) == "Y"}
	for line := range strings.Lines(text(mountsFile)) {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		target, options := fields[1], strings.Split(fields[3], ",")
		readOnly := slices.Contains(options, "ro")
		if target == "/" {
			s.ReadOnlyRoot = readOnly // the last one hides those before
		}
		if !readOnly && !slices.Contains(options, "noexec") {
			s.Open = append(s.Open, target)
		}
	}
	return s
}

// chosen returns the word in brackets: "none integrity [confidentiality]".
func chosen(levels string) Level {
	_, rest, _ := strings.Cut(levels, "[")
	level, _, _ := strings.Cut(rest, "]")
	return Level(level)
}

// Gaps are what is not as it should be, in words. The kernel of a box that nobody has
// verified need not guard itself: what has started it could have been anything.
func (s State) Gaps(verified bool) []string {
	var gaps []string
	if verified && s.Kernel != Confidentiality {
		gaps = append(gaps, "the kernel is not locked down")
	}
	if verified && !s.SignedModules {
		gaps = append(gaps, "the kernel loads unsigned modules")
	}
	if !s.ReadOnlyRoot {
		gaps = append(gaps, "the root file system can be written")
	}
	for _, target := range s.Open {
		if target != "/" {
			gaps = append(gaps, target+" can be written and run from")
		}
	}
	return gaps
}
