package debian

import (
	"context"
	"time"
)

const (
	// fetchLimit is for how long it is tried again to fetch something, and fetchPause
	// the time in between.
	fetchLimit = 3 * time.Minute
	fetchPause = 2 * time.Second
)

// fetch has apt-get do what needs the network.
func (c Cache) fetch(ctx context.Context, arch, dir string, args ...string) error {
	return patiently(ctx, func() error {
		_, err := c.apt(ctx, arch, dir, "apt-get", args...)
		return err
	})
}

// patiently calls fetch until it succeeds, for a while. apt would try again by itself
// (Acquire::Retries), but never at an address where nobody answered once, and apt 2.6
// waits for ever when a download is cut off while another is queued.
func patiently(ctx context.Context, fetch func() error) error {
	for end := time.Now().Add(fetchLimit); ; {
		err := fetch()
		if err == nil || !time.Now().Before(end) {
			return err
		}
		select {
		case <-time.After(fetchPause):
		case <-ctx.Done():
			return err
		}
	}
}
