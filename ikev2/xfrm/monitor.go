package xfrm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// monitorBuffer holds some thousand events in octets.
const monitorBuffer = 1 << 20

// Monitor receives the kernel's events. It hears of all SAs of the network
// namespace; the events name their ReqID.
type Monitor struct{ conn *netlink.Conn }

// Listen subscribes to the events. From here on none is missed without a Lost,
// so call it before the first policy or SA is installed. The kernel sends an
// Acquire only while somebody listens.
func Listen() (*Monitor, error) {
	conn, err := netlink.Dial(unix.NETLINK_XFRM, nil)
	if err != nil {
		return nil, fmt.Errorf("open XFRM events: %w", err)
	}
	for _, group := range []uint32{groupAcquire, groupExpire, groupMapping} {
		if err := conn.JoinGroup(group); err != nil {
			return nil, errors.Join(fmt.Errorf("join XFRM event group %d: %w", group, err), conn.Close())
		}
	}
	if err := conn.SetReadBuffer(monitorBuffer); err != nil {
		return nil, errors.Join(fmt.Errorf("enlarge XFRM event buffer: %w", err), conn.Close())
	}
	return &Monitor{conn}, nil
}

// Close ends the subscription.
func (m *Monitor) Close() error { return m.conn.Close() }

// Run calls handle for each event, one after the other, until ctx is cancelled.
// handle must not wait beyond that.
func (m *Monitor) Run(ctx context.Context, handle func(Event)) error {
	// Setting a deadline fails only on a closed socket, which ends Receive too.
	_ = m.conn.SetReadDeadline(time.Time{})
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = m.conn.SetReadDeadline(time.Now())
		close(interrupted)
	})
	defer func() {
		if !stop() {
			<-interrupted
		}
	}()
	for {
		messages, err := m.conn.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			handle(Lost{})
			continue
		case err != nil:
			return fmt.Errorf("receive XFRM event: %w", err)
		}
		for _, message := range messages {
			event, err := parseEvent(message)
			if err != nil {
				return err
			}
			if event != nil {
				handle(event)
			}
		}
	}
}
