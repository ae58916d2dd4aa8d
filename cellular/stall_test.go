package cellular

import (
	"context"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/port"
)

// talk has the box send a packet every ten seconds until stop is called, which the
// network's far end answers unless everything is lost.
func (r *rig) talk() (stop func()) {
	m := r.emulator.Modem
	m.Do(func() {
		m.SetCarrier(func(packet []byte) {
			answer := append([]byte(nil), packet...)
			copy(answer[12:16], packet[16:20])
			copy(answer[16:20], packet[12:16])
			m.Deliver(answer)
		})
		m.Receive(func(int, []byte) { r.count(&r.in) })
	})
	ctx, cancel := context.WithCancel(r.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			r.send([]byte{192, 0, 2, 1})
			select {
			case <-time.After(10 * time.Second):
			case <-ctx.Done():
			}
		}
	}()
	return func() { cancel(); <-ended }
}

func (r *rig) received() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.in
}

// send has the box send a packet if it can.
func (r *rig) send(to []byte) {
	s := r.state()
	if !s.Up {
		return
	}
	packet := make([]byte, 20)
	packet[0] = 0x45
	copy(packet[12:], s.Address.Addr().AsSlice())
	copy(packet[16:], to)
	r.count(&r.out)
	r.emulator.Modem.Do(func() { r.emulator.Modem.Send(0, packet) })
}

func (r *rig) count(packets *uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*packets++
}

// The modem says that it is connected, and every packet is lost. Nobody else may tell:
// the box has this way alone.
func TestSilentLossOfData(t *testing.T) {
	for cure, want := range map[virtual.Change]time.Duration{
		virtual.SessionChanged: 7 * time.Minute,
		virtual.RadioChanged:   18 * time.Minute,
		virtual.BusChanged:     40 * time.Minute,
	} {
		byEach(t, Config{}, nil, func(r *rig) {
			defer r.talk()()
			r.up(bringUp)
			r.pass(12 * time.Hour)
			if n := r.requests(); n > 2 {
				r.Fatalf("a connection that works was asked for %d times", n)
			}
			m := r.emulator.Modem
			m.Do(func() {
				m.LoseData(true)
				m.Listen(func(e virtual.Event) {
					if e.Change == cure && (cure != virtual.SessionChanged || !e.Session.Up) {
						m.LoseData(false)
					}
				})
			})
			before := r.received()
			r.pass(want)
			r.up(bringUp)
			r.pass(time.Minute)
			if r.received() == before {
				r.Errorf("nothing comes in %v after it was lost", want)
			}
		})
	}
}

// A hub that is down looks the same, for which nothing is to be done in a hurry.
func TestNobodyAnswers(t *testing.T) {
	by(t, port.MBIM, Config{}, nil, func(r *rig) {
		defer r.talk()()
		r.up(bringUp)
		r.do(r.order.LoseData(true))
		before := r.ordered()
		r.pass(24 * time.Hour)
		if n := r.ordered() - before; n < 24 || n > 100 {
			r.Errorf("in a day in which nobody answered the modem was told %d things", n)
		}
		r.do(r.order.LoseData(false))
		r.up(bringUp)
	})
}
