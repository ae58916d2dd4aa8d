//go:build vm

package port

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/board"
)

// chip is the GPIO chip of QEMU's "virt".
const chip = "9030000.pl061"

// voltage reads a line without changing what it is.
func voltage(t *testing.T, number uint32) bool {
	t.Helper()
	fd, err := openChip("/dev", chip)
	must(t, err)
	defer unix.Close(fd)
	request := unix.GPIOV2LineRequest{Num_lines: 1}
	request.Offsets[0] = number
	must(t, ioctl(fd, unix.GPIO_V2_GET_LINE_IOCTL, unsafe.Pointer(&request)))
	defer unix.Close(int(request.Fd))
	values := unix.GPIOV2LineValues{Mask: 1}
	must(t, ioctl(int(request.Fd), unix.GPIO_V2_LINE_GET_VALUES_IOCTL, unsafe.Pointer(&values)))
	return values.Bits == 1
}

func TestPower(t *testing.T) {
	m := board.Modem{Slot: "M.2", Power: board.Line{Chip: chip, Number: 0}, Reset: board.Line{Chip: chip, Number: 1, ActiveLow: true}}
	must(t, PowerUp(m))
	if !voltage(t, 0) || !voltage(t, 1) {
		t.Error("no power, or held in reset")
	}
	must(t, PowerCycle(t.Context(), m, time.Millisecond))
	if !voltage(t, 0) {
		t.Error("no power after the cycle")
	}
	endsEarly(t, m, 0)
	// With a line for reset alone, that is what the cycle uses.
	m.Power = board.Line{}
	endsEarly(t, m, 1)
}

// endsEarly cancels a cycle of which the given line is the one that changes.
func endsEarly(t *testing.T, m board.Modem, number uint32) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	waited := &waited{Context: ctx, begun: make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- PowerCycle(waited, m, time.Hour) }()
	select {
	case <-waited.begun:
	case err := <-done:
		t.Fatalf("line %d: %v", number, err)
	}
	if voltage(t, number) {
		t.Errorf("line %d has not changed", number)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) || !voltage(t, number) {
		t.Errorf("line %d is %v after a cycle that ended early: %v", number, voltage(t, number), err)
	}
}

// waited is a context that tells when somebody begins to wait for its end: a line
// cannot be read while it is being set.
type waited struct {
	context.Context
	once  sync.Once
	begun chan struct{}
}

func (w *waited) Done() <-chan struct{} {
	w.once.Do(func() { close(w.begun) })
	return w.Context.Done()
}
