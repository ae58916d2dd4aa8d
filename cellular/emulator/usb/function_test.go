package usb

import (
	"bytes"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// ping is an IP packet of 20 octets.
var ping = []byte{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2}

// pingDigits is the same as octets of a test write it.
const pingDigits = "45000014 00000000 40010000 c0000201 c0000202"

// encapsulatedSetup is a request of the control channel on interface n.
func encapsulatedSetup(request uint8, n uint16, length int) Setup {
	s := Setup{Type: classToInterface, Request: request, Index: n, Length: uint16(length)}
	if request == getEncapsulatedResponse {
		s.Type |= directionIn
	}
	return s
}

func (h *host) command(n uint16, message []byte) {
	h.t.Helper()
	h.control(encapsulatedSetup(sendEncapsulatedCommand, n, len(message)), message)
}

func (h *host) response(n uint16) []byte {
	h.t.Helper()
	return h.control(encapsulatedSetup(getEncapsulatedResponse, n, 4096), nil)
}

// say is the modem's next message, when the function has taken it.
func (m *modem) say(message ...byte) {
	m.out <- message
	synctest.Wait()
}

func TestControlChannel(t *testing.T) {
	for name, test := range map[string]struct {
		profile Profile
		number  uint16
		notify  uint8
		want    string
	}{
		"MBIM": {MBIM, 0, 0x81, "a1 01 0000 0000 0000"},
		"QMI":  {QMI, 4, 0x89, "a1 01 0000 0400 0000"},
	} {
		t.Run(name, func(t *testing.T) {
			plugIn(t, test.profile, func(t *testing.T, h *host) {
				h.configure()
				h.command(test.number, []byte("open"))
				if want := [][]byte{[]byte("open")}; !reflect.DeepEqual(h.modem.got, want) {
					t.Errorf("the modem got %q, want %q", h.modem.got, want)
				}
				waiting := h.receive(test.notify)
				if waiting.done {
					t.Fatal("a notification of nothing")
				}
				h.modem.say('a')
				h.modem.say('b')
				h.demand(waiting, test.want)
				h.demand(h.receive(test.notify), test.want)
				for _, want := range []string{"a", "b", ""} {
					if got := h.response(test.number); string(got) != want {
						t.Errorf("response %q, want %q", got, want)
					}
				}
			})
		})
	}
}

func TestSessionsOfMBIM(t *testing.T) {
	plugIn(t, MBIM, func(t *testing.T, h *host) {
		h.net.out <- Packet{0, ping} // nobody is there yet
		synctest.Wait()
		h.configure(1)
		waiting := h.receive(0x82)
		h.net.out <- Packet{5, ping}
		h.demand(waiting, "4e434d48 0c00 0000 3000 2000"+pingDigits+"49505305 1000 0000 0c00 1400 0000 0000")
		// The host pads, and sends what is no IP packet and no session.
		h.send(0x02, octets(t, "4e434d48 0c00 0000 4000 0c00 49505305 1000 1c00 2c00 1400 0000 0000"+
			"44535303 1000 0000 2c00 1400 0000 0000"+pingDigits+"00"))
		h.send(0x02, octets(t, "4e434d48 0c00 0000 3000 2000"+pingDigits+"49505300 1000 0000 0c00 1400 0000 0000"))
		h.send(0x02, []byte("nonsense"))
		h.send(0x02, nil)
		if want := []Packet{{5, ping}, {0, ping}}; !reflect.DeepEqual(h.net.got, want) {
			t.Errorf("the network got %v, want %v", h.net.got, want)
		}
	})
}

func TestNTBParameters(t *testing.T) {
	plugIn(t, MBIM, func(t *testing.T, h *host) {
		h.configure()
		class := func(request uint8, in bool, length int, data ...byte) *ending {
			s := Setup{Type: classToInterface, Request: request, Length: uint16(length)}
			if in {
				s.Type |= directionIn
			}
			return h.begin(&Transfer{Setup: s, Data: data})
		}
		h.demand(class(getNTBParams, true, 28), "1c00 0100 00400000 0400 0000 0400 0000 00400000 0400 0000 0400 2000")
		h.demand(class(setNTBInputSize, false, 4, 0, 0x10, 0, 0), "")
		h.demand(class(getNTBInputSize, true, 4), "00100000")
		for _, refused := range [][]byte{{0, 0, 1, 0}, {0, 1, 0, 0}, {0, 0x10}} {
			if e := class(setNTBInputSize, false, len(refused), refused...); e.status != Stalled {
				t.Errorf("input size % x: %+v", refused, *e)
			}
		}
		h.demand(class(resetFunction, false, 0), "")
		if want := []Reset{Configuration, FunctionReset}; !slices.Equal(h.modem.resets, want) {
			t.Errorf("resets %v, want %v", h.modem.resets, want)
		}
	})
}

func TestQMICarriesFramesUntilToldOtherwise(t *testing.T) {
	const header = "021122334455 0250f3000001 0800"
	plugIn(t, QMI, func(t *testing.T, h *host) {
		h.configure()
		h.send(0x05, octets(t, "0250f3000001 021122334455 0800"+pingDigits+"00"))
		h.net.out <- Packet{0, ping}
		h.demand(h.receive(0x88), header+pingDigits)
		h.f.SetFraming(RawIP)
		h.net.out <- Packet{3, ping} // for which there is no channel
		h.net.out <- Packet{0, ping}
		h.demand(h.receive(0x88), pingDigits)
		h.send(0x05, ping)
		if want := []Packet{{0, ping}, {0, ping}}; !reflect.DeepEqual(h.net.got, want) {
			t.Errorf("the network got %v, want %v", h.net.got, want)
		}
	})
}

func TestChannelsOfQMI(t *testing.T) {
	plugIn(t, QMI, func(t *testing.T, h *host) {
		h.configure()
		h.f.SetFraming(QMAP)
		h.net.out <- Packet{1, make([]byte, 2000)} // which never fits
		for _, channel := range []uint8{1, 2, 3} {
			h.net.out <- Packet{channel, ping}
		}
		synctest.Wait()
		small := func() *ending { return h.begin(&Transfer{Endpoint: 0x88, Length: 50}) }
		h.demand(small(), "0001 0014"+pingDigits+"0002 0014"+pingDigits)
		h.demand(small(), "0003 0014"+pingDigits)
		h.send(0x05, octets(t, "0001 0014"+pingDigits+"0002 0014"+pingDigits))
		if want := []Packet{{1, ping}, {2, ping}}; !reflect.DeepEqual(h.net.got, want) {
			t.Errorf("the network got %v, want %v", h.net.got, want)
		}
	})
}

func TestATPort(t *testing.T) {
	for name, test := range map[string]struct {
		profile     Profile
		in, out     uint8
		number      uint16
		mute, muted uint8 // endpoints of another port
	}{
		"EC25":    {QMI, 0x84, 0x03, 2, 0x86, 0x04},
		"TOBY-L2": {ECM, 0x82, 0x02, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			plugIn(t, test.profile, func(t *testing.T, h *host) {
				h.configure()
				h.control(Setup{Type: classToInterface, Request: setControlLineState, Value: 3, Index: test.number}, nil)
				h.control(Setup{Type: classToInterface, Request: setLineCoding, Index: test.number, Length: 7}, []byte{0x80, 0x25, 0, 0, 0, 0, 8})
				if got := h.control(Setup{Type: directionIn | classToInterface, Request: getLineCoding, Index: test.number, Length: 7}, nil); got[0] != 0x80 {
					t.Errorf("line coding % x", got)
				}
				h.send(test.out, []byte("AT\r"))
				h.port.say([]byte("\r\nOK\r\n")...)
				short := h.begin(&Transfer{Endpoint: test.in, Length: 4})
				if rest := h.receive(test.in); string(short.received)+string(rest.received) != "\r\nOK\r\n" {
					t.Errorf("the host got %q and %q", short.received, rest.received)
				}
				if test.mute != 0 {
					h.send(test.muted, []byte("AT\r"))
					if e := h.receive(test.mute); e.done {
						t.Errorf("a mute port answered %q", e.received)
					}
				}
				if want := [][]byte{[]byte("AT\r")}; !reflect.DeepEqual(h.port.got, want) {
					t.Errorf("the modem got %q, want %q", h.port.got, want)
				}
			})
		})
	}
}

func TestLinkOfECM(t *testing.T) {
	plugIn(t, ECM, func(t *testing.T, h *host) {
		h.configure(3)
		h.control(Setup{Type: classToInterface, Request: setEthernetPacketFilter, Value: 0x0e, Index: 2}, nil)
		h.demand(h.receive(0x83), "a1 00 0100 0200 0000")
		waiting := h.receive(0x83)
		if waiting.done {
			t.Fatal("told twice")
		}
		h.f.SetLink(false)
		h.demand(waiting, "a1 00 0000 0200 0000")
	})
}

func TestUnplugEndsEverything(t *testing.T) {
	plugIn(t, MBIM, func(t *testing.T, h *host) {
		h.configure(1)
		waiting, old := h.receive(0x82), h.device
		h.f.Unplug()
		select {
		case <-old.Gone():
		default:
			t.Error("the device is not gone")
		}
		if !waiting.done || waiting.status != Gone {
			t.Errorf("a transfer that waited: %+v", *waiting)
		}
		if late := h.receive(0x82); late.status != Gone {
			t.Errorf("a transfer that came late: %+v", *late)
		}
		h.modem.say('x') // to nobody
		h.f.Plug(0)
		h.appeared()
		if h.device == old || h.device.Configuration() != 0 {
			t.Error("it is the old device")
		}
		h.configure()
		if got := h.response(0); got != nil {
			t.Errorf("it remembers %q", got)
		}
	})
}

func TestPower(t *testing.T) {
	plugIn(t, MBIM, func(t *testing.T, h *host) {
		there := func(want bool) {
			t.Helper()
			if got := h.f.device != nil; got != want {
				t.Errorf("it is there: %v, want %v", got, want)
			}
		}
		h.f.Die()
		h.f.Unplug()
		h.f.Plug(0)
		h.f.Power(true)
		there(false)
		h.f.Power(false)
		there(false)
		h.f.Plug(2)
		there(false)
		h.f.Power(true)
		there(true)
		h.f.Unplug()
		h.f.Power(true)
		there(false)
	})
}

func TestBusResetIsNoEnd(t *testing.T) {
	plugIn(t, MBIM, func(t *testing.T, h *host) {
		h.configure(1)
		waiting, device := h.receive(0x82), h.device
		h.device.Reset()
		if waiting.status != Cancelled || h.device.Configuration() != 0 {
			t.Errorf("a transfer that waited: %+v", *waiting)
		}
		if e := h.receive(0x82); e.status != Stalled {
			t.Errorf("without configuration: %+v", *e)
		}
		h.appeared()
		if h.device != device || !slices.Equal(h.modem.resets, []Reset{Configuration, BusReset}) {
			t.Errorf("resets %v, the same device: %v", h.modem.resets, h.device == device)
		}
	})
}

func TestAlternateWithoutEndpoints(t *testing.T) {
	plugIn(t, MBIM, func(t *testing.T, h *host) {
		h.configure(1)
		waiting := h.receive(0x82)
		h.control(SetInterface(1, 0), nil)
		if waiting.status != Cancelled {
			t.Errorf("a transfer that waited: %+v", *waiting)
		}
		if e := h.receive(0x82); e.status != Stalled {
			t.Errorf("without endpoint: %+v", *e)
		}
		for _, s := range []Setup{SetInterface(1, 2), SetInterface(7, 0), SetConfiguration(2)} {
			if e := h.begin(&Transfer{Setup: s}); e.status != Stalled {
				t.Errorf("%+v: %+v", s, *e)
			}
		}
	})
}

func TestFaults(t *testing.T) {
	plugIn(t, MBIM, func(t *testing.T, h *host) {
		h.configure(1)
		h.f.Set(Faults{HangControl: true})
		h.command(0, []byte("lost"))
		h.modem.say('x')
		h.f.Set(Faults{StallControl: true})
		if e := h.begin(&Transfer{Setup: encapsulatedSetup(sendEncapsulatedCommand, 0, 1), Data: []byte{1}}); e.status != Stalled {
			t.Errorf("command: %+v, want it stalled", *e)
		}
		h.f.Set(Faults{Freeze: true})
		frozen := &Transfer{Setup: Setup{Type: directionIn, Request: getDescriptor, Value: 0x100, Length: 18}}
		if e := h.begin(frozen); e.done {
			t.Errorf("a frozen function answers: %+v", *e)
		}
		if !h.device.Cancel(frozen) || h.device.Cancel(frozen) {
			t.Error("it can be taken back once")
		}
		h.f.Set(Faults{SwallowPackets: true})
		h.net.out <- Packet{0, ping}
		h.send(0x02, octets(t, "4e434d48 0c00 0000 3000 2000"+pingDigits+"49505300 1000 0000 0c00 1400 0000 0000"))
		synctest.Wait()
		h.f.Set(Faults{})
		if len(h.modem.got) != 0 || len(h.net.got) != 0 || h.response(0) != nil || h.receive(0x82).done || h.receive(0x81).done {
			t.Errorf("the modem got %q, the network %v", h.modem.got, h.net.got)
		}
	})
}

func TestSpoiledResponses(t *testing.T) {
	plugIn(t, MBIM, func(t *testing.T, h *host) {
		h.configure()
		h.f.Spoil(Spoil{Drop: true}, Spoil{Delay: time.Second}, Spoil{Twice: true}, Spoil{Cut: 2}, Spoil{Delay: time.Hour})
		for i := range 6 {
			h.modem.say([]byte{'a' + byte(i), '1', '2'}...)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		var got []byte
		for b := h.response(0); b != nil; b = h.response(0) {
			got = append(append(got, b...), ' ')
		}
		if want := "c12 c12 d f12 b12 "; !bytes.Equal(got, []byte(want)) {
			t.Errorf("responses %q, want %q", got, want)
		}
		h.f.Plug(0) // the one that is late is of the device before
		h.appeared()
		h.configure()
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := h.response(0); got != nil {
			t.Errorf("response %q", got)
		}
	})
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"no profile":         {Packets: newNetwork()},
		"no packets":         {Profile: MBIM, Control: newModem()},
		"MBIM alone":         {Profile: MBIM, Packets: newNetwork()},
		"MBIM with AT":       {Profile: MBIM, Control: newModem(), AT: newModem(), Packets: newNetwork()},
		"ECM with a channel": {Profile: ECM, Control: newModem(), Packets: newNetwork()},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// FuzzDevice: whatever a host asks for and sends, in whatever order, every transfer
// that does not wait ends, and no more is received than was asked for.
func FuzzDevice(f *testing.F) {
	f.Add([]byte{0, 9, 1, 0, 0, 0, 0, 0, 0, 1, 11, 1, 0, 1, 0, 0, 0, 0x82})
	f.Add([]byte{0, 9, 1, 0, 0, 0, 0, 0, 0, 0x21, 0, 0, 0, 0, 0, 4, 0, 0x02, 0xa1, 1, 0, 0, 0, 0, 0xff, 0, 0x81})
	f.Add([]byte{0x80, 6, 0, 2, 0, 0, 9, 0, 0, 0xa1, 0x80, 0, 0, 0, 0, 28, 0, 5})
	f.Fuzz(func(t *testing.T, b []byte) {
		const step = 9 // a setup packet, and an endpoint for another transfer
		for profile := MBIM; profile <= ECM; profile++ {
			cfg := Config{Profile: profile, Packets: newNetwork()}
			if profile != ECM {
				cfg.Control = newModem()
			}
			function, err := New(cfg)
			if err != nil {
				t.Fatal(err)
			}
			function.Plug(0)
			h := &host{t: t, f: function}
			h.appeared()
			for rest := b; len(rest) >= step; rest = rest[step:] {
				setup := ParseSetup([8]byte(rest))
				if e := h.begin(&Transfer{Setup: setup, Data: rest}); !e.done || len(e.received) > int(setup.Length) {
					t.Fatalf("%+v: %+v", setup, *e)
				}
				endpoint := rest[step-1]
				if e := h.begin(&Transfer{Endpoint: endpoint, Data: rest, Length: 64}); !e.done && endpoint&directionIn == 0 || len(e.received) > 64 {
					t.Fatalf("endpoint %#x: %+v", endpoint, *e)
				}
			}
			function.Unplug()
		}
	})
}
