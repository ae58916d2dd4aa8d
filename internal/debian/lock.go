package debian

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// lock waits until no other build fetches into the cache: apt has one state for all,
// and refuses who comes second. It returns what lets the next one go on.
func (c Cache) lock() (unlock func(), err error) {
	if err := os.MkdirAll(string(c), 0o755); err != nil {
		return nil, fmt.Errorf("create the cache: %w", err)
	}
	file, err := os.OpenFile(c.Path("lock"), os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the cache: %w", err)
	}
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if err != unix.EINTR {
			file.Close()
			return nil, fmt.Errorf("lock the cache: %w", err)
		}
	}
}
