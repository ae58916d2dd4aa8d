package pid1

import (
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// runDir is where PID 1 and the router keep what lasts until the power goes.
const runDir = "/run/farspoke"

// step is one act of setting up the file system.
type step interface {
	Create() error
	String() string
}

// mount is a file system and where it goes.
type mount struct {
	fstype, target string
	flags          uintptr
	data           string
}

// dir is a directory with exactly this mode.
type dir struct {
	path string
	mode fs.FileMode
}

// readOnly is the end of all changes to a file system that is mounted, whoever makes
// them.
type readOnly struct {
	target string
}

const (
	// inert is for file systems that hold neither programs nor devices.
	inert = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	// nodes is for those that hold devices.
	nodes = unix.MS_NOSUID | unix.MS_NOEXEC
)

// fileSystem is what the box looks like, in the order of its making. What can
// grow is bounded, so that a full /tmp takes no memory from the router. Nothing can
// both be written and hold programs: those are on the root file system, which came
// with the image and stays as it came.
var fileSystem = []step{
	mount{"proc", "/proc", inert, ""},
	mount{"sysfs", "/sys", inert, ""},
	mount{"devtmpfs", "/dev", nodes, "mode=0755"},
	mount{"devpts", "/dev/pts", nodes, "mode=0620,ptmxmode=0666"},
	mount{"cgroup2", "/sys/fs/cgroup", inert, ""},
	// For reading how far the kernel is locked down.
	mount{"securityfs", "/sys/kernel/security", inert | unix.MS_RDONLY, ""},
	// A Go program that panics with many goroutines says much.
	mount{"pstore", "/sys/fs/pstore", inert, "kmsg_bytes=65536"},
	mount{"tmpfs", "/run", inert, "mode=0755,size=10%"},
	mount{"tmpfs", "/tmp", inert, "mode=1777,size=10%"},
	dir{runDir, 0o700},
	dir{dataDir, 0o700}, // for the data partition, if there is one
	readOnly{"/"},
}

// Create mounts the file system, on a directory that it makes if need be.
func (m mount) Create() error {
	if err := os.MkdirAll(m.target, 0o755); err != nil {
		return fmt.Errorf("create mount point: %w", err)
	}
	if err := unix.Mount(m.fstype, m.target, m.fstype, m.flags, m.data); err != nil {
		return fmt.Errorf("%s: %w", m, err)
	}
	return nil
}

func (m mount) String() string { return "mount " + m.fstype + " on " + m.target }

// Create makes the directory and everything above it.
func (d dir) Create() error {
	if err := os.MkdirAll(d.path, d.mode); err != nil {
		return fmt.Errorf("%s: %w", d, err)
	}
	if err := os.Chmod(d.path, d.mode); err != nil {
		return fmt.Errorf("%s: %w", d, err)
	}
	return nil
}

func (d dir) String() string { return "create directory " + d.path }

// Create makes the file system read-only, which the kernel refuses while a file of it
// is open for writing.
func (r readOnly) Create() error {
	const flags = unix.MS_REMOUNT | unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV
	if err := unix.Mount("", r.target, "", flags, ""); err != nil {
		return fmt.Errorf("%s: %w", r, err)
	}
	return nil
}

func (r readOnly) String() string { return "make " + r.target + " read-only" }
