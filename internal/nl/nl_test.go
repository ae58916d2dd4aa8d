package nl

import (
	"errors"
	"testing"

	"github.com/vishvananda/netlink"
)

func TestListRepeatsInterruptedDumps(t *testing.T) {
	calls := 0
	got, err := List(func() ([]int, error) {
		if calls++; calls < 3 {
			return []int{1}, netlink.ErrDumpInterrupted
		}
		return []int{1, 2}, nil
	})
	if err != nil || len(got) != 2 || calls != 3 {
		t.Errorf("List = %v, %v after %d calls", got, err, calls)
	}
}

func TestListGivesUp(t *testing.T) {
	_, err := List(func() ([]int, error) { return nil, netlink.ErrDumpInterrupted })
	if !errors.Is(err, netlink.ErrDumpInterrupted) {
		t.Errorf("err = %v, want ErrDumpInterrupted", err)
	}
	broken := errors.New("permission denied")
	if _, err := List(func() ([]int, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Errorf("err = %v, want the dump's own", err)
	}
}
