package cellular

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/port"
)

// What goes wrong once goes wrong at any moment: before each message that the box has
// for the modem until it is online. The bounds are for the whole time from the start
// until it is, with the fault between.
const (
	// unpluggedBound is for a modem that is off the bus for a moment.
	unpluggedBound = time.Minute
	// spoiltBound is for an answer that does not come as it should. The longest wait for
	// one is MBIM's for that to CONNECT, three minutes.
	spoiltBound = 5 * time.Minute
	// hangBound is for a modem that answers again after one of the ladder's remedies.
	hangBound = 12 * time.Minute
)

// messages is how many messages a protocol takes from the start until the box is
// online and has all in its status.
func messages(t *testing.T, protocol port.Protocol, change func(*virtual.Scenario)) (n int) {
	by(t, protocol, Config{}, change, func(r *rig) {
		r.up(bringUp)
		r.pass(time.Second)
		r.tapping.Lock()
		n = r.said
		r.tapping.Unlock()
	})
	if n < 15 {
		t.Fatalf("%v takes %d messages: they are not counted", protocol, n)
	}
	return n
}

// atEach runs a test for each message of each protocol. what goes wrong is done before
// it.
func atEach(t *testing.T, change func(*virtual.Scenario), goWrong func(*rig) error, within time.Duration, then func(*rig)) {
	t.Helper()
	for _, protocol := range []port.Protocol{port.MBIM, port.QMI, port.AT} {
		t.Run(protocol.String(), func(t *testing.T) {
			t.Parallel()
			for n := range messages(t, protocol, change) {
				at(t, protocol, n+1, change, goWrong, within, then)
			}
		})
	}
}

// at runs a test in which it goes wrong before the nth message.
func at(t *testing.T, protocol port.Protocol, n int, change func(*virtual.Scenario), goWrong func(*rig) error, within time.Duration, then func(*rig)) {
	t.Helper()
	by(t, protocol, Config{}, change, func(r *rig) {
		r.where = fmt.Sprintf("message %d: ", n)
		var once sync.Once
		gone := make(chan struct{})
		r.listen(func(said int) {
			r.believes()
			if said >= n {
				once.Do(func() {
					r.do(goWrong(r))
					close(gone)
				})
			}
		})
		<-gone
		synctest.Wait()
		if then != nil {
			then(r)
		}
		if r.state().Up { // it went wrong after that
			r.pass(within)
		}
		r.up(within)
		r.pass(2 * steady)
		r.drop(36) // which a box would not hear of that has lost its modem
		r.down(atOnce)
		r.up(bringUp)
	})
}

// believes fails the test if the box takes what the modem said for something else.
func (r *rig) believes() {
	s := r.station.Status()
	for what, told := range map[string]struct{ is, right string }{
		"IMEI": {s.Identity.IMEI, "356938035643809"}, "ICCID": {s.SIM.ICCID, "8988211000000530082"}, "IMSI": {s.SIM.IMSI, "001010123456789"},
		"model": {s.Identity.Model, r.emulator.Modem.Device().Model}, "network": {s.Registration.PLMN, "00101"}, "operator": {s.Registration.Operator, "Testnet"},
	} {
		if told.is != "" && told.is != told.right {
			r.Errorf("%sthe %s is taken for %q", r.where, what, told.is)
		}
	}
}

func TestUnpluggedAtEachMessage(t *testing.T) {
	away := func(r *rig) error { return r.order.Move(3, 5*time.Second) }
	atEach(t, nil, away, unpluggedBound, func(r *rig) {
		r.clean()
		r.pass(time.Second)
		r.clean()
		if s := r.station.Status(); s.Phase != Absent {
			r.Fatalf("%sthe modem is away, and %v: %q", r.where, s.Phase, s.Text)
		}
	})
}

func TestHangAtEachMessage(t *testing.T) {
	// TestEachRungOfTheLadder has those between.
	for _, cure := range []emulator.Cure{emulator.ByOpening, emulator.ByBusReset, emulator.ByPower} {
		t.Run(cure.String(), func(t *testing.T) {
			atEach(t, nil, func(r *rig) error { return r.order.HangUntil(cure) }, hangBound, nil)
		})
	}
}

var spoils = map[string]emulator.Spoil{
	"dropped": {Drop: true}, "twice": {Twice: true}, "cut": {Cut: 1}, "cut to nothing": {Cut: 1 << 16}, "late": {Delay: virtual.Duration(20 * time.Second)},
	"out of order": {Behind: true}, "stale": {Stale: true},
}

func TestSpoiltAtEachMessage(t *testing.T) {
	for name, spoil := range spoils {
		t.Run(name, func(t *testing.T) {
			atEach(t, nil, func(r *rig) error { return r.order.Spoil(spoil) }, spoiltBound, nil)
		})
	}
}

func TestSpoiltFragments(t *testing.T) {
	fragments := func(s *virtual.Scenario) { s.Device.ControlMessage = 64 }
	for name, spoil := range spoils {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range messages(t, port.MBIM, fragments) {
				at(t, port.MBIM, n+1, fragments, func(r *rig) error { return r.order.Spoil(emulator.Spoil{}, spoil) }, spoiltBound, nil)
			}
		})
	}
}

// garbles are what becomes of a message of which nothing is as it should be.
var garbles = map[string]func(random *rand.Rand, b []byte){
	"zeros": func(_ *rand.Rand, b []byte) { clear(b) },
	"ones":  func(_ *rand.Rand, b []byte) { copy(b, bytes.Repeat([]byte{0xff}, len(b))) },
	"noise": func(random *rand.Rand, b []byte) {
		for i := range b {
			b[i] = byte(random.Uint32())
		}
	},
	"a few bits": func(random *rand.Rand, b []byte) {
		for range 4 {
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		}
	},
	"lengths and offsets": func(random *rand.Rand, b []byte) { // of which most messages are full
		for i := 12; i < len(b); i += 4 {
			b[i] = byte(random.Uint32())
		}
	},
	"the end of the header": func(_ *rand.Rand, b []byte) { copy(b[min(8, len(b)):], []byte{0xff, 0xff, 0xff, 0xff}) },
}

func TestMalformedAtEachMessage(t *testing.T) {
	for name, garble := range garbles {
		t.Run(name, func(t *testing.T) {
			for _, protocol := range []port.Protocol{port.MBIM, port.QMI, port.AT} {
				t.Run(protocol.String(), func(t *testing.T) {
					t.Parallel()
					for n := range messages(t, protocol, nil) {
						by(t, protocol, Config{}, nil, func(r *rig) {
							r.where = fmt.Sprintf("message %d: ", n+1)
							random := rand.New(rand.NewPCG(uint64(n), 0))
							r.tapping.Lock()
							r.garble = func(heard int, b []byte) {
								if heard == n+1 {
									garble(random, b)
								}
							}
							r.tapping.Unlock()
							r.up(spoiltBound)
						})
					}
				})
			}
		})
	}
}
