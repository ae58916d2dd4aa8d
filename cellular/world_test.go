package cellular

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/farspoke/farspoke/cellular/clat"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/internal/dhcp"
	"github.com/farspoke/farspoke/internal/link"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// world is a modem on a bus, the network it hears, and the kernel's devices. It is
// everything around a Station.
type world struct {
	*testing.T
	kernel
	memory
	station *Station
	stop    context.CancelFunc
	ended   chan error

	present chan struct{} // closed while the modem is on the bus
	bell    *modem.Bell
	// asked counts what the modem was asked, by method, and did lists what was done
	// to it.
	asked map[string]int
	did   []string
	// silent: the modem answers nothing; cured by the reset of that name.
	silent bool
	cure   string
	// broken: the modem has an error for everything, and is cured in the same way;
	// refuses are the methods for which it has one always.
	broken  bool
	refuses []string
	// selection is what the modem was told to use.
	selection []modem.Selection

	sim   modem.SIM
	slots []modem.Slot
	// onSlot is what happens when another slot is used.
	onSlot       func(slot int)
	radio        modem.Radio
	registration modem.Registration
	attach       modem.APN
	connections  map[int]modem.Connection
	// grant is what the network says to an APN.
	grant func(session int, apn modem.APN) (modem.Connection, error)

	// lease is what the modem answers to DHCP, nothing where there is none.
	lease func(*dhcpv4.DHCPv4) *dhcpv4.DHCPv4
	// routers are what the network's routers say when they are asked from an address,
	// nothing where there is none; heard hears them unasked as well.
	routers func(from netip.Addr) []byte
	heard   chan []byte
}

var (
	goodSIM   = modem.SIM{State: modem.SIMReady, ICCID: "8949000000000000001", IMSI: "262011234567890", MNCDigits: 2, Attempts: 3}
	homeCell  = modem.Registration{State: modem.Home, Attached: true, PLMN: "26201", Operator: "Telekom.de", Technology: modem.LTE, Cell: 0x1a2d001}
	goodGrant = modem.Connection{
		Address4: netip.MustParsePrefix("100.64.0.5/29"), Gateway4: netip.MustParseAddr("100.64.0.6"),
		DNS: []netip.Addr{netip.MustParseAddr("100.64.0.1")}, MTU: 1430, APN: "internet",
	}
	lte = Interface{Name: "lte", VRF: "front", Metric: 200, Demoted: 1 << 20, CLAT: netip.MustParseAddr("192.0.0.1")}
)

// play runs what a test does with a world, in a time of its own. The modem is on the
// bus unless arrange takes it away.
func play(t *testing.T, cfg Config, arrange func(*world), do func(*world)) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{
			T: t, asked: make(map[string]int), connections: make(map[int]modem.Connection),
			sim: goodSIM, radio: modem.Radio{Hardware: true, Software: true}, registration: homeCell,
			slots:   []modem.Slot{{Number: 1, Active: true, Filled: true, ICCID: goodSIM.ICCID}},
			grant:   func(int, modem.APN) (modem.Connection, error) { return goodGrant, nil },
			kernel:  newKernel(),
			heard:   make(chan []byte, 8),
			memory:  make(memory),
			present: make(chan struct{}),
		}
		w.plug()
		if arrange != nil {
			arrange(w)
		}
		w.start(cfg)
		defer func() { w.stop() }()
		do(w)
		w.end()
	})
}

// start starts a Station, as a router process does.
func (w *world) start(cfg Config, interfaces ...Interface) {
	if len(interfaces) == 0 {
		interfaces = []Interface{lte}
	}
	log := slog.New(slog.DiscardHandler)
	w.station = New("m2", cfg, interfaces, Deps{Log: log, Bus: w, Records: OpenRecords(w.memory, log)})
	for _, u := range w.station.Underlays() {
		u.links, u.newCLAT = w, w.newCLAT
	}
	ctx, cancel := context.WithCancel(w.Context())
	w.stop, w.ended = cancel, make(chan error, 1)
	go func() { w.ended <- w.station.Run(ctx) }()
	synctest.Wait()
}

// nat64Time is how long it takes to find a network's NAT64.
const nat64Time = 300 * time.Millisecond

// nat64 is a translation over a network that has one.
type nat64 struct {
	note   func(what string)
	over   clat.Underlay
	offers value.Value[clat.State]
}

func (w *world) newCLAT(over clat.Underlay, _ *slog.Logger) (translation, error) {
	return &nat64{note: w.note, over: over}, nil
}

func (n *nat64) Run(ctx context.Context) error {
	select {
	case <-time.After(nat64Time):
	case <-ctx.Done():
		return nil
	}
	n.note("translate for " + n.over.Address6.String())
	n.offers.Set(clat.State{Up: true, Device: n.over.Device, Index: 99, Address: netip.PrefixFrom(n.over.Address4, 32), MTU: n.over.MTU - 20})
	<-ctx.Done()
	n.note("translate no more")
	return nil
}

func (n *nat64) State() *value.Value[clat.State] { return &n.offers }

func (n *nat64) SetMetric(int) {}

// note notes what was done.
func (w *world) note(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.did = append(w.did, what)
}

// end ends the router process.
func (w *world) end() {
	w.Helper()
	w.stop()
	if err := <-w.ended; err != nil {
		w.Errorf("Run: %v", err)
	}
}

// change changes the world, and the modem tells of it.
func (w *world) change(what modem.Event, how func()) {
	w.mu.Lock()
	how()
	w.mu.Unlock()
	if what != 0 {
		w.bell.Ring(what)
	}
	synctest.Wait()
}

// plug puts the modem on the bus.
func (w *world) plug() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bell = modem.NewBell()
	w.devices["wwan0"] = &device{port: link.Port{Name: "wwan0", Index: 7, MTU: 1500}}
	close(w.present)
}

// unplug takes it away, and all that came with it.
func (w *world) unplug() {
	w.mu.Lock()
	w.present = make(chan struct{})
	w.connections = make(map[int]modem.Connection)
	w.devices = make(map[string]*device)
	w.bell.Close()
	w.mu.Unlock()
	synctest.Wait()
}

func (w *world) state() uplink.State {
	s, _ := w.station.Underlays()[0].State().Load()
	return s
}

// expectUp fails the test unless the underlay offers what the network granted, and
// the device has it.
func (w *world) expectUp(want modem.Connection) {
	w.Helper()
	s := w.state()
	if !s.Up || s.Address != want.Address4 || s.MTU != want.MTU || !slices.Equal(s.DNS, want.DNS) || s.VRF != "front" {
		w.Fatalf("the underlay offers %+v, want what the network grants, %+v; status %+v", s, want, w.station.Status())
	}
	if d := w.device("lte"); d == nil || d.has.Address != want.Address4 || len(d.has.Routes) == 0 || d.port.Master == 0 {
		w.Fatalf("the device has %+v", d)
	}
}

// expectDown fails the test if anything of a network is left.
func (w *world) expectDown(phase Phase, text string) {
	w.Helper()
	if s := w.state(); s.Up || s.Address.IsValid() {
		w.Fatalf("the underlay offers %+v", s)
	}
	if d := w.device("lte"); d != nil && (d.has.Address.IsValid() || d.has.Address6.IsValid() || len(d.has.Routes) > 0) {
		w.Fatalf("the device has %+v", d.has)
	}
	if s := w.station.Status(); s.Phase != phase || text != "" && s.Text != text {
		w.Fatalf("the modem is %v: %q, want %v: %q", s.Phase, s.Text, phase, text)
	}
}

// Await implements Bus.
func (w *world) Await(ctx context.Context, _ string, last Device) (Device, error) {
	if last != nil {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
	w.mu.Lock()
	present := w.present
	w.mu.Unlock()
	select {
	case <-present:
		return w, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// String implements Device.
func (w *world) String() string { return "1-1" }

// Open implements Device.
func (w *world) Open(context.Context, int) (modem.Modem, error) {
	if err := w.ask("open"); err != nil {
		return nil, err
	}
	return phone{w}, nil
}

// Links implements Device.
func (w *world) Links(names []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for session, name := range names {
		if w.devices[name] == nil {
			w.devices[name] = &device{port: link.Port{Name: name, Index: 7 + session, MTU: 1500, MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}}}
		}
	}
	delete(w.devices, "wwan0")
	return nil
}

// Resets implements Device.
func (w *world) Resets() []Reset {
	var all []Reset
	for _, name := range []string{"reset"} {
		all = append(all, Reset{Name: name, Do: func(context.Context) error { return w.remedy(name) }})
	}
	return all
}

// Power implements Bus.
func (w *world) Power(context.Context, string) error { return w.remedy("power") }

// remedy does something to the modem from outside.
func (w *world) remedy(name string) error {
	w.mu.Lock()
	w.did = append(w.did, name)
	cures := w.cure == name
	if cures {
		w.silent, w.broken = false, false
	}
	there := w.there()
	w.mu.Unlock()
	if cures && !there {
		w.plug()
	}
	return nil
}

// there reports whether the modem is on the bus.
func (w *world) there() bool {
	select {
	case <-w.present:
		return true
	default:
		return false
	}
}

// answerTime is how long a modem that does not answer is waited for.
const answerTime = 10 * time.Second

// ask counts a question to the modem, which may stay unanswered.
func (w *world) ask(what string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.there() {
		return modem.ErrGone
	}
	w.asked[what]++
	if w.broken || slices.Contains(w.refuses, what) {
		return fmt.Errorf("%s: internal error", what)
	}
	if w.silent {
		w.mu.Unlock()
		time.Sleep(answerTime)
		w.mu.Lock()
		return fmt.Errorf("%s: %w", what, modem.ErrSilent)
	}
	return nil
}

// Dial implements links.
func (w *world) Dial(link.Port) (dhcp.Conn, error) {
	return &dhcpConn{world: w, in: make(chan []byte, 8), closed: make(chan struct{})}, nil
}

// phone is the modem, opened.
type phone struct{ w *world }

// answer returns what the modem has once it was asked.
func answer[T any](p phone, question string, has func() (T, error)) (T, error) {
	if err := p.w.ask(question); err != nil {
		var none T
		return none, err
	}
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return has()
}

func (p phone) Identity(context.Context) (modem.Identity, error) {
	return answer(p, "identity", func() (modem.Identity, error) {
		return modem.Identity{Model: "test", IMEI: "490154203237518", Sessions: 8}, nil
	})
}

func (p phone) Slots(context.Context) ([]modem.Slot, error) {
	return answer(p, "slots", func() ([]modem.Slot, error) { return slices.Clone(p.w.slots), nil })
}

func (p phone) UseSlot(_ context.Context, slot int) error {
	_, err := answer(p, "use slot", func() (any, error) {
		p.w.did = append(p.w.did, fmt.Sprintf("slot %d", slot))
		for i := range p.w.slots {
			p.w.slots[i].Active = p.w.slots[i].Number == slot
		}
		if p.w.onSlot != nil {
			p.w.onSlot(slot)
		}
		return nil, nil
	})
	return err
}

func (p phone) SIM(context.Context) (modem.SIM, error) {
	return answer(p, "SIM", func() (modem.SIM, error) { return p.w.sim, nil })
}

func (p phone) EnterPIN(_ context.Context, pin modem.PIN) error {
	_, err := answer(p, "PIN", func() (any, error) {
		if pin != "1234" {
			if p.w.sim.Attempts--; p.w.sim.Attempts == 0 {
				p.w.sim.State, p.w.sim.Attempts = modem.SIMBlocked, 10
			}
			return nil, modem.ErrWrongPIN
		}
		p.w.sim = goodSIM
		return nil, nil
	})
	return err
}

func (p phone) Radio(context.Context) (modem.Radio, error) {
	return answer(p, "radio", func() (modem.Radio, error) { return p.w.radio, nil })
}

func (p phone) SetRadio(_ context.Context, on bool) error {
	_, err := answer(p, "set radio", func() (any, error) { p.w.radio.Software = on; return nil, nil })
	return err
}

func (p phone) AttachAPN(context.Context) (modem.APN, error) {
	return answer(p, "attach APN", func() (modem.APN, error) { return p.w.attach, nil })
}

func (p phone) SetAttachAPN(_ context.Context, a modem.APN) error {
	_, err := answer(p, "set attach APN", func() (any, error) {
		p.w.attach = a
		p.w.did = append(p.w.did, "attach "+a.Name)
		return nil, nil
	})
	return err
}

func (p phone) Select(_ context.Context, s modem.Selection) error {
	_, err := answer(p, "select", func() (any, error) { p.w.selection = append(p.w.selection, s); return nil, nil })
	return err
}

func (p phone) Registration(context.Context) (modem.Registration, error) {
	return answer(p, "registration", func() (modem.Registration, error) { return p.w.registration, nil })
}

func (p phone) Attach(context.Context) error {
	_, err := answer(p, "attach", func() (any, error) { p.w.registration.Attached = true; return nil, nil })
	return err
}

func (p phone) Connect(_ context.Context, session int, a modem.APN) error {
	_, err := answer(p, "connect", func() (any, error) {
		p.w.did = append(p.w.did, fmt.Sprintf("connect %d %s", session, a.Name))
		c, err := p.w.grant(session, a)
		if err == nil {
			p.w.connections[session] = c
		}
		return nil, err
	})
	return err
}

func (p phone) Disconnect(_ context.Context, session int) error {
	_, err := answer(p, "disconnect", func() (any, error) { delete(p.w.connections, session); return nil, nil })
	return err
}

func (p phone) Connection(_ context.Context, session int) (modem.Connection, error) {
	return answer(p, "connection", func() (modem.Connection, error) {
		c, ok := p.w.connections[session]
		if !ok {
			return c, modem.ErrNotConnected
		}
		return c, nil
	})
}

func (p phone) Signal(context.Context) (modem.Signal, error) {
	return answer(p, "signal", func() (modem.Signal, error) { return modem.Signal{RSRP: new(-97.0)}, nil })
}

func (p phone) Counters(context.Context, int) (modem.Counters, error) {
	return answer(p, "counters", func() (modem.Counters, error) { return modem.Counters{OctetsIn: 17}, nil })
}

func (p phone) Restart(context.Context) error { return p.w.ask("restart") }

func (p phone) Events() <-chan modem.Event {
	p.w.mu.Lock()
	defer p.w.mu.Unlock()
	return p.w.bell.Events()
}

func (p phone) Close() error { return nil }
