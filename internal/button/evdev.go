package button

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/uevent"
)

// Kernel are the input devices of the kernel's driver evdev.
type Kernel struct{}

// Await implements Inputs.
func (Kernel) Await(ctx context.Context, name string) (Device, error) {
	socket, err := uevent.Listen() // before the first look, so that nothing is missed
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	for {
		if found := find("/dev/input", name); found != nil {
			return found, nil
		}
		if err := awaitInput(ctx, socket); err != nil {
			return nil, err
		}
	}
}

// awaitInput returns when another input device may be there.
func awaitInput(ctx context.Context, socket *uevent.Socket) error {
	for {
		e, err := socket.Receive(ctx)
		if errors.Is(err, uevent.ErrOverrun) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.Action == "add" && e.Vars["SUBSYSTEM"] == "input" && e.Vars["DEVNAME"] != "" {
			return nil
		}
	}
}

// find opens the device of the given name in dir, nil if there is none. One that
// cannot be asked is on its way out.
func find(dir, name string) Device {
	paths, _ := filepath.Glob(filepath.Join(dir, "event*"))
	for _, path := range paths {
		file, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
		if err != nil {
			continue
		}
		device := evdev{file}
		if called, err := device.name(); err == nil && called == name && device.countSinceStart() == nil {
			return device
		}
		file.Close()
	}
	return nil
}

// evdev is a character device of the kernel's.
type evdev struct{ file *os.File }

// Read implements Device. The kernel returns whole events, as many as there is room
// for.
func (d evdev) Read() (Event, error) {
	var data [eventSize]byte
	n, err := d.file.Read(data[:])
	if err != nil {
		return Event{}, err
	}
	return parse(data[:n])
}

// Held implements Device.
func (d evdev) Held(code uint16) (bool, error) {
	var keys [keyCount / 8]byte
	if err := d.ioctl(read('E', 0x18, len(keys)), unsafe.Pointer(&keys)); err != nil { // EVIOCGKEY
		return false, fmt.Errorf("read which keys are down: %w", err)
	}
	return code < keyCount && keys[code/8]&(1<<(code%8)) != 0, nil
}

// Close implements Device.
func (d evdev) Close() error { return d.file.Close() }

// name is what the driver calls the device.
func (d evdev) name() (string, error) {
	var name [256]byte
	if err := d.ioctl(read('E', 0x06, len(name)), unsafe.Pointer(&name)); err != nil { // EVIOCGNAME
		return "", fmt.Errorf("read the name of an input device: %w", err)
	}
	before, _, _ := bytes.Cut(name[:], []byte{0})
	return string(before), nil
}

// countSinceStart makes the times of events those of a clock that nobody sets.
func (d evdev) countSinceStart() error {
	clock := int32(unix.CLOCK_MONOTONIC)
	if err := d.ioctl(write('E', 0xa0, 4), unsafe.Pointer(&clock)); err != nil { // EVIOCSCLOCKID
		return fmt.Errorf("choose the clock of an input device: %w", err)
	}
	return nil
}

// ioctl leaves the file as it is, which Fd would make block.
func (d evdev) ioctl(request uintptr, argument unsafe.Pointer) error {
	conn, err := d.file.SyscallConn()
	if err != nil {
		return err
	}
	var errno unix.Errno
	err = conn.Control(func(fd uintptr) { _, _, errno = unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(argument)) })
	if err == nil && errno != 0 {
		err = errno
	}
	return err
}

// read and write are the numbers of requests that fill or take that many octets
// (asm-generic/ioctl.h).
func read(class, number, size int) uintptr  { return uintptr(2<<30 | size<<16 | class<<8 | number) }
func write(class, number, size int) uintptr { return uintptr(1<<30 | size<<16 | class<<8 | number) }
