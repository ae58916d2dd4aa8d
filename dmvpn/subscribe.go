package dmvpn

import (
	"context"
	"fmt"
	"time"
)

// subscribePause is the time between two subscriptions: the kernel ends one when
// more happens than is read.
const subscribePause = time.Second

// resubscribe listens to what the kernel tells of, until ctx is cancelled or a
// subscription fails. listen subscribes, and returns when the subscription ends,
// which it does once done is closed.
func resubscribe(ctx context.Context, what string, listen func(done <-chan struct{}) error) error {
	for ctx.Err() == nil {
		if err := listenOnce(ctx, listen); err != nil {
			return fmt.Errorf("subscribe to %s: %w", what, err)
		}
		select {
		case <-time.After(subscribePause):
		case <-ctx.Done():
		}
	}
	return nil
}

// listenOnce closes what the library leaves open of a subscription that has ended.
func listenOnce(ctx context.Context, listen func(done <-chan struct{}) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return listen(ctx.Done())
}
