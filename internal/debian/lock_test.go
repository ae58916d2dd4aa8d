package debian

import (
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
)

// TestOneFetchesAtATime: whoever comes second waits for the first.
func TestOneFetchesAtATime(t *testing.T) {
	cache := Cache(t.TempDir() + "/new")
	var fetching atomic.Int32
	var builds errgroup.Group
	for range 20 {
		builds.Go(func() error {
			unlock, err := cache.lock()
			if err != nil {
				return err
			}
			defer unlock()
			if n := fetching.Add(1); n != 1 {
				t.Errorf("%d fetch at once", n)
			}
			fetching.Add(-1)
			return nil
		})
	}
	if err := builds.Wait(); err != nil {
		t.Fatal(err)
	}
}
