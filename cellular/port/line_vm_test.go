//go:build vm

package port

import (
	"context"
	"errors"
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
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := make(chan error, 1)
	go func() { cancelled <- PowerCycle(ctx, m, time.Hour) }()
	eventually(t, "the end of the power", func() bool { return !voltage(t, 0) })
	cancel()
	if err := <-cancelled; !errors.Is(err, context.Canceled) || !voltage(t, 0) {
		t.Errorf("power %v after a cycle that ended early: %v", voltage(t, 0), err)
	}

	// With a line for reset alone, that is what the cycle uses.
	m.Power = board.Line{}
	ctx, cancel = context.WithCancel(t.Context())
	go func() { cancelled <- PowerCycle(ctx, m, time.Hour) }()
	eventually(t, "reset", func() bool { return !voltage(t, 1) })
	cancel()
	if err := <-cancelled; !errors.Is(err, context.Canceled) || !voltage(t, 1) {
		t.Errorf("after a reset that ended early: %v", err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("%s does not come", what)
		case <-time.After(time.Millisecond):
		}
	}
}
