package disk

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// partition is the data partition, and where it is mounted.
type partition struct {
	*os.File
	target string
}

func (p partition) mount() (dir string, err error) {
	if err := os.MkdirAll(p.target, 0o700); err != nil {
		return "", fmt.Errorf("mount the data partition: %w", err)
	}
	if err := MendSuperblock(p); err != nil {
		return "", fmt.Errorf("mount the data partition: %w", err)
	}
	const inert = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME
	if err := unix.Mount(p.Name(), p.target, "ext4", inert, "errors=remount-ro"); err != nil {
		return "", fmt.Errorf("mount the data partition: %w", err)
	}
	return p.target, nil
}

func (p partition) unmount() error {
	if err := unix.Unmount(p.target, 0); err != nil {
		return fmt.Errorf("unmount the data partition: %w", err)
	}
	return nil
}

// resizeFS is EXT4_IOC_RESIZE_FS: _IOW('f', 16, __u64).
const resizeFS = 1<<30 | 8<<16 | 'f'<<8 | 16

// grow lets the mounted file system have all of the partition.
func (p partition) grow() error {
	size, err := p.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("measure the data partition: %w", err)
	}
	dir, err := os.Open(p.target)
	if err != nil {
		return fmt.Errorf("grow the data partition: %w", err)
	}
	defer dir.Close()
	blocks := uint64(size / blockSize)
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), resizeFS, uintptr(unsafe.Pointer(&blocks))); errno != 0 {
		return fmt.Errorf("grow the data partition: %w", errno)
	}
	return nil
}

const (
	// discardStep is how much is discarded at a time, in octets, and discardLimit how
	// long all of it may take: the router waits.
	discardStep  = 256 << 20
	discardLimit = 20 * time.Second
)

// discard tells the disk that nothing on the partition is needed.
func (p partition) discard(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, discardLimit, fmt.Errorf("discarding them takes more than %v", discardLimit))
	defer cancel()
	size, err := p.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	for at := int64(0); at < size; at += discardStep {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		part := [2]uint64{uint64(at), uint64(min(discardStep, size-at))}
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, p.Fd(), unix.BLKDISCARD, uintptr(unsafe.Pointer(&part)))
		if errno != 0 {
			return fmt.Errorf("discard them: %w", errno)
		}
	}
	return nil
}
