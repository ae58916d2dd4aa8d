package cellular

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/cellular/clat"
	"github.com/farspoke/farspoke/cellular/emulator"
	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/ndp"
	"github.com/farspoke/farspoke/cellular/port"
	"github.com/farspoke/farspoke/cellular/qmi"
	"github.com/farspoke/farspoke/internal/dhcp"
	"github.com/farspoke/farspoke/internal/link"
	"github.com/farspoke/farspoke/internal/uplink"
)

// rig is a Station with everything below it, down to an emulated modem: only the bus,
// the kernel and the disk are in memory. It runs in a time of its own.
type rig struct {
	*testing.T
	kernel
	memory
	protocol port.Protocol
	emulator *emulator.Emulator
	cable    *emulator.Cable
	// order orders what is to go wrong.
	order   *emulator.Client
	station *Station
	stop    context.CancelFunc
	ended   chan error
	// unpowered: the board cannot switch the modem's power.
	unpowered bool
	// worse is what a reset does besides, nil for nothing.
	worse func()
	// where is said before what a test finds wrong.
	where string

	tapping sync.Mutex
	// said counts the messages to the modem, and hear, if it is not nil, is told of each
	// before it gets there.
	said int
	hear func(n int)
	// heard counts what comes from the modem, and garble, if it is not nil, may make
	// something else of it.
	heard  int
	garble func(n int, message []byte)
	// asked are when the network was asked for a connection, and orders counts all that
	// a modem was told to change.
	asked  []time.Time
	orders int
	// fewest is how few attempts at its PIN the SIM has had left.
	fewest int
	did    []string
}

// protocols are those by which a Station may direct a modem.
var protocols = map[port.Protocol]usb.Profile{port.MBIM: usb.MBIM, port.QMI: usb.QMI, port.AT: usb.ECM}

// byEach runs a test with a modem of each protocol. What is nil is as by default.
func byEach(t *testing.T, cfg Config, change func(*virtual.Scenario), do func(*rig)) {
	for _, protocol := range []port.Protocol{port.MBIM, port.QMI, port.AT} {
		t.Run(protocol.String(), func(t *testing.T) { by(t, protocol, cfg, change, do) })
	}
}

// by runs a test with a modem of one protocol.
func by(t *testing.T, protocol port.Protocol, cfg Config, change func(*virtual.Scenario), do func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		scenario := virtual.Default()
		if change != nil {
			change(&scenario)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		e, err := emulator.New(ctx, protocols[protocol], scenario)
		if err != nil {
			t.Fatal(err)
		}
		r := &rig{T: t, kernel: newKernel(), memory: make(memory), protocol: protocol, emulator: e, cable: e.Cable(), fewest: 3}
		ordersTaken := r.takeOrders(ctx)
		go r.follow(ctx)
		r.start(cfg)
		defer func() {
			if r.stop(); <-r.ended != nil {
				t.Error("the Station ended by itself")
			}
			if r.fewest < 1 {
				t.Error("the SIM had no attempt left for a person")
			}
			_ = r.order.Close()
			cancel()
			<-ordersTaken
		}()
		do(r)
	})
}

// takeOrders gives the rig the emulated modem's control socket.
func (r *rig) takeOrders(ctx context.Context) (done chan struct{}) {
	client, server := net.Pipe()
	r.order = emulator.NewClient(client)
	done = make(chan struct{})
	go func() {
		defer close(done)
		l := &oneConn{conn: server, closed: make(chan struct{})}
		if err := r.emulator.Control(ctx, l); err != nil {
			r.Error(err)
		}
	}()
	return done
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn   net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	if conn := l.conn; conn != nil {
		l.conn = nil
		return conn, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *oneConn) Addr() net.Addr { return nil }

// start starts a Station, as a router process does.
func (r *rig) start(cfg Config) {
	log := slog.New(slog.DiscardHandler)
	r.station = New("m2", cfg, []Interface{lte}, Deps{Log: log, Bus: r, Records: OpenRecords(r.memory, log)})
	u := r.station.Underlays()[0]
	u.links = r
	u.newCLAT = func(over clat.Underlay, _ *slog.Logger) (translation, error) {
		return &nat64{note: r.note, over: over}, nil
	}
	ctx, cancel := context.WithCancel(r.Context())
	r.stop, r.ended = cancel, make(chan error, 1)
	go func() { r.ended <- r.station.Run(ctx) }()
}

// restart ends the router process and starts another.
func (r *rig) restart(cfg Config) {
	r.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		r.Errorf("Run: %v", err)
	}
	r.start(cfg)
}

func (r *rig) note(what string) {
	r.tapping.Lock()
	defer r.tapping.Unlock()
	r.did = append(r.did, what)
}

// follow is the kernel's drivers: the modem's network device comes and goes with it,
// by a name that is its place's.
func (r *rig) follow(ctx context.Context) {
	for {
		place, there, changed := r.cable.Place()
		r.mu.Lock()
		clear(r.devices)
		if there {
			name := fmt.Sprintf("wwan%d", place)
			r.devices[name] = &device{port: link.Port{Name: name, Index: 7 + place, MTU: 1500}}
		}
		r.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Dial implements links. The rig's modems are no routers.
func (r *rig) Dial(link.Port) (dhcp.Conn, error) { return nil, errors.New("nobody leases here") }

// Routers implements links, with those of the emulated network.
func (r *rig) Routers(link.Port) (routers, error) {
	s := &routersOfRig{modem: r.emulator.Modem, said: make(chan []byte, 8), closed: make(chan struct{})}
	s.modem.Do(func() {
		s.stop = s.modem.Receive(func(_ int, packet []byte) { s.said <- slices.Clone(packet) })
	})
	return s, nil
}

// routersOfRig is a packet socket on the emulated modem's device.
type routersOfRig struct {
	modem  *virtual.Modem
	stop   func()
	said   chan []byte
	closed chan struct{}
}

func (s *routersOfRig) Solicit(from netip.Addr) error {
	s.modem.Do(func() { s.modem.SendBySource(ndp.Solicitation(from)) })
	return nil
}

func (s *routersOfRig) Receive() ([]byte, error) {
	select {
	case packet := <-s.said:
		return packet, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

func (s *routersOfRig) Close() error {
	s.modem.Do(s.stop)
	close(s.closed)
	return nil
}

// Await implements Bus.
func (r *rig) Await(ctx context.Context, _ string, last Device) (Device, error) {
	if last != nil {
		select {
		case <-last.(plugged).changed:
		case <-time.After(retryPause):
		case <-ctx.Done():
		}
	}
	for {
		place, there, changed := r.cable.Place()
		if there && ctx.Err() == nil {
			return plugged{r, place, changed}, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Power implements Bus.
func (r *rig) Power(ctx context.Context, _ string) error {
	if r.unpowered {
		return modem.ErrUnsupported
	}
	r.note("power")
	err := r.order.Power(false)
	select {
	case <-time.After(powerOff):
	case <-ctx.Done():
	}
	return errors.Join(err, r.order.Power(true))
}

// plugged is the modem on the bus.
type plugged struct {
	r       *rig
	place   int
	changed <-chan struct{}
}

// String implements Device.
func (p plugged) String() string { return fmt.Sprintf("1-%d", p.place) }

// Open implements Device.
func (p plugged) Open(ctx context.Context, sessions int) (modem.Modem, error) {
	control, err := p.r.cable.Open()
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	tap := &tap{CablePort: control, r: p.r, frames: mbim.Reassembler{Limit: 1 << 16}}
	return speak(ctx, p.r.protocol, tap, sessions, callRecord{p.r.memory, "m2", log}, log)
}

// Links implements Device.
func (p plugged) Links(names []string) error {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	drivers := fmt.Sprintf("wwan%d", p.place)
	if p.r.devices[drivers] == nil && p.r.devices[names[0]] == nil {
		return errNoDevice
	}
	for session, name := range names {
		if p.r.devices[name] == nil {
			p.r.devices[name] = &device{port: link.Port{Name: name, Index: 7 + p.place + session, MTU: 1500}}
		}
	}
	delete(p.r.devices, drivers)
	return nil
}

// Resets implements Device, with those of onBus.
func (p plugged) Resets() (all []Reset) {
	for _, how := range []usb.Reset{usb.BusReset, usb.FunctionReset, usb.Configuration} {
		all = append(all, Reset{Name: "reset", Do: func(context.Context) error {
			p.r.note("reset")
			p.r.cable.Reset(how)
			if p.r.worse != nil {
				p.r.worse()
			}
			return nil
		}})
	}
	return all
}

// tap is the control port, on which the rig listens.
type tap struct {
	*emulator.CablePort
	r      *rig
	frames mbim.Reassembler
}

// Read implements the hosts' Port.
func (p *tap) Read(b []byte) (int, error) {
	n, err := p.CablePort.Read(b)
	p.r.tapping.Lock()
	defer p.r.tapping.Unlock()
	if p.r.heard++; err == nil && p.r.garble != nil {
		p.r.garble(p.r.heard, b[:n])
	}
	return n, err
}

// Write implements the hosts' Port.
func (p *tap) Write(b []byte) (int, error) {
	asks, changes := p.read(b)
	p.r.tapping.Lock()
	p.r.said++
	n, hear := p.r.said, p.r.hear
	if asks {
		p.r.asked = append(p.r.asked, time.Now())
	}
	if changes {
		p.r.orders++
	}
	p.r.tapping.Unlock()
	if hear != nil {
		hear(n)
	}
	written, err := p.CablePort.Write(b)
	p.r.tapping.Lock()
	defer p.r.tapping.Unlock()
	p.r.emulator.Modem.Do(func() {
		if card := p.r.emulator.Modem.Card(); card != nil {
			p.r.fewest = min(p.r.fewest, card.PINAttempts)
		}
	})
	return written, err
}

// read reports whether a message asks the network for a connection, and whether it
// changes anything that the network or the SIM may notice.
func (p *tap) read(b []byte) (asks, changes bool) {
	switch p.r.protocol {
	case port.MBIM:
		m, _ := p.frames.Add(b)
		if m == nil || m.Type != mbim.CommandMessage || m.Kind().Class != mbim.Set {
			return false, false
		}
		var c mbim.Connect
		asks = mbim.V1.Decode(*m, &c) == nil && m.Command == mbim.CmdConnect && c.Command == mbim.ActivationCommandActivate
		return asks, m.Command != mbim.CmdDeviceServiceSubscribeList
	case port.QMI:
		m, err := qmi.Parse(b)
		if err != nil {
			p.r.Errorf("the host sent what is no QMI: %v", err)
		}
		switch qmi.Empty(m.Kind).(type) {
		case *qmi.StartNetworkRequest:
			return true, true
		case *qmi.SetOperatingModeRequest, *qmi.RegisterRequest, *qmi.SetPacketAttachRequest, *qmi.SetSelectionRequest,
			*qmi.ModifyProfileRequest, *qmi.SetAttachProfilesRequest, *qmi.VerifyPINRequest, *qmi.DMSVerifyPINRequest:
			return false, true
		}
		return false, false
	}
	asks = bytes.HasPrefix(b, []byte("AT+CGACT=1"))
	for _, command := range []string{"AT+CGACT=", "AT+CFUN=", "AT+CGATT=", "AT+COPS=", "AT+CPIN=", "AT+CGDCONT="} {
		changes = changes || bytes.HasPrefix(b, []byte(command))
	}
	return asks, changes
}

// state is what the underlay offers.
func (r *rig) state() uplink.State {
	s, _ := r.station.Underlays()[0].State().Load()
	return s
}

// await waits until what the underlay offers is as wanted.
func (r *rig) await(within time.Duration, what string, wanted func(uplink.State) bool) uplink.State {
	r.Helper()
	limit := time.After(within)
	for {
		s, changed := r.station.Underlays()[0].State().Load()
		if wanted(s) {
			synctest.Wait()
			if s, _ := r.station.Underlays()[0].State().Load(); wanted(s) {
				return s
			}
		}
		select {
		case <-changed:
		case <-limit:
			r.Fatalf("%snot %s within %v: the underlay offers %+v; status %+v", r.where, what, within, s, r.station.Status())
		}
	}
}

// up waits until the network's connection is the box's, with the same address, and
// demands that the device has it.
func (r *rig) up(within time.Duration) uplink.State {
	r.Helper()
	s := r.await(within, "up", func(s uplink.State) bool {
		granted := r.granted().Address4
		return s.Up && (!granted.IsValid() || s.Address.Addr() == granted.Addr())
	})
	d := r.device("lte")
	if d == nil || d.port.Master == 0 || len(d.has.Routes) == 0 || s.Link == "lte" && d.has.Address != s.Address {
		r.Fatalf("%sthe underlay offers %+v, and the device has %+v", r.where, s, d)
	}
	return s
}

// down waits until the underlay offers nothing, and demands that nothing of the
// network is left on any device.
func (r *rig) down(within time.Duration) {
	r.Helper()
	r.await(within, "down", func(s uplink.State) bool { return !s.Up })
	r.clean()
}

// clean fails the test if anything of a network is left.
func (r *rig) clean() {
	r.Helper()
	if s := r.state(); s.Up || s.Address.IsValid() || s.Address6.IsValid() || s.Gateway.IsValid() || len(s.DNS) > 0 {
		r.Fatalf(r.where+"the underlay offers %+v", s)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, d := range r.devices {
		if d.has.Address.IsValid() || d.has.Address6.IsValid() || len(d.has.Routes) > 0 {
			r.Fatalf("%s%s has %+v", r.where, name, d.has)
		}
	}
}

// granted is what the network thinks that the modem has, nothing without a connection.
func (r *rig) granted() (c modem.Connection) {
	r.emulator.Modem.Do(func() {
		if s, ok := r.emulator.Modem.Session(0); ok && s.Up {
			c = s.Granted
		}
	})
	return c
}

// listen has f told of each message of the host, by its number, before the modem has
// it.
func (r *rig) listen(f func(n int)) {
	r.tapping.Lock()
	defer r.tapping.Unlock()
	r.hear = f
}

// there reports whether the modem is on the bus.
func (r *rig) there() bool { _, there, _ := r.cable.Place(); return there }

// drop has the network end the connection. With QMI each family has one of its own.
func (r *rig) drop(cause modem.SessionCause) {
	r.Helper()
	s, err := r.order.State()
	r.do(err)
	for _, session := range s.Sessions {
		r.do(r.order.Drop(session.Number, cause))
	}
}

// do fails the test if an order was not taken.
func (r *rig) do(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// expect begins anew to watch how many attempts the SIM has left, from n on.
func (r *rig) expect(n int) {
	r.tapping.Lock()
	defer r.tapping.Unlock()
	r.fewest = n
}

// requests is how many times the network was asked for a connection.
func (r *rig) requests() int {
	r.tapping.Lock()
	defer r.tapping.Unlock()
	return len(r.asked)
}

// ordered is how many things a modem was told to do.
func (r *rig) ordered() int {
	r.tapping.Lock()
	defer r.tapping.Unlock()
	return r.orders
}

// busiest is how many times the network was asked for a connection in the worst hour.
func (r *rig) busiest() (most int) {
	r.tapping.Lock()
	defer r.tapping.Unlock()
	for i, at := range r.asked {
		n := slices.IndexFunc(r.asked[i:], func(t time.Time) bool { return t.Sub(at) >= time.Hour })
		if n < 0 {
			n = len(r.asked) - i
		}
		most = max(most, n)
	}
	return most
}

// hold fails the test unless the modem comes to wait in the given phase with a reason
// that has the given words.
func (r *rig) holds(within time.Duration, phase Phase, words string) {
	r.Helper()
	for end := time.Now().Add(within); ; time.Sleep(time.Second / 2) {
		synctest.Wait()
		s := r.station.Status()
		if s.Phase == phase && bytes.Contains([]byte(s.Text), []byte(words)) {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("%sthe modem is %v: %q, want %v: %q", r.where, s.Phase, s.Text, phase, words)
		}
	}
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
