package ikev2

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/ikev2/udp"
	"github.com/farspoke/farspoke/ikev2/xfrm"
	"github.com/farspoke/farspoke/internal/secret"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

var (
	spokeAddr = netip.MustParseAddr("100.64.0.9")
	hubAddr   = netip.MustParseAddr("203.0.113.1")
)

// kernel is a fake of the XFRM layer.
type kernel struct {
	mu       sync.Mutex
	sas      map[xfrm.ID]xfrm.SA
	policies []xfrm.Policy
	refuse   error
	// blind is what reading the policies back gives.
	blind error
	// carried counts packets.
	carried map[xfrm.ID]uint64
}

// carry lets all SAs of a direction have carried one more packet.
func (k *kernel) carry(in bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, sa := range k.sas {
		if sa.In == in {
			k.carried[id]++
		}
	}
}

func (k *kernel) AddSA(sa xfrm.SA) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.refuse != nil {
		return k.refuse
	}
	if _, ok := k.sas[sa.ID()]; ok {
		return unix.EEXIST
	}
	k.sas[sa.ID()] = sa
	return nil
}

func (k *kernel) UpdateSA(sa xfrm.SA) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.sas[sa.ID()]; !ok {
		return unix.ESRCH
	}
	k.sas[sa.ID()] = sa
	return nil
}

func (k *kernel) MoveSA(old xfrm.ID, sa xfrm.SA) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, ok := k.sas[old]; !ok {
		return unix.ESRCH
	}
	delete(k.sas, old)
	k.sas[sa.ID()] = sa
	return nil
}

func (k *kernel) DeleteSA(id xfrm.ID) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.sas, id)
	return nil
}

func (k *kernel) SAs(reqID uint32) ([]xfrm.State, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []xfrm.State
	for _, sa := range k.sas {
		if sa.ReqID == reqID {
			all = append(all, xfrm.State{SA: sa, Counters: xfrm.Counters{Packets: k.carried[sa.ID()]}})
		}
	}
	return all, nil
}

func (k *kernel) PutPolicy(p xfrm.Policy) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.policies, p) {
		k.policies = append(k.policies, p)
	}
	return nil
}

func (k *kernel) Policies() ([]xfrm.Policy, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.policies), k.blind
}

func (k *kernel) spis() []uint32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []uint32
	for id := range k.sas {
		all = append(all, id.SPI)
	}
	slices.Sort(all)
	return all
}

// any returns one of the SAs.
func (k *kernel) any() xfrm.ID { return k.find(func(xfrm.SA) bool { return true }) }

// find returns an SA that fits.
func (k *kernel) find(fits func(xfrm.SA) bool) xfrm.ID {
	for id, sa := range k.all() {
		if fits(sa) {
			return id
		}
	}
	return xfrm.ID{}
}

func (k *kernel) all() map[xfrm.ID]xfrm.SA {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.sas)
}

func (k *kernel) has(id xfrm.ID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.sas[id]
	return ok
}

// monitor passes on what a test says the kernel said.
type monitor chan xfrm.Event

func (m monitor) Run(ctx context.Context, handle func(xfrm.Event)) error {
	for {
		select {
		case event := <-m:
			handle(event)
		case <-ctx.Done():
			return nil
		}
	}
}

// memory is a checkpoint.
type memory struct {
	mu      sync.Mutex
	records map[string][]byte
	refuse  error
}

func (m *memory) Save(name string, v any) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		return m.refuse
	}
	b, err := json.Marshal(v)
	m.records[name] = b
	return err
}

func (m *memory) Load(name string, v any) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.records[name]
	if !ok {
		return false, nil
	}
	return true, json.Unmarshal(b, v)
}

func (m *memory) Names(prefix string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.records {
		if strings.HasPrefix(name, prefix) {
			names = append(names, name)
		}
	}
	return names, nil
}

func (m *memory) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, name)
	return nil
}

// lab is a network of Engines.
type lab struct {
	t       *testing.T
	started time.Time
	mu      sync.Mutex
	sockets map[netip.Addr]*socket
	// down are the addresses that cannot be reached.
	down map[netip.Addr]bool
	// unroutable are the addresses that have no route.
	unroutable map[netip.Addr]bool
	// nat translates what the spoke sends, unless it is nil.
	nat *nat
	// carrier gives boxes a public address, and mapped is which end of a box has
	// which public port.
	carrier map[netip.Addr]netip.Addr
	mapped  map[netip.AddrPort]netip.AddrPort
	sent    atomic.Int64
}

func newLab(t *testing.T) *lab {
	return &lab{
		t: t, started: time.Now(), sockets: make(map[netip.Addr]*socket),
		down: make(map[netip.Addr]bool), unroutable: make(map[netip.Addr]bool),
		carrier: make(map[netip.Addr]netip.Addr), mapped: make(map[netip.AddrPort]netip.AddrPort),
	}
}

// outside returns where packets from the end of a box seem to come from.
func (l *lab) outside(end netip.AddrPort) netip.AddrPort {
	public, ok := l.carrier[end.Addr()]
	if !ok {
		return end
	}
	for outside, inside := range l.mapped {
		if inside == end && outside.Addr() == public {
			return outside
		}
	}
	outside := netip.AddrPortFrom(public, uint16(20000+len(l.mapped)))
	l.mapped[outside] = end
	return outside
}

type socket struct {
	lab     *lab
	packets chan udp.Packet
	// retained are the ports beside 500 and 4500, as the Engine last said.
	retained []uint16
}

func (s *socket) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (s *socket) Packets() <-chan udp.Packet    { return s.packets }

func (s *socket) Keepalive(local, remote netip.AddrPort) error {
	s.lab.mu.Lock()
	defer s.lab.mu.Unlock()
	if s.lab.nat != nil {
		s.lab.nat.translate(local, remote)
		s.lab.nat.keepalives = append(s.lab.nat.keepalives, local.Port())
	}
	return nil
}

func (s *socket) Retain(ports ...uint16) error {
	s.lab.mu.Lock()
	defer s.lab.mu.Unlock()
	s.retained = ports
	return nil
}

// retained returns the ports that the box at an address holds beside 500 and
// 4500.
func (l *lab) retained(addr netip.Addr) []uint16 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sockets[addr].retained
}

func (s *socket) Send(p udp.Packet) error {
	s.lab.mu.Lock()
	defer s.lab.mu.Unlock()
	s.lab.sent.Add(1)
	if s.lab.unroutable[p.Local.Addr()] {
		return unix.ENETUNREACH
	}
	if s.lab.nat != nil {
		var ok bool
		if p.Local, p.Remote, ok = s.lab.nat.translate(p.Local, p.Remote); !ok {
			return nil
		}
	}
	from, inside := s.lab.outside(p.Local), p.Remote
	if end, ok := s.lab.mapped[p.Remote]; ok {
		inside = end
	}
	to, ok := s.lab.sockets[inside.Addr()]
	if !ok || s.lab.down[inside.Addr()] || s.lab.down[p.Local.Addr()] {
		return nil
	}
	time.AfterFunc(10*time.Millisecond, func() {
		select {
		case to.packets <- udp.Packet{Local: inside, Remote: from, Data: p.Data}:
		default:
		}
	})
	return nil
}

// box is an Engine and what it stands on, which outlives it.
type box struct {
	lab     *lab
	addr    netip.Addr
	kernel  *kernel
	monitor monitor
	memory  *memory
	// came are the guests that were told of.
	came   []netip.Addr
	uplink value.Value[uplink.State]

	// change changes what the next Engine is given, and supervised has Run called
	// again when it fails.
	change     func(*Deps)
	supervised bool

	engine *Engine
	stop   func()
}

func testProfile(psk string) Profile {
	return Profile{
		Local: Local{PSK: secret.New("ike-hq", psk)},
		IKE:   []string{"aes256gcm16-prfsha256-curve25519"}, ESP: []string{"aes256gcm16"},
		Lifetime: 5 * time.Minute, IKELifetime: time.Hour,
	}
}

const goodKey = "correct horse battery staple"

func (l *lab) box(addr netip.Addr) *box {
	b := &box{lab: l, addr: addr, kernel: &kernel{sas: make(map[xfrm.ID]xfrm.SA), carried: make(map[xfrm.ID]uint64)}, monitor: make(monitor), memory: &memory{records: make(map[string][]byte)}}
	b.link(addr)
	return b
}

func (b *box) link(addr netip.Addr) {
	if addr.IsValid() {
		b.uplink.Set(uplink.State{Name: "wan", Up: true, Address: netip.PrefixFrom(addr, 24), MTU: 1500})
	} else {
		b.uplink.Set(uplink.State{Name: "wan"})
	}
}

// boot starts an Engine, the first or another one after a restart.
func (b *box) boot(p Profile) {
	b.lab.t.Helper()
	b.bootWith(Config{"hq": p})
}

func (b *box) bootWith(cfg Config) {
	b.lab.t.Helper()
	deps := Deps{
		Kernel: b.kernel, Monitor: b.monitor, Uplink: &b.uplink, Checkpoint: b.memory,
		Log: slog.New(slog.NewTextHandler(b.lab.t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo})).With("box", b.addr),
		Listen: func() (Socket, error) {
			s := &socket{lab: b.lab, packets: make(chan udp.Packet, 100)}
			b.lab.mu.Lock()
			defer b.lab.mu.Unlock()
			b.lab.sockets[b.addr] = s
			return s, nil
		},
	}
	if b.change != nil {
		b.change(&deps)
	}
	engine, err := New("front", cfg, deps)
	if err != nil {
		b.lab.t.Fatal(err)
	}
	engine.sinceBoot = func() time.Duration { return time.Since(b.lab.started) + time.Hour }
	b.engine = engine
	ctx, cancel := context.WithCancel(b.lab.t.Context())
	done := make(chan error, 1)
	go func() {
		err := engine.Run(ctx)
		for b.supervised && err != nil && ctx.Err() == nil {
			deps.Log.Error("Run has failed", "err", err)
			time.Sleep(time.Second)
			err = engine.Run(ctx)
		}
		done <- err
	}()
	b.stop = func() {
		cancel()
		if err := <-done; err != nil {
			b.lab.t.Errorf("Run: %v", err)
		}
	}
	synctest.Wait()
}

// admit lets the box answer a peer without calling it.
func (b *box) admit(addr netip.Addr) {
	b.engine.mu.Lock()
	defer b.engine.mu.Unlock()
	p := b.engine.newPeer(b.engine.profiles["hq"], addr)
	p.interest[b.lab.t.Context()] = nil
	p.apply(p.session.Uplink(b.engine.sinceBoot(), b.engine.local))
}

// admitAgain is admit for a box that may have taken the peer over.
func (b *box) admitAgain(addr netip.Addr) {
	b.engine.mu.Lock()
	p, ok := b.engine.peers[addr]
	if ok {
		p.interest[b.lab.t.Context()] = nil
	}
	b.engine.mu.Unlock()
	if !ok {
		b.admit(addr)
	}
}

// accept lets the box answer whoever knows the key.
func (b *box) accept() {
	b.lab.t.Helper()
	p, err := b.engine.Profile("hq")
	if err != nil {
		b.lab.t.Fatal(err)
	}
	go p.Accept(b.lab.t.Context(), func(peer netip.Addr) { b.came = append(b.came, peer) })
	synctest.Wait()
}

func (b *box) protect(ctx context.Context, addr netip.Addr) (<-chan struct{}, error) {
	p, err := b.engine.Profile("hq")
	if err != nil {
		b.lab.t.Fatal(err)
	}
	return p.Protect(ctx, addr, nil)
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// pair is a spoke that is protected to its hub.
func pair(t *testing.T) (l *lab, spoke, hub *box, replaced <-chan struct{}) {
	t.Helper()
	l = newLab(t)
	spoke, hub = l.box(spokeAddr), l.box(hubAddr)
	hub.boot(testProfile(goodKey))
	hub.admit(spokeAddr)
	spoke.boot(testProfile(goodKey))
	replaced, err := spoke.protect(t.Context(), hubAddr)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	l.agree(spoke, hub)
	return l, spoke, hub, replaced
}

// agree demands one pair of SAs, the same on both.
func (l *lab) agree(a, b *box) {
	l.t.Helper()
	var x, y []uint32
	for range 10 { // an SA that was replaced still takes what is on its way
		synctest.Wait()
		if x, y = a.kernel.spis(), b.kernel.spis(); len(x) == 2 && fmt.Sprint(x) == fmt.Sprint(y) {
			return
		}
		time.Sleep(time.Second)
	}
	l.t.Fatalf("SAs differ or are not two: %x and %x", x, y)
}
