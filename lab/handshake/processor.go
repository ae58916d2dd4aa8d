package handshake

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// processors returns the numbers of those we may use, of which there are at
// least two.
func processors() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, fmt.Errorf("list the processors: %w", err)
	}
	var all []int
	for cpu := 0; len(all) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			all = append(all, cpu)
		}
	}
	if len(all) < 2 {
		return nil, errors.New("the responder and its load need a processor each, and there is one")
	}
	return all, nil
}

// only returns the set of one processor.
func only(cpu int) *unix.CPUSet {
	var set unix.CPUSet
	set.Set(cpu)
	return &set
}

// pin keeps this process on one processor until it is released.
func pin(cpu int) (release func(), err error) {
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("read the processors in use: %w", err)
	}
	if err := allThreads(only(cpu)); err != nil {
		return nil, err
	}
	return func() { allThreads(&before) }, nil
}

// allThreads moves every thread of this process. New threads stay with the one
// that makes them.
func allThreads(set *unix.CPUSet) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("list the threads: %w", err)
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			return fmt.Errorf("list the threads: %w", err)
		}
		if err := unix.SchedSetaffinity(id, set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("choose a processor: %w", err)
		}
	}
	return nil
}
