package dmvpn

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
	"github.com/farspoke/farspoke/internal/secret"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

var (
	spokeAddress = netip.MustParseAddr("172.16.100.17")
	hub1         = netip.MustParseAddr("172.16.100.1")
	hub2         = netip.MustParseAddr("172.16.100.2")
	hub3         = netip.MustParseAddr("172.16.100.3")
	nbma1        = netip.MustParseAddr("198.51.100.1")
	nbma2        = netip.MustParseAddr("198.51.100.2")
	nbma3        = netip.MustParseAddr("198.51.100.3")
	private      = netip.MustParseAddr("100.64.0.3")
	public       = netip.MustParseAddr("203.0.113.9")
	branchLAN    = netip.MustParsePrefix("10.0.0.0/8")
)

// testConfig is a tunnel with one server and everything at its default.
func testConfig() Config {
	return Config{
		Underlay: "front",
		Address:  netip.PrefixFrom(spokeAddress, 24),
		Routes:   []netip.Prefix{branchLAN},
		IPsec:    "hq",
		NHRP: NHRP{
			Authentication: secret.New("nhrp-hq", "cloud"),
			Servers:        []Server{{Address: hub1, NBMA: nbma1.String()}},
		},
	}
}

// lab is a tunnel with everything around it made by hand, in virtual time.
type lab struct {
	t      *testing.T
	tunnel *Tunnel
	hubs   map[netip.Addr]*hub
	log    *safeBuffer
	uplink value.Value[uplink.State]
	saved  memory
	kernel *fakeKernel
	protector
	names fakeResolver

	started time.Time
	stop    context.CancelFunc
	stopped chan error

	// mu orders what the test does, while all else waits, before what the
	// tunnel makes the fakes do afterwards.
	mu    sync.Mutex
	steps int
}

// step is called by the test before it lets the tunnel go on, and by the fakes
// before they do anything.
func (l *lab) step() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.steps++
}

// inLab runs a test in virtual time.
func inLab(t *testing.T, cfg Config, test func(*lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := &lab{t: t, hubs: make(map[netip.Addr]*hub), saved: make(memory), log: &safeBuffer{}, started: time.Now()}
		l.kernel, l.protector.lab, l.names.lab = &fakeKernel{lab: l, missing: make(chan netip.Addr), rerouted: make(chan struct{})}, l, l
		l.hubs[nbma1] = &hub{lab: l, address: hub1, nbma: nbma1, secret: "cloud"}
		l.hubs[nbma2] = &hub{lab: l, address: hub2, nbma: nbma2, secret: "cloud"}
		l.hubs[nbma3] = &hub{lab: l, address: hub3, nbma: nbma3, secret: "cloud"}
		l.setUplink(private)
		l.start(cfg)
		test(l)
		l.end()
	})
}

// start starts a process: a new tunnel on what the last one left.
func (l *lab) start(cfg Config) {
	l.step()
	l.tunnel = New("hq", cfg, Deps{
		Kernel:     l.kernel,
		Protector:  &l.protector,
		Resolver:   &l.names,
		Uplink:     &l.uplink,
		Checkpoint: l.saved,
		Log:        slog.New(slog.NewTextHandler(l.log, nil)),
	})
	l.tunnel.sinceBoot = func() time.Duration { return time.Since(l.started) + time.Minute }
	ctx, stop := context.WithCancel(l.t.Context())
	l.stop, l.stopped = stop, make(chan error, 1)
	go func() { l.stopped <- l.tunnel.Run(ctx) }()
	synctest.Wait()
}

// end stops the process, which must go without complaint.
func (l *lab) end() {
	l.t.Helper()
	l.step()
	l.stop()
	if err := <-l.stopped; err != nil {
		l.t.Errorf("Run = %v", err)
	}
}

// pass lets time go by.
func (l *lab) pass(d time.Duration) {
	l.step()
	time.Sleep(d)
	synctest.Wait()
}

func (l *lab) setUplink(a netip.Addr) {
	l.step()
	l.uplink.Set(uplink.State{Name: "wan", Up: a.IsValid(), Address: netip.PrefixFrom(a, 24)})
	synctest.Wait()
}

// server is the status of the i-th server.
func (l *lab) server(i int) ServerStatus { return l.tunnel.Status().Servers[i] }

// expect fails the test unless the server is in the state.
func (l *lab) expect(i int, want State) {
	l.t.Helper()
	if s := l.server(i); s.State != want {
		l.t.Errorf("after %v hub %s is %s (%s), want %s", time.Since(l.started), s.Address, s.State, s.LastError, want)
	}
}

// hub is a scripted next hop server. The zero script grants everything.
type hub struct {
	lab           *lab
	address, nbma netip.Addr
	secret        string
	// silent drops every request, code refuses it. sees is where requests come
	// from, if not from where they say. script may change the reply.
	silent bool
	code   nhrp.Code
	sees   netip.Addr
	script func(*nhrp.Packet) *nhrp.Packet
	// resolve answers resolution requests, none if nil.
	resolve func(*nhrp.Packet) *nhrp.Packet

	received []arrival
}

type arrival struct {
	at     time.Duration
	packet *nhrp.Packet
}

// times returns when the hub received something.
func (h *hub) times() []time.Duration {
	var all []time.Duration
	for _, a := range h.received {
		all = append(all, a.at)
	}
	return all
}

// answer does what a hub does with a packet, and returns the reply if any.
func (h *hub) answer(b []byte) *nhrp.Packet {
	h.lab.step()
	p, err := nhrp.Parse(b)
	if err != nil {
		h.lab.t.Errorf("the hub received nonsense: %v", err)
		return nil
	}
	h.lab.mu.Lock()
	h.received = append(h.received, arrival{time.Since(h.lab.started), p})
	h.lab.mu.Unlock()
	if p.Type == nhrp.ResolutionRequest && h.resolve != nil {
		return h.resolve(p)
	}
	if h.silent || p.Type != nhrp.RegistrationRequest {
		return nil
	}
	reply := *p
	if e, ok := p.Extension(nhrp.Authentication); !ok || !e.Authenticates(h.secret) {
		reply = nhrp.Packet{
			Family: p.Family, Protocol: p.Protocol, Hops: 255, Type: nhrp.ErrorIndication,
			Error: nhrp.AuthenticationFailure, SrcNBMA: h.nbma, SrcProtocol: h.address, DstProtocol: p.SrcProtocol,
			Payload: b[:len(b)&^1],
		}
		return &reply
	}
	reply.Type = nhrp.RegistrationReply
	reply.CIEs = slices.Clone(p.CIEs)
	reply.CIEs[0].Code = h.code
	reply.Extensions = slices.Clone(p.Extensions)
	if h.sees.IsValid() {
		for i, e := range reply.Extensions {
			if e.Type == nhrp.NATAddress {
				ours, err := nhrp.NewCIEExtension(e.Type, false, p.Family, p.Protocol, nhrp.CIE{PrefixLen: 32, NBMA: h.sees, Protocol: p.SrcProtocol})
				if err != nil {
					h.lab.t.Error(err)
				}
				reply.Extensions[i].Value = append(slices.Clone(e.Value), ours.Value...)
			}
		}
	}
	if h.script != nil {
		return h.script(&reply)
	}
	return &reply
}

// fakeKernel remembers what it was told, in order.
type fakeKernel struct {
	lab *lab

	mu         sync.Mutex
	device     Device
	mtu        int
	neighbours []Neighbour
	routes     []Route
	history    []string
	link       *fakeLink
	// prefixes are the networks behind the box, which take as long to read as listing
	// says, and rerouted tells that they changed.
	prefixes []netip.Prefix
	listing  time.Duration
	rerouted chan struct{}
	// missing are next hops that there is traffic for and no neighbour.
	missing chan netip.Addr
	tap     *fakeTap
	broken  error
}

func (k *fakeKernel) note(format string, args ...any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.history = append(k.history, fmt.Sprintf(format, args...))
}

func (k *fakeKernel) EnsureDevice(d Device) (int, error) {
	k.lab.step()
	k.device = d
	return 7, k.broken
}

func (k *fakeKernel) SetMTU(_, mtu int) error {
	k.lab.step()
	k.note("mtu %d", mtu)
	k.mtu = mtu
	return nil
}

func (k *fakeKernel) SetNeighbours(index int, all []Neighbour) error {
	k.lab.step()
	if !slices.Equal(k.neighbours, all) {
		k.note("neighbours %v", all)
	}
	k.neighbours = all
	return nil
}

func (k *fakeKernel) SetRoutes(index int, vrf string, all []Route) error {
	k.lab.step()
	if !slices.Equal(k.routes, all) {
		k.note("routes %v", all)
	}
	k.routes = all
	return nil
}

func (k *fakeKernel) Prefixes(vrf string, ipv6 bool) ([]netip.Prefix, error) {
	k.mu.Lock()
	prefixes, listing := k.prefixes, k.listing
	k.mu.Unlock()
	time.Sleep(listing)
	return prefixes, nil
}

func (k *fakeKernel) Rerouted(ctx context.Context, tell func()) error {
	for {
		select {
		case <-k.rerouted:
			tell()
		case <-ctx.Done():
			return nil
		}
	}
}

// connect makes a network one behind the box.
func (k *fakeKernel) connect(prefix netip.Prefix) {
	k.lab.step()
	k.mu.Lock()
	k.prefixes = []netip.Prefix{prefix}
	k.mu.Unlock()
	k.rerouted <- struct{}{}
}

func (k *fakeKernel) Missing(ctx context.Context, _ int, tell func(netip.Addr)) error {
	for {
		select {
		case a := <-k.missing:
			tell(a)
		case <-ctx.Done():
			return nil
		}
	}
}

func (k *fakeKernel) Sent() (map[netip.Addr]uint64, error) { return nil, nil }

func (k *fakeKernel) Listen(index int) (Link, error) {
	k.link = &fakeLink{kernel: k, inbox: make(chan delivery, 100), closed: make(chan struct{})}
	return k.link, nil
}

// fakeLink ends in the hubs.
type fakeLink struct {
	kernel *fakeKernel
	inbox  chan delivery
	closed chan struct{}
	once   sync.Once
}

type delivery struct {
	from   netip.Addr
	packet []byte
}

func (f *fakeLink) Send(nbma netip.Addr, b []byte) error {
	f.kernel.lab.step()
	f.kernel.note("send to %s", nbma)
	reply := f.kernel.lab.hubs[nbma].answer(b)
	if reply != nil {
		f.deliver(nbma, reply)
	}
	return nil
}

func (f *fakeLink) deliver(from netip.Addr, p *nhrp.Packet) {
	b, err := p.Marshal()
	if err != nil {
		f.kernel.lab.t.Error(err)
	}
	f.inbox <- delivery{from, b}
}

func (f *fakeLink) Receive(b []byte) (int, netip.Addr, error) {
	select {
	case d := <-f.inbox:
		return copy(b, d.packet), d.from, nil
	case <-f.closed:
		return 0, netip.Addr{}, net.ErrClosed
	}
}

func (f *fakeLink) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

// protector protects at once, unless told otherwise.
type protector struct {
	lab      *lab
	mu       sync.Mutex
	calls    int
	replaced chan struct{}
	err      error
	// met are the peers that were protected as other spokes.
	met []netip.Addr
	// blocked peers get no protection.
	blocked map[netip.Addr]bool
	// probe is the last one handed over.
	probe     func()
	mtu       value.Value[int]
	accepting atomic.Int32
	// seen is by which address each peer knows us.
	seen map[netip.Addr]netip.Addr
}

func (p *protector) Accept(ctx context.Context, _ func(netip.Addr)) error {
	p.accepting.Add(1)
	<-ctx.Done()
	p.accepting.Add(-1)
	return nil
}

func (p *protector) SeenAs(peer, public netip.Addr) {
	p.lab.step()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil {
		p.seen = make(map[netip.Addr]netip.Addr)
	}
	p.seen[peer] = public
}

func (p *protector) MTU() *value.Value[int] { return &p.mtu }

func (p *protector) Protect(ctx context.Context, peer netip.Addr, probe func()) (<-chan struct{}, error) {
	p.lab.step()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	p.probe = probe
	if p.blocked[peer] {
		p.mu.Unlock()
		<-ctx.Done()
		p.mu.Lock()
		return nil, ctx.Err()
	}
	if p.replaced == nil {
		p.replaced = make(chan struct{})
	}
	return p.replaced, p.err
}

func (p *protector) Meet(ctx context.Context, peer netip.Addr, probe func()) (<-chan struct{}, error) {
	p.mu.Lock()
	p.met = append(p.met, peer)
	p.mu.Unlock()
	return p.Protect(ctx, peer, probe)
}

// renew ends the protection of now.
func (p *protector) renew() {
	p.lab.step()
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.replaced)
	p.replaced = nil
}

type fakeResolver struct {
	lab     *lab
	answers []netip.Addr
	calls   int
}

func (r *fakeResolver) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	r.lab.step()
	r.calls++
	if r.answers == nil {
		return nil, errors.New("no such host")
	}
	return r.answers, nil
}

// memory is a checkpoint that a test's processes share.
type memory map[string][]byte

func (m memory) Save(name string, v any) (err error) {
	m[name], err = json.Marshal(v)
	return err
}

func (m memory) Load(name string, v any) (bool, error) {
	data, ok := m[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(data, v)
}

func (m memory) Remove(name string) error {
	delete(m, name)
	return nil
}

// safeBuffer collects the log.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// lines returns how many lines of the log contain all the words.
func (s *safeBuffer) lines(words ...string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for line := range strings.Lines(s.b.String()) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			n++
		}
	}
	return n
}
