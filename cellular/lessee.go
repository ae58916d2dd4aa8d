package cellular

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/internal/dhcp"
)

// leasePatience is for how long a modem that is a router of its own is waited for to
// give an address by DHCP. One that has given none by then is a bridge after all, and
// the network's address holds.
const leasePatience = 10 * time.Second

// lessee gets and keeps a lease on the device of a modem that is a router of its
// own. All methods may be called of a nil lessee, which is that of a modem that is
// none.
type lessee struct {
	task
	index int // of the device
	log   *slog.Logger
	// changed tells the Station that there is news.
	changed func()

	mu    sync.Mutex
	lease dhcp.Lease // without an address if there is none
	// overdue: there has never been one in all the time it may take. unread: something
	// has changed since apply.
	overdue, unread bool
}

// leased returns c with the address that holds on u's device.
func (u *Underlay) leased(c modem.Connection) (modem.Connection, error) {
	if !c.DHCP {
		u.lessee = u.lessee.end()
		return c, nil
	}
	if u.lessee == nil || u.lessee.index != u.port.Index {
		u.lessee = u.lessee.end()
		conn, err := u.links.Dial(u.port)
		if err != nil {
			return c, err
		}
		u.lessee = newLessee(conn, dhcp.New(u.port.MAC, u.log), u.port.Index, u.log, u.changed)
	}
	return u.lessee.apply(c), nil
}

// newLessee begins to ask by conn.
func newLessee(conn dhcp.Conn, client *dhcp.Client, index int, log *slog.Logger, changed func()) *lessee {
	l := &lessee{index: index, log: log, changed: changed}
	l.task = begin(func(ctx context.Context) { l.run(ctx, conn, client) })
	return l
}

// end stops asking, and returns nil. What was leased stays so.
func (l *lessee) end() *lessee {
	if l != nil {
		l.task.end()
	}
	return nil
}

// apply gives c what was leased.
func (l *lessee) apply(c modem.Connection) modem.Connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unread = false
	switch {
	case l.lease.Address.IsValid():
		c.Address4, c.Gateway4 = l.lease.Address, l.lease.Gateway
		c.DNS = append(slices.Clone(l.lease.DNS), slices.DeleteFunc(slices.Clone(c.DNS), netip.Addr.Is4)...)
		c.MTU = tighter(c.MTU, l.lease.MTU)
	case !l.overdue:
		c.Address4, c.Gateway4 = netip.Prefix{}, netip.Addr{}
	}
	return c
}

// news reports whether apply would have another result than last time.
func (l *lessee) news() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unread
}

// hold is what the connection waits for.
func (l *lessee) hold() hold {
	if l == nil {
		return hold{}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lease.Address.IsValid() || l.overdue {
		return hold{}
	}
	return hold{phase: Connecting, why: "waits for the address that the modem gives by DHCP"}
}

// run is the DHCP client's owner.
func (l *lessee) run(ctx context.Context, conn dhcp.Conn, client *dhcp.Client) {
	var reading sync.WaitGroup
	defer reading.Wait()
	defer conn.Close()
	received := make(chan []byte)
	reading.Go(func() {
		for {
			data, err := conn.Receive()
			if err != nil {
				return
			}
			select {
			case received <- data:
			case <-ctx.Done():
				return
			}
		}
	})
	start := time.Now()
	patience, timer := time.NewTimer(leasePatience), time.NewTimer(0)
	defer patience.Stop()
	defer timer.Stop()
	message := client.LinkUp(0)
	for {
		if message != nil {
			if err := message.Send(conn); err != nil {
				l.log.Warn("DHCP message is not sent", "err", err) // it is as if it were lost
			}
		}
		message = nil
		l.note(client)
		if next, ok := client.Next(); ok {
			timer.Reset(next - time.Since(start))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case data := <-received:
			if p, err := dhcp.Parse(data); err == nil {
				message = client.Receive(time.Since(start), p)
			}
		case <-timer.C:
			message = client.Tick(time.Since(start))
		case <-patience.C:
			l.giveUp()
		}
	}
}

// note takes over the client's lease.
func (l *lessee) note(client *dhcp.Client) {
	lease, _, ok := client.Lease()
	if !ok {
		lease = dhcp.Lease{}
	}
	l.mu.Lock()
	same := lease.Equal(l.lease)
	l.lease, l.unread = lease, l.unread || !same
	l.mu.Unlock()
	if !same {
		l.changed()
	}
}

// giveUp takes the modem for a bridge, unless it has answered. It goes on asking.
func (l *lessee) giveUp() {
	l.mu.Lock()
	overdue := !l.lease.Address.IsValid()
	l.overdue, l.unread = overdue, l.unread || overdue
	l.mu.Unlock()
	if overdue {
		l.log.Warn("modem gives no address by DHCP: the network's is used", "waited", leasePatience)
		l.changed()
	}
}
