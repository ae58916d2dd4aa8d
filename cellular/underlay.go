package cellular

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/farspoke/farspoke/cellular/apn"
	"github.com/farspoke/farspoke/cellular/clat"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/ndpconn"
	"github.com/farspoke/farspoke/internal/dhcp"
	"github.com/farspoke/farspoke/internal/link"
	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// Interface is an entry of the configuration's interfaces that is a connection of
// a modem.
type Interface struct {
	// Name is the interface's, and the name that its network device gets.
	Name string
	// PDN names one of the modem's further connections, empty for the SIM's own.
	PDN string
	// VRF holds what the network gives, empty for the main table.
	VRF string
	// Metric is that of its routes, and Demoted what is added while other underlays
	// come first.
	Metric, Demoted int
	// MTU is the largest IP packet in octets, 0 for what the network says.
	MTU int
	// CLAT is the IPv4 address on a network that has none, out of 192.0.0.0/29 (RFC
	// 7335) and another one for each interface of the box.
	CLAT netip.Addr
}

// CLATName is the name of the device that carries IPv4 over an interface's
// connection where the network has none.
func CLATName(name string) string { return "clat-" + name }

const (
	// defaultMTU is that of a network which does not say. Many carry less inside of
	// their tunnels, and say so.
	defaultMTU = 1500
	// minMTU is what IPv4 needs, and minMTU6 what IPv6 does.
	minMTU, minMTU6 = 576, 1280
)

// links is what an Underlay needs of Linux.
type links interface {
	// Port returns the device of the given name and whether it exists.
	Port(name string) (link.Port, bool, error)
	// Attach puts it into the VRF and sets it up.
	Attach(p link.Port, vrf string) (link.Port, error)
	SetMTU(p link.Port, mtu int) error
	// Apply gives it exactly the addresses and routes of want.
	Apply(p link.Port, want link.Addressing, now time.Duration) ([]link.Refusal, error)
	// Traffic counts the packets that it has carried.
	Traffic(p link.Port) (in, out uint64, err error)
	// Dial opens the device for DHCP.
	Dial(p link.Port) (dhcp.Conn, error)
	// Routers hears the routers of the link that the device is.
	Routers(p link.Port) (routers, error)
}

// linux is the kernel.
type linux struct{ link.Linux }

// Dial implements links.
func (linux) Dial(p link.Port) (dhcp.Conn, error) { return dhcp.Listen(p.Name, p.Index) }

// Routers implements links.
func (linux) Routers(p link.Port) (routers, error) { return ndpconn.Listen(p.Name, p.Index) }

// Underlay is one connection of a modem as the rest of the router sees it. Its
// methods but State and Demote belong to the Station.
type Underlay struct {
	Interface
	// session is the connection's number at the modem, from 0.
	session int
	log     *slog.Logger
	links   links
	state   value.Value[uplink.State]
	demoted value.Value[bool]
	// changed tells the Station that demoted has another value.
	changed func()

	// port is the device as it was last seen.
	port link.Port
	// connection is what the device has been given, with routes of the metric placed;
	// connected says that there is any, and bare that the device is known to have
	// nothing.
	connection      modem.Connection
	placed          int
	connected, bare bool
	// translator gives IPv4 on a network that has none, nil on others.
	translator *translator
	newCLAT    func(over clat.Underlay, log *slog.Logger) (translation, error)
	// lessee has the address of a modem that is a router of its own, nil for others.
	lessee *lessee
	// solicitor has the address of IPv6 where the modem tells but a part of it, nil for
	// others.
	solicitor *solicitor
	// choice is the APN that is or was to be connected to, and since when it is; zero
	// for a connection that an earlier process has made.
	choice apn.Choice
	since  time.Time
	// brief counts the first connection that did not last.
	brief int
	// traffic is what the device has carried.
	traffic traffic
	// counters are the modem's own, nil where it has none.
	counters *modem.Counters
}

// news reports whether something that comes by itself has changed since offer.
func (u *Underlay) news() bool {
	return u.lessee.news() || u.solicitor.news() || u.translator.news()
}

// hold is what the connection waits for, although the network has made it.
func (u *Underlay) hold() hold {
	for _, h := range []hold{u.lessee.hold(), u.solicitor.hold()} {
		if h.holds() {
			return h
		}
	}
	return u.translator.hold()
}

// State is what the underlay offers at this moment.
func (u *Underlay) State() *value.Value[uplink.State] { return &u.state }

// Demote puts the routes behind those of all other underlays, or back where the
// configuration has them.
func (u *Underlay) Demote(demote bool) {
	u.demoted.Set(demote)
	u.changed()
}

// metric returns that of the routes.
func (u *Underlay) metric() int {
	if demoted, _ := u.demoted.Load(); demoted {
		return u.Metric + u.Demoted
	}
	return u.Metric
}

// offer gives the device what the network gave to the connection, and announces
// it. The device must exist.
func (u *Underlay) offer(c modem.Connection) error {
	port, present, err := u.links.Port(u.Name)
	if err != nil {
		return err
	}
	if !present {
		return fmt.Errorf("the modem's network device %s is not there", u.Name)
	}
	if u.port, err = u.links.Attach(port, u.VRF); err != nil {
		return err
	}
	u.bare = false
	if c, err = u.leased(c); err != nil {
		return err
	}
	if c, err = u.advertised(c); err != nil {
		return err
	}
	if u.hold().holds() && !u.connected {
		return nil // what an earlier process has put there may still hold
	}
	if u.connected && c.Address4 != u.connection.Address4 {
		// Nobody should use what is about to go.
		u.announce(uplink.State{})
	}
	u.placed = u.metric() // which Demote may change while this is being done
	want := u.addressing(c)
	if u.port.MTU != want.MTU {
		if err := u.links.SetMTU(u.port, want.MTU); err != nil {
			u.log.Warn("MTU is refused by the modem's network device: it stays as it is", "mtu", want.MTU, "stays", u.port.MTU, "err", err)
			want.MTU = u.port.MTU
		}
		u.port.MTU = want.MTU
	}
	refused, err := u.links.Apply(u.port, want, 0)
	if err != nil {
		return err
	}
	state := u.offered(want, c.DNS, refused)
	u.connection, u.connected = c, true
	if !c.Address4.IsValid() && !c.DHCP && state.Address6.IsValid() {
		if state, err = u.translate(state); err != nil {
			return err
		}
	} else {
		u.translator = u.translator.end()
	}
	u.announce(state)
	return nil
}

// offered is what there is on offer once the device has what it should but for what the
// kernel refused.
func (u *Underlay) offered(want link.Addressing, dns []netip.Addr, refused []link.Refusal) uplink.State {
	state := uplink.State{Up: want.Address.IsValid(), Address: want.Address, Address6: want.Address6, DNS: dns, MTU: want.MTU}
	for _, r := range want.Routes {
		if r.To.Addr().Is4() {
			state.Gateway = r.Via
		} else {
			state.Gateway6 = r.Via
		}
	}
	for _, r := range refused {
		u.log.Warn("route is refused by the kernel and left out", "to", r.To, "via", r.Via, "err", r.Err)
		if r.To.Addr().Is4() {
			state.Up = false
		} else {
			state.Address6, state.Gateway6 = netip.Prefix{}, netip.Addr{}
		}
	}
	return state
}

// addressing returns what the device should have for the connection.
func (u *Underlay) addressing(c modem.Connection) link.Addressing {
	want := link.Addressing{Address: c.Address4, MTU: max(cmp.Or(u.MTU, c.MTU, defaultMTU), minMTU)}
	if want.Address.IsValid() {
		want.Routes = append(want.Routes, u.route(netip.IPv4Unspecified(), c.Address4, c.Gateway4))
	}
	if c.Address6.IsValid() && want.MTU >= minMTU6 {
		want.Address6 = c.Address6
		want.Routes = append(want.Routes, u.route(netip.IPv6Unspecified(), c.Address6, c.Gateway6))
	}
	return want
}

// route returns the default route. The device leads to the network by itself and
// asks nobody for a next hop, but routers are used to there being one: where the
// network names none it is the address beside ours.
func (u *Underlay) route(any netip.Addr, address netip.Prefix, via netip.Addr) link.Route {
	if !via.IsValid() || via == address.Addr() {
		via = beside(address.Addr())
	}
	r := link.Route{
		To: netip.PrefixFrom(any, 0), Via: via, Metric: u.placed,
		OnLink: !address.Contains(via) && !via.IsLinkLocalUnicast(),
	}
	if any.Is4() {
		r.From = address.Addr()
	}
	return r
}

// tighter returns the smaller of two MTUs, of which 0 says nothing.
func tighter(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// beside returns the other address of a's pair.
func beside(a netip.Addr) netip.Addr {
	octets := a.AsSlice()
	octets[len(octets)-1] ^= 1
	other, _ := netip.AddrFromSlice(octets)
	return other
}

// withdraw takes back what the network gave: addresses and routes go at once, for
// the device keeps its carrier and would swallow everything.
func (u *Underlay) withdraw() error {
	u.announce(uplink.State{})
	u.endTasks()
	u.connection, u.connected, u.since = modem.Connection{}, false, time.Time{}
	if u.bare {
		return nil
	}
	port, present, err := u.links.Port(u.Name)
	if err != nil {
		return err
	}
	if present { // else it has taken everything along
		_, err = u.links.Apply(port, link.Addressing{MTU: port.MTU}, 0)
	}
	if err != nil && !u.gone() { // and it may go while this is being done
		return err
	}
	u.port, u.bare = link.Port{}, true
	return nil
}

// gone reports whether the device is known not to be there.
func (u *Underlay) gone() bool {
	_, present, err := u.links.Port(u.Name)
	return err == nil && !present
}

// endTasks ends what runs for the connection, and leaves what came of it as it is.
func (u *Underlay) endTasks() {
	u.lessee, u.solicitor, u.translator = u.lessee.end(), u.solicitor.end(), u.translator.end()
}

// announce makes state the latest if it says something new.
func (u *Underlay) announce(state uplink.State) {
	if state.Link == "" {
		state.Link, state.Index = u.Name, u.port.Index
	}
	state.Name, state.VRF, state.Metric = u.Name, u.VRF, u.placed
	if last, _ := u.state.Load(); !last.Equal(state) {
		u.state.Set(state)
	}
}
