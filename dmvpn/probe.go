package dmvpn

import (
	"context"
	"time"
)

// probePause is the least time between two probes of one server.
const probePause = time.Second

// probe asks for a packet to the server that it is sure to answer, since its
// silence is suspicious. It returns at once.
func (c *client) probe() {
	c.doubt()
	select {
	case c.probes <- struct{}{}:
	default: // one is on its way
	}
}

// sendProbes sends the packets that probe asks for until ctx is cancelled,
// whatever the client is about meanwhile: it may well be waiting for the
// protection that the answer is to prove.
func (c *client) sendProbes(ctx context.Context) {
	for {
		select {
		case <-c.probes:
		case <-ctx.Done():
			return
		}
		done, err := c.sendProbe()
		if err != nil {
			c.log.Debug("cannot probe the hub", "err", err)
		}
		select {
		case <-time.After(probePause):
		case <-ctx.Done():
		}
		done()
	}
}

// sendProbe sends a registration request, which every server answers, granting
// or refusing. What it answers does not matter here; done ends waiting for it.
func (c *client) sendProbe() (done func(), err error) {
	done = func() {}
	nbma := c.address()
	up, _ := c.t.deps.Uplink.Load()
	if !nbma.IsValid() || !up.Up {
		return done, nil
	}
	id, err := c.t.nextRequestID()
	if err != nil {
		return done, err
	}
	request, err := c.t.registrationRequest(id, up.Address.Addr(), Neighbour{Address: c.server.Address, NBMA: nbma})
	if err != nil {
		return done, err
	}
	c.t.exchanges.begin(id, nbma)
	return func() { c.t.exchanges.end(id) }, c.t.send(c.t.link, request, nbma)
}
