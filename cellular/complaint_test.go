package cellular

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/port"
	"github.com/farspoke/farspoke/internal/secret"
	"github.com/farspoke/farspoke/internal/uplink"
)

// What users of other routers and modem managers complain of, as far as it concerns
// bring-up: one test for each. The modem is the emulator, and everything above it is
// what the box runs. docs/cellular.md has the list.

const (
	// bringUp is how long a modem that has just been plugged in may take until the box
	// is online, with the times that the emulated one takes.
	bringUp = 10 * time.Second
	// atOnce is how soon the box has done what needs nobody but the modem.
	atOnce = time.Second
)

// withPIN is a configuration for a SIM with a PIN.
func withPIN(pin string) Config { return Config{SIMs: []SIM{{PIN: new(secret.New("sim", pin))}}} }

// attempts are how many wrong PINs the SIM in a slot still takes.
func (r *rig) attempts(slot int) (left int) {
	r.emulator.Modem.Do(func() {
		_, cards := r.emulator.Modem.Slot()
		left = cards[slot].PINAttempts
	})
	return left
}

// The link stays down after a drop, and nothing connects again:
// https://github.com/openwrt/packages/issues/19794,
// https://github.com/Ysurac/openmptcprouter/issues/1086.
func TestDropOfTheNetwork(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		r.up(bringUp)
		for _, cause := range []modem.SessionCause{0, 25, 36, 38, 39, 43} {
			r.pass(2 * steady)
			r.drop(cause)
			r.down(atOnce)
			r.up(10 * time.Second)
		}
		// In the desert nobody comes to pull the plug.
		r.do(r.order.HangUntil(emulator.ByPower))
		r.down(5 * time.Minute)
		r.up(10 * time.Minute)
	})
}

// IPv4 is lost alone, which leaves something that looks like a network without it.
func TestDropOfOneFamily(t *testing.T) {
	by(t, port.QMI, Config{}, nil, func(r *rig) {
		for range 3 {
			r.up(bringUp)
			r.pass(2 * steady)
			r.do(r.order.Drop(0, 36))
			r.down(atOnce)
			if s := r.up(bringUp); s.Link != "lte" || !s.Address6.IsValid() {
				r.Errorf("the underlay offers %+v", s)
			}
		}
	})
}

// No signal at boot, and it never connects:
// https://github.com/openwrt/packages/issues/12496.
func TestNoSignalAtStart(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		r.do(r.order.Cover("", false))
		r.holds(time.Minute, Registering, "")
		r.pass(6 * time.Hour)
		r.clean()
		r.do(r.order.Cover("", true))
		r.up(bringUp)
	})
}

// A stale address stays after the radio was lost, and swallows everything:
// https://github.com/openwrt/packages/issues/14766.
func TestNoAddressOutlivesTheRadio(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		for _, lose := range []struct{ how, undo func() error }{
			{func() error { return r.order.Cover("", false) }, func() error { return r.order.Cover("", true) }},
			{func() error { return r.order.RadioSwitch(false) }, func() error { return r.order.RadioSwitch(true) }},
			{func() error { return r.order.DrawSIM(0) }, func() error { return r.order.InsertSIM(0) }},
		} {
			r.up(2 * time.Minute)
			r.do(lose.how())
			r.down(atOnce)
			r.pass(time.Hour)
			r.clean()
			r.do(lose.undo())
		}
		r.up(2 * time.Minute)
		// Nor where the modem's word of it is lost.
		r.do(r.order.Spoil(slices.Repeat([]emulator.Spoil{{Drop: true}}, 8)...))
		r.do(r.order.Cover("", false))
		r.down(3 * pollInterval)
	})
}

// A command hangs for ever:
// https://github.com/openwrt/packages/issues/17939. TestHangAtEachMessage has each.
func TestCommandThatHangs(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		r.do(r.order.Hang(true))
		r.pass(time.Minute)
		r.do(r.order.Hang(false))
		r.up(2 * time.Minute)
	})
}

// The PIN is tried until the SIM wants its PUK:
// https://github.com/openwrt/packages/pull/25116.
func TestWrongPINIsNotRepeated(t *testing.T) {
	locked := func(s *virtual.Scenario) { s.Slots[0].SIM.PIN = "4711" }
	byEach(t, withPIN("0815"), locked, func(r *rig) {
		r.holds(time.Minute, Card, "has refused it")
		for range 5 {
			r.pass(time.Hour)
			r.do(r.order.Bounce(time.Second))
			r.pass(time.Minute)
			r.restart(withPIN("0815"))
			r.pass(time.Minute)
		}
		if left := r.attempts(0); left != 2 {
			r.Errorf("%d attempts are left", left)
		}
		r.restart(withPIN("4711"))
		r.up(bringUp)
		if left := r.attempts(0); left != 3 {
			r.Errorf("%d attempts are left", left)
		}
	})
}

// The PIN is sent to the wrong SIM:
// https://github.com/openwrt/packages/issues/28540.
func TestEachSIMGetsItsOwnPIN(t *testing.T) {
	cfg := Config{SIMs: []SIM{{Slot: 1, PIN: new(secret.New("first", "1111"))}, {Slot: 2, PIN: new(secret.New("second", "2222"))}}}
	for _, protocol := range []port.Protocol{port.MBIM, port.QMI} { // u-blox's have one slot
		by(t, protocol, cfg, func(s *virtual.Scenario) {
			second := *s.Slots[0].SIM
			second.ICCID, second.IMSI = "8988211000000530090", "001010987654321"
			s.Slots[0].SIM.PIN, second.PIN = "1111", "2222"
			s.Slots[1].SIM = &second
		}, func(r *rig) {
			r.up(bringUp)
			for range 3 {
				r.do(r.order.DrawSIM(0))
				r.down(atOnce)
				r.up(10 * time.Minute)
				r.do(r.order.InsertSIM(0))
				r.await(3*time.Hour, "back at the first SIM", func(s uplink.State) bool { return s.Up && r.station.Status().SIM.ICCID == "8988211000000530082" })
			}
			if first, second := r.attempts(0), r.attempts(1); first != 3 || second != 3 {
				r.Errorf("%v: %d and %d attempts are left", protocol, first, second)
			}
		})
	}
}

// The modem says "locked" of a SIM that it has not read yet, and the interface is
// blocked for ever:
// https://github.com/openwrt/openwrt/pull/24260.
func TestLockedWhileTheSIMStarts(t *testing.T) {
	slow := func(s *virtual.Scenario) { s.Timing.SIM = virtual.Duration(40 * time.Second) }
	byEach(t, withPIN("1234"), slow, func(r *rig) {
		r.pass(30 * time.Second)
		r.holds(time.Second, Card, "")
		if n := r.ordered(); n > 0 {
			r.Errorf("while the SIM starts the modem was told %d things", n)
		}
		r.up(time.Minute)
		if left := r.attempts(0); left != 3 {
			r.Errorf("%d attempts are left", left)
		}
	})
	locked := func(s *virtual.Scenario) { slow(s); s.Slots[0].SIM.PIN = "1234" }
	byEach(t, withPIN("1234"), locked, func(r *rig) {
		r.up(time.Minute)
		if left := r.attempts(0); left != 3 {
			r.Errorf("%d attempts are left", left)
		}
	})
}

// After an error the answers are one question late:
// https://github.com/openwrt/openwrt/pull/4845. TestSpoiltAtEachMessage has each.
func TestAnswersStayInStep(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		r.listen(func(int) { r.believes() })
		r.do(r.order.Spoil(slices.Repeat([]emulator.Spoil{{Stale: true}, {Twice: true}, {Delay: virtual.Duration(20 * time.Second)}}, 5)...))
		r.up(15 * time.Minute)
		// A little later than they are waited for, they come when the next question has
		// been asked: AT's after five seconds, the others' after ten.
		for _, late := range []time.Duration{7 * time.Second, 12 * time.Second} {
			r.do(r.order.Spoil(slices.Repeat([]emulator.Spoil{{Delay: virtual.Duration(late)}}, 20)...))
			r.pass(20 * time.Minute)
			r.up(0)
		}
	})
}

// The APN to register with is not the one of the data:
// https://github.com/lf-edge/eve/pull/4401 (the modem's own is not to be overwritten),
// https://github.com/lf-edge/eve/pull/4679 (it may have to be emptied),
// https://github.com/openwrt/packages/issues/30299 (none is not "none").
func TestAttachAPNIsNotTheDatas(t *testing.T) {
	fleet := func(s *virtual.Scenario) {
		s.AttachAPN.Name = "fleet"
		s.Networks[0].Attach = []string{"fleet"}
	}
	for _, protocol := range []port.Protocol{port.MBIM, port.QMI} { // AT's context is both
		by(t, protocol, Config{SIMs: []SIM{{APN: &APN{Name: "internet"}}}}, fleet, func(r *rig) {
			r.up(bringUp)
			if s, err := r.order.State(); err != nil || s.AttachAPN != "fleet" || s.Sessions[0].APN != "internet" {
				r.Errorf("%v: it is %+v, %v", protocol, s, err)
			}
		})
	}
	stale := func(s *virtual.Scenario) {
		s.AttachAPN.Name = "other.operator"
		s.Networks[0].Attach = []string{""}
	}
	byEach(t, Config{}, stale, func(r *rig) {
		r.up(5 * time.Minute)
		if s, err := r.order.State(); err != nil || s.AttachAPN != "" {
			r.Errorf("it is %+v, %v", s, err)
		}
	})
}

// The MTU of the network is ignored, and packets vanish:
// https://github.com/openwrt/packages/issues/11383,
// https://github.com/lf-edge/eve/issues/2740.
func TestMTUOfTheNetworkHolds(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		if s := r.up(bringUp); s.MTU != 1430 || r.device("lte").port.MTU != 1430 {
			r.Errorf("the MTU is %d, and the device's %d", s.MTU, r.device("lte").port.MTU)
		}
		r.do(r.order.SetMTU(0, 1340))
		r.await(2*pollInterval, "1340", func(s uplink.State) bool { return s.MTU == 1340 })
		if mtu := r.device("lte").port.MTU; mtu != 1340 {
			r.Errorf("the MTU is 1340, and the device's %d", mtu)
		}
	})
}

// A network without IPv4 wants work by hand, and at home it is another one than when
// roaming:
// https://github.com/xhikarishii/openwrt-ipq/issues/33,
// https://github.com/toreanderson/clatd/issues/46,
// https://github.com/opnsense/core/issues/4481.
func TestNetworksOfOneFamily(t *testing.T) {
	byEach(t, Config{}, func(s *virtual.Scenario) { s.Networks[0].APNs[0].Families = modem.IPv6 }, func(r *rig) {
		s := r.await(bringUp, "up", func(s uplink.State) bool { return s.Up })
		if s.Link != "clat-lte" || s.Address != netip.MustParsePrefix("192.0.0.1/32") || s.MTU != 1410 {
			r.Errorf("without IPv4 the underlay offers %+v", s)
		}
		for _, families := range []modem.Families{modem.IPv4, modem.IPv6, modem.IPv4v6} {
			r.pass(2 * steady)
			r.do(r.order.Families("", "internet", families))
			r.drop(36)
			r.down(atOnce)
			s := r.await(time.Minute, "up", func(s uplink.State) bool { return s.Up })
			if translated := s.Link == "clat-lte"; translated != (families == modem.IPv6) {
				r.Errorf("with %v the underlay offers %+v", families, s)
			}
		}
	})
}

// The APN has to be looked up by hand:
// https://github.com/mrhaav/openwrt-packages/issues/12.
func TestAPNIsFoundForTheSIM(t *testing.T) {
	// As long as the network's numbers are three digits of MCC and three of MNC, or two.
	for _, sim := range []struct {
		imsi   string
		digits int
		apn    string
	}{{"262011234567890", 2, "internet.telekom"}, {"310410123456789", 3, "NXTGENPHONE"}} {
		byEach(t, Config{}, func(s *virtual.Scenario) {
			s.Slots[0].SIM.IMSI, s.Slots[0].SIM.MNCDigits, s.Slots[0].SIM.Provider, s.Slots[0].SIM.GID1 = sim.imsi, sim.digits, "", ""
			s.Networks[0].PLMN = sim.imsi[:3+sim.digits]
			s.Networks[0].APNs[0].Name, s.Networks[0].APNs[0].Default = sim.apn, false
		}, func(r *rig) {
			r.up(time.Minute)
			if granted := r.granted().APN; granted != sim.apn {
				r.Errorf("connected to %s", granted)
			}
			r.do(r.order.Bounce(time.Second))
			r.down(atOnce)
			before := r.requests()
			r.up(2 * bringUp)
			if tried := r.requests() - before; tried > 2 { // QMI asks for each family
				r.Errorf("the APN that worked was found only after %d tries", tried)
			}
		})
	}
}

// Client ids leak until none are left:
// https://github.com/lf-edge/eve/pull/2218.
func TestNoClientIDsLeak(t *testing.T) {
	by(t, port.QMI, Config{}, nil, func(r *rig) {
		for again := range 80 {
			r.up(time.Minute)
			r.do(r.order.Hang(true)) // the process dies before it can give anything back
			r.stop()
			if err := <-r.ended; err != nil {
				r.Error(err)
			}
			r.do(r.order.Hang(false))
			if again%2 == 1 {
				clear(r.memory) // nor has it left anything
			}
			r.start(Config{})
		}
		r.up(time.Minute)
	})
}

// After ten timeouts the modem is given up:
// https://github.com/commaai/openpilot/issues/36433.
func TestModemIsNeverGivenUp(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		r.unpowered = true
		r.up(bringUp)
		r.do(r.order.Hang(true))
		r.pass(48 * time.Hour)
		r.clean()
		r.do(r.order.Hang(false))
		r.up(15 * time.Minute)
	})
}

// One way to bring a modem to its senses is not enough:
// https://github.com/lf-edge/eve/issues/4808.
func TestEachRungOfTheLadder(t *testing.T) {
	for _, cure := range []emulator.Cure{emulator.ByOpening, emulator.ByBusReset, emulator.ByConfiguration, emulator.ByRestart, emulator.ByPower} {
		byEach(t, Config{}, nil, func(r *rig) {
			r.up(bringUp)
			r.do(r.order.HangUntil(cure))
			r.down(5 * time.Minute)
			r.up(10 * time.Minute)
			if powered := slices.Contains(r.did, "power"); powered != (cure >= emulator.ByRestart) {
				r.Errorf("a modem that wants %v has got %q", cure, r.did)
			}
		})
	}
}

// A step to bring it back makes it worse: the port is switched off, and the modem
// stays away:
// https://github.com/fildunsky/luci-app-5gmodem/issues/25.
func TestRemedyThatMakesItWorse(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		r.up(bringUp)
		r.do(r.order.Hang(true))
		r.worse = func() { r.do(r.order.HangUp()) }
		for limit := time.Now().Add(10 * time.Minute); r.there(); r.pass(time.Second) {
			if time.Now().After(limit) {
				r.Fatal("nothing was done to a modem that hangs")
			}
		}
		r.clean()
		r.worse = nil
		r.do(r.order.Hang(false))
		r.up(2 * absence)
		if want := []string{"reset", "power"}; !slices.Equal(r.did, want) {
			r.Errorf("it got %q, want %q: what takes a modem away is not done twice", r.did, want)
		}
	})
}

// Modems that are the same take between one minute and fifty until they are back:
// https://github.com/openwrt/packages/pull/23590.
func TestTimeToComeBackIsBounded(t *testing.T) {
	byEach(t, Config{}, nil, func(r *rig) {
		for _, outage := range []time.Duration{time.Second, time.Minute, 10 * time.Minute, time.Hour, 12 * time.Hour} {
			r.up(bringUp)
			r.pass(2 * steady)
			r.do(r.order.Cover("", false))
			r.down(atOnce)
			r.pass(outage)
			r.do(r.order.Cover("", true))
			r.up(bringUp + 10*time.Second) // as often the modem itself looks for a cell
		}
	})
}

// A modem that is locked to its maker's hosts stays without radio until a script
// unlocks it:
// https://github.com/lf-edge/eve/issues/3549.
func TestRadioTiedToAHost(t *testing.T) {
	for _, protocol := range []port.Protocol{port.MBIM, port.QMI} {
		t.Run(fmt.Sprint(protocol), func(t *testing.T) {
			by(t, protocol, Config{}, func(s *virtual.Scenario) { s.Device.HostLock = true }, func(r *rig) {
				r.up(bringUp)
				r.do(r.order.Restart())
				r.down(atOnce)
				r.up(2 * bringUp)
			})
		})
	}
}
