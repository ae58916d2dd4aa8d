package port

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/cellular/modem"
)

// Flags of a line (kernel: include/uapi/linux/gpio.h, enum gpio_v2_line_flag).
const (
	lineActiveLow = 1 << 1
	lineOutput    = 1 << 3
)

// PowerUp gives a modem power and takes it out of reset, where the board can. It
// changes nothing if that is so already, and is to be called before the modem is
// looked for: a process that ended in the midst of a PowerCycle has left it off.
func PowerUp(m board.Modem) error {
	for _, l := range []struct {
		line   board.Line
		active bool
	}{{m.Power, true}, {m.Reset, false}} {
		if l.line == (board.Line{}) {
			continue
		}
		if err := setLine("/dev", l.line, l.active); err != nil {
			return fmt.Errorf("power up modem in %s: %w", m.Slot, err)
		}
	}
	return nil
}

// PowerCycle takes the power away from a modem for a while, or holds it in reset
// where the board has no line for its power. The modem has power again when it
// returns, even if ctx was cancelled. The error is modem.ErrUnsupported if the board
// has neither line.
func PowerCycle(ctx context.Context, m board.Modem, off time.Duration) error {
	line, rest := m.Power, true
	if line == (board.Line{}) {
		line, rest = m.Reset, false
	}
	if line == (board.Line{}) {
		return fmt.Errorf("cut power of modem in %s: %w", m.Slot, modem.ErrUnsupported)
	}
	if err := setLine("/dev", line, !rest); err != nil {
		return fmt.Errorf("cut power of modem in %s: %w", m.Slot, err)
	}
	timer := time.NewTimer(off)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	if err := setLine("/dev", line, rest); err != nil {
		return fmt.Errorf("restore power of modem in %s: %w", m.Slot, err)
	}
	return ctx.Err()
}

// setLine makes a line an output that is active or not. It stays so when the line
// is let go of, though the kernel promises that of no chip: those of the boards we
// know do it.
func setLine(dev string, l board.Line, active bool) error {
	chip, err := openChip(dev, l.Chip)
	if err != nil {
		return err
	}
	defer unix.Close(chip)
	request := unix.GPIOV2LineRequest{Num_lines: 1}
	request.Offsets[0] = l.Number
	copy(request.Consumer[:], "modem")
	request.Config.Flags = lineOutput
	if l.ActiveLow {
		request.Config.Flags |= lineActiveLow
	}
	// The value comes with the request, so that the line never has another.
	request.Config.Num_attrs = 1
	request.Config.Attrs[0].Mask = 1
	request.Config.Attrs[0].Attr.Id = unix.GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES
	if active {
		request.Config.Attrs[0].Attr.Flags = 1
	}
	if err := ioctl(chip, unix.GPIO_V2_GET_LINE_IOCTL, unsafe.Pointer(&request)); err != nil {
		return fmt.Errorf("set line %d of GPIO chip %s: %w", l.Number, l.Chip, err)
	}
	return unix.Close(int(request.Fd))
}

// openChip opens the GPIO chip with the given label.
func openChip(dev, label string) (fd int, err error) {
	nodes, err := os.ReadDir(dev)
	if err != nil {
		return -1, fmt.Errorf("look for GPIO chip %s: %w", label, err)
	}
	for _, node := range nodes {
		if !strings.HasPrefix(node.Name(), "gpiochip") {
			continue
		}
		fd, err := unix.Open(path.Join(dev, node.Name()), unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			return -1, fmt.Errorf("open GPIO chip %s: %w", node.Name(), err)
		}
		var info unix.GPIOChipInfo
		err = ioctl(fd, unix.GPIO_GET_CHIPINFO_IOCTL, unsafe.Pointer(&info))
		if err == nil && unix.ByteSliceToString(info.Label[:]) == label {
			return fd, nil
		}
		unix.Close(fd)
		if err != nil {
			return -1, fmt.Errorf("ask GPIO chip %s for its label: %w", node.Name(), err)
		}
	}
	return -1, fmt.Errorf("look for GPIO chip %s: %w", label, errors.New("there is none"))
}

// ioctl does one control call on a device.
func ioctl(fd int, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}
