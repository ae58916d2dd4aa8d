package ikev2

import (
	"context"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/ikev2/session"
	"github.com/farspoke/farspoke/ikev2/xfrm"
)

// trafficEvery is how often the sessions are told what their SAs carry.
const trafficEvery = time.Second

// watchTraffic tells the sessions what their SAs carry until ctx is cancelled.
func (e *Engine) watchTraffic(ctx context.Context) error {
	ticker := time.NewTicker(trafficEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			e.traffic()
		}
	}
}

// traffic reads all SAs once: what they have carried, and whether they are as
// they should be. Whether the uplink leads anywhere follows from that.
func (e *Engine) traffic() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.local.IsValid() {
		return
	}
	now := e.sinceBoot()
	e.judgeUplink(now)
	if len(e.peers) == 0 {
		return
	}
	kernel, err := e.kernelSAs()
	if err != nil {
		e.log.Warn("the counters of the SAs cannot be read", "err", err)
		return
	}
	e.checkSAs(kernel)
	for _, p := range e.peers {
		if counts := p.counts(kernel); len(counts) > 0 {
			p.apply(p.session.Traffic(now, counts, p.answersProbes()))
		}
	}
	e.sharePublic(now)
}

// sharePublic tells sessions that do not know it our public address, as another
// peer sees it. It may be the address of their peer.
func (e *Engine) sharePublic(now session.Instant) {
	var public netip.Addr
	for _, p := range e.peers {
		if known := p.session.Public(); known.IsValid() && (!public.IsValid() || known.Less(public)) {
			public = known
		}
	}
	for _, p := range e.peers {
		if public.IsValid() && !p.session.Public().IsValid() {
			p.apply(p.session.SeenAs(now, public))
		}
	}
}

// counts returns what the peer's SAs have carried.
func (p *peer) counts(kernel map[xfrm.ID]xfrm.State) []session.Count {
	var counts []session.Count
	for _, sa := range p.session.InstalledSAs() {
		if state, ok := kernel[kernelID(sa)]; ok {
			counts = append(counts, session.Count{SPI: sa.SPI, Inbound: sa.Inbound, Packets: state.Counters.Packets})
		}
	}
	return counts
}

// answersProbes reports whether somebody can send a packet that the peer answers.
func (p *peer) answersProbes() bool {
	for _, probe := range p.interest {
		if probe != nil {
			return true
		}
	}
	return false
}

func (p *peer) probe() {
	for _, probe := range p.interest {
		if probe != nil {
			probe()
		}
	}
}
