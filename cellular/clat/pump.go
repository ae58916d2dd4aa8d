package clat

import (
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/clat/nat64"
	"github.com/farspoke/farspoke/cellular/clat/siit"
)

// Counters count the packets of a CLAT: those translated to IPv6, those to IPv4, and
// those that were not translated.
type Counters struct{ Out, In, Dropped uint64 }

type counters struct{ out, in, dropped atomic.Uint64 }

// Counters returns how many packets there were since the CLAT was made.
func (c *CLAT) Counters() Counters {
	return Counters{c.counters.out.Load(), c.counters.in.Load(), c.counters.dropped.Load()}
}

// pump moves packets from a device through a translator and back into the device. A
// nil pump has no prefix, and never fails.
type pump struct {
	device     device
	underlay   Underlay
	ours6      netip.Addr
	by         nat64.Prefix
	translator atomic.Pointer[siit.Translator]
	counters   *counters
	err        chan error
	done       sync.WaitGroup
}

// startPump begins to translate between our two addresses and all others.
func startPump(d device, u Underlay, ours6 netip.Addr, prefix nat64.Prefix, count *counters) *pump {
	p := &pump{device: d, underlay: u, ours6: ours6, counters: count, err: make(chan error, 1)}
	p.change(prefix)
	p.done.Go(func() { p.err <- p.run() })
	return p
}

// change has the packets after this translated by another prefix.
func (p *pump) change(prefix nat64.Prefix) {
	p.by = prefix
	p.translator.Store(siit.New(p.underlay.Address4, p.ours6, prefix, p.underlay.MTU))
}

// prefer gives the default route the metric, if it is another one.
func (p *pump) prefer(metric int) error {
	if p == nil || p.underlay.Metric == metric {
		return nil
	}
	p.underlay.Metric = metric
	return p.device.SetMetric(metric)
}

// prefix returns the one in use.
func (p *pump) prefix() nat64.Prefix {
	if p == nil {
		return nat64.Prefix{}
	}
	return p.by
}

// failed is where the reason arrives for which nothing is translated any more.
func (p *pump) failed() <-chan error {
	if p == nil {
		return nil
	}
	return p.err
}

// stop removes the device, waits for the end, and returns nil.
func (p *pump) stop() *pump {
	if p != nil {
		_ = p.device.Close() // the device is gone, whatever Close says
		p.done.Wait()
	}
	return nil
}

// run translates until the device is closed or fails.
func (p *pump) run() error {
	b := make([]byte, siit.Headroom+p.underlay.MTU) // which is the device's too
	for {
		n, err := p.device.Read(b[siit.Headroom:])
		if err != nil {
			return fmt.Errorf("read packets of %s: %w", p.underlay.Device, err)
		}
		switch err := p.pass(b, n); {
		case err == nil:
		case errors.Is(err, unix.EBADF) || errors.Is(err, unix.EBADFD):
			return fmt.Errorf("write packets of %s: %w", p.underlay.Device, err)
		default:
			p.counters.dropped.Add(1)
		}
	}
}

// pass translates the packet of n octets that begins at siit.Headroom, and sends it.
func (p *pump) pass(b []byte, n int) error {
	t := p.translator.Load()
	in := b[siit.Headroom : siit.Headroom+n]
	if n > 0 && in[0]>>4 == 6 {
		packet, err := t.ToIPv4(in)
		if err != nil {
			return err
		}
		p.counters.in.Add(1)
		return p.send(packet)
	}
	mayFragment, id := siit.MayFragment(in), uint16(0)
	if mayFragment {
		id = siit.ID(in) // the translation is in place
	}
	packet, err := t.ToIPv6(b, n)
	if err != nil {
		return err
	}
	p.counters.out.Add(1)
	if len(packet) <= p.underlay.MTU || !mayFragment {
		return p.send(packet)
	}
	for fragment := range siit.Fragments(packet, id, p.underlay.MTU) {
		if err := p.send(fragment); err != nil {
			return err
		}
	}
	return nil
}

func (p *pump) send(packet []byte) error {
	_, err := p.device.Write(packet)
	return err
}
