package dhcp

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

const (
	// firstWait is the pause before the first retransmission; each doubles it
	// up to maxWait. RFC 2131, 4.1 suggests to begin with 4 s; 2 s gets a box
	// online sooner whose first message fell to a switch port that was
	// settling.
	firstWait = 2 * time.Second
	maxWait   = 64 * time.Second
	// maxRequests is how often the REQUEST for an offer is sent before the
	// client looks for a server anew: 2 + 4 + 8 s. For the remembered lease
	// it is maxReboots, 2 + 4 s: many servers are silent about a network that
	// is not theirs.
	maxRequests = 3
	maxReboots  = 2
	// minRenewWait is the least pause between REQUESTs of a lease in use (RFC
	// 2131, 4.4.5), but for leases too short for it.
	minRenewWait = time.Minute
	// firstComplaint is after how long without a server the log says so; each
	// complaint doubles it up to maxComplaint.
	firstComplaint = 25 * time.Second
	maxComplaint   = time.Hour
)

// Client is the state machine. It is not safe for concurrent use. The zero
// value is not ready; use New.
type Client struct {
	mac net.HardwareAddr
	log *slog.Logger

	state State
	xid   dhcpv4.TransactionID
	began time.Duration // when this transaction's first message was sent
	sent  time.Duration // when its latest was
	tries int           // how many messages of this transaction were sent
	wake  time.Duration // when to act next, unless the lease ends before

	offer Lease // what Requesting asks for

	lease   Lease // in use if leased
	leased  bool
	granted time.Duration
	hint    netip.Addr // address to ask for where there is no lease

	naks      int           // in a row
	searching time.Duration // when the search for a server began
	discovers int           // sent since
	complain  time.Duration // when to say that there is no server
}

// Record is what the next process needs to carry on a lease.
type Record struct {
	Lease Lease `json:"lease"`
	// Granted is the instant the lease's times count from.
	Granted time.Duration `json:"granted"`
}

// New returns a client for the port with the given hardware address, in state
// Down.
func New(mac net.HardwareAddr, log *slog.Logger) *Client {
	return &Client{mac: mac, log: log}
}

// Restore takes up the lease of an earlier client, in the state its age calls
// for. A lease that has ended only tells which address to ask for.
func (c *Client) Restore(now time.Duration, r Record) {
	c.lease, c.granted, c.leased = r.Lease, r.Granted, true
	if r.Granted > now || c.ended(now) {
		c.forget()
		return
	}
	c.bound()
	c.log.Info("DHCP lease of the previous process is carried on",
		"address", c.lease.Address, "server", c.lease.Server, "age", (now - c.granted).Round(time.Second))
}

// State returns the client's state.
func (c *Client) State() State { return c.state }

// Lease returns the lease that may be used now and the instant it ends, 0 for
// never.
func (c *Client) Lease() (l Lease, ends time.Duration, ok bool) {
	if c.leased && c.lease.Time > 0 {
		ends = c.granted + c.lease.Time
	}
	return c.lease, ends, c.leased
}

// Record returns what Restore needs, if there is a lease.
func (c *Client) Record() (Record, bool) {
	return Record{Lease: c.lease, Granted: c.granted}, c.leased
}

// Next returns the instant at which Tick is due, and whether there is one.
func (c *Client) Next() (time.Duration, bool) {
	_, ends, _ := c.Lease()
	switch {
	case ends == 0 && c.wake == 0:
		return 0, false
	case ends == 0:
		return c.wake, true
	case c.wake == 0:
		return ends, true
	}
	return min(c.wake, ends), true
}

// LinkUp tells the client that the link has a carrier. A lease still in use is
// asked for again: the cable may have come back in another network.
func (c *Client) LinkUp(now time.Duration) *Message {
	if c.state != Down {
		return nil
	}
	c.search(now)
	if c.leased && !c.ended(now) {
		c.begin(Rebooting, now)
		return c.request(now)
	}
	return c.discover(now)
}

// LinkDown tells the client that the link has lost its carrier.
func (c *Client) LinkDown() {
	c.state, c.wake = Down, 0
}

// Tick acts on the passing of time and returns the message that is due, if
// there is one.
func (c *Client) Tick(now time.Duration) *Message {
	if c.leased && c.ended(now) {
		c.log.Warn("DHCP lease has expired: its address and routes are withdrawn",
			"address", c.lease.Address, "server", c.lease.Server)
		c.forget()
		switch c.state {
		case Rebooting, Bound, Renewing, Rebinding:
			c.search(now)
			return c.discover(now)
		}
	}
	if c.wake == 0 || now < c.wake {
		return nil
	}
	switch c.state {
	case Init:
		return c.discover(now)
	case Selecting:
		return c.send(now, dhcpv4.MessageTypeDiscover)
	case Requesting, Rebooting:
		if c.tries < maxRequests && (c.state == Requesting || c.tries < maxReboots) {
			return c.request(now)
		}
		c.log.Warn("DHCP server does not answer the request: looking for a server anew", "state", c.state.String())
		return c.discover(now)
	case Bound:
		c.begin(Renewing, now)
	case Renewing:
		if now >= c.granted+c.lease.Rebind {
			c.log.Warn("DHCP server does not renew the lease: asking any server",
				"server", c.lease.Server, "requests", c.tries, "expires-in", (c.granted + c.lease.Time - now).Round(time.Second))
			c.begin(Rebinding, now)
		}
	}
	return c.request(now)
}

// Receive takes a server's message and returns the answer to it, if it calls
// for one.
func (c *Client) Receive(now time.Duration, p *dhcpv4.DHCPv4) *Message {
	if p.TransactionID != c.xid || string(p.ClientHWAddr) != string(c.mac) {
		return nil
	}
	switch kind := p.MessageType(); {
	case kind == dhcpv4.MessageTypeOffer && c.state == Selecting:
		return c.take(now, p)
	case c.state != Requesting && c.state != Rebooting && c.state != Renewing && c.state != Rebinding:
	case kind == dhcpv4.MessageTypeAck:
		c.ack(now, p)
	case kind == dhcpv4.MessageTypeNak:
		c.nak(now, p)
	}
	return nil
}

// Release gives the lease back and returns the message that says so. The
// client is then Down and without a lease.
func (c *Client) Release() *Message {
	c.LinkDown()
	if !c.leased {
		return nil
	}
	p := newMessage(c.mac, newXID(), dhcpv4.MessageTypeRelease, 0)
	p.ClientIPAddr = c.lease.Address.Addr().AsSlice()
	p.UpdateOption(dhcpv4.OptServerIdentifier(c.lease.Server.AsSlice()))
	m := &Message{Packet: p, From: c.lease.Address.Addr(), To: c.lease.Server}
	c.log.Info("DHCP lease is given back", "address", c.lease.Address, "server", c.lease.Server)
	c.forget()
	return m
}

// take answers a sound OFFER with a REQUEST. The first one is as good as any.
func (c *Client) take(now time.Duration, p *dhcpv4.DHCPv4) *Message {
	offer, _, err := ParseLease(p)
	if err != nil {
		c.log.Warn("DHCP offer refused", "server", serverOf(p), "err", err)
		return nil
	}
	c.offer = offer
	xid := c.xid
	c.begin(Requesting, now)
	c.xid = xid // the REQUEST belongs to the DISCOVER's transaction
	return c.request(now)
}

// ack starts or prolongs the use of a lease.
func (c *Client) ack(now time.Duration, p *dhcpv4.DHCPv4) {
	expected := c.lease.Server
	if c.state == Requesting {
		expected = c.offer.Server
	}
	if !serverOf(p).IsValid() {
		p.UpdateOption(dhcpv4.OptServerIdentifier(expected.AsSlice()))
	}
	lease, faults, err := ParseLease(p)
	if err != nil {
		c.log.Warn("DHCP acknowledgement refused", "server", serverOf(p), "err", err)
		return
	}
	if (c.state == Requesting || c.state == Renewing) && lease.Server != expected {
		c.log.Warn("DHCP acknowledgement of another server ignored", "server", lease.Server, "expected", expected)
		return
	}
	was, had := c.lease, c.leased
	c.lease, c.leased, c.granted, c.naks = lease, true, c.sent, 0
	c.bound()
	attrs := []any{"address", lease.Address, "gateway", lease.Gateway, "server", lease.Server, "time", leaseTime(lease)}
	switch {
	case !had:
		c.log.Info("DHCP lease obtained", append(attrs, "milestone", "lease")...)
	case !was.sameNetwork(lease):
		c.log.Warn("DHCP lease has changed", append(attrs, "was", was.Address, "was-gateway", was.Gateway, "was-server", was.Server)...)
	default:
		c.log.Debug("DHCP lease renewed", attrs...)
		return
	}
	if len(faults) > 0 {
		c.log.Warn("DHCP lease is used without its malformed options", "server", lease.Server, "faults", strings.Join(faults, "; "))
	}
	if !lease.Gateway.IsValid() && len(lease.Routes) == 0 {
		c.log.Warn("DHCP lease names no router: nothing beyond the subnet is reached", "server", lease.Server, "subnet", lease.Address.Masked())
	}
}

// nak ends the use of the lease: the server does not want us to have it.
func (c *Client) nak(now time.Duration, p *dhcpv4.DHCPv4) {
	server := serverOf(p)
	if c.state == Requesting && server.IsValid() && server != c.offer.Server ||
		c.state == Renewing && server.IsValid() && server != c.lease.Server {
		return
	}
	address := c.lease.Address
	if c.state == Requesting {
		address = c.offer.Address
	}
	// A server that offers what it then refuses must not be asked in a tight
	// loop; the first NAK is the normal end of a lease in another network.
	wait := time.Duration(0)
	if c.naks > 0 {
		wait = jitter(backOff(c.naks - 1))
	}
	c.naks++
	c.log.Warn("DHCP server refuses the address: looking for a new one",
		"server", server, "address", address, "state", c.state.String(), "says", printable(p.Message()), "in", wait)
	c.forget()
	c.hint = netip.Addr{}
	c.search(now)
	c.state, c.wake = Init, now+max(wait, 1)
}

// search notes that the client has no server from now on.
func (c *Client) search(now time.Duration) {
	c.searching, c.discovers, c.complain = now, 0, firstComplaint
}

// begin starts a transaction.
func (c *Client) begin(s State, now time.Duration) {
	c.state, c.xid, c.began, c.tries = s, newXID(), now, 0
}

func (c *Client) discover(now time.Duration) *Message {
	c.begin(Selecting, now)
	return c.send(now, dhcpv4.MessageTypeDiscover)
}

func (c *Client) request(now time.Duration) *Message {
	return c.send(now, dhcpv4.MessageTypeRequest)
}

// send returns the next message of the transaction and arms the timer for the
// one after it. What a message carries depends on the state (RFC 2131, table 4
// and 4.3.2).
func (c *Client) send(now time.Duration, kind dhcpv4.MessageType) *Message {
	p := newMessage(c.mac, c.xid, kind, now-c.began)
	m := &Message{Packet: p}
	wait := jitter(backOff(c.tries))
	switch c.state {
	case Selecting:
		if c.leased {
			c.hint = c.lease.Address.Addr()
		}
		if c.hint.IsValid() {
			p.UpdateOption(dhcpv4.OptRequestedIPAddress(c.hint.AsSlice()))
		}
		c.discovers++
		c.complainOfSilence(now)
	case Requesting:
		p.UpdateOption(dhcpv4.OptRequestedIPAddress(c.offer.Address.Addr().AsSlice()))
		p.UpdateOption(dhcpv4.OptServerIdentifier(c.offer.Server.AsSlice()))
	case Rebooting:
		p.UpdateOption(dhcpv4.OptRequestedIPAddress(c.lease.Address.Addr().AsSlice()))
	case Renewing:
		p.ClientIPAddr = c.lease.Address.Addr().AsSlice()
		m.From, m.To = c.lease.Address.Addr(), c.lease.Server
		wait = c.renewWait(c.granted + c.lease.Rebind - now)
	case Rebinding:
		p.ClientIPAddr = c.lease.Address.Addr().AsSlice()
		wait = c.renewWait(c.granted + c.lease.Time - now)
	}
	c.tries++
	c.sent, c.wake = now, now+wait
	return m
}

// renewWait returns the pause after a REQUEST of a lease in use that has left
// until its next deadline.
func (c *Client) renewWait(left time.Duration) time.Duration {
	return max(min(left, max(left/2, min(minRenewWait, c.lease.Time/16))), time.Second/4)
}

// complainOfSilence tells the engineer once in a while that no server answers.
func (c *Client) complainOfSilence(now time.Duration) {
	silent := now - c.searching
	if silent < c.complain {
		return
	}
	c.complain = min(2*max(c.complain, silent), silent+maxComplaint)
	c.log.Warn(fmt.Sprintf("no DHCP server answers (%d discovers in %d s): check the cable and the provider",
		c.discovers, int(silent.Seconds())))
}

// bound enters Bound and arms T1, a little early so that a crowd of boxes that
// came up together does not renew together.
func (c *Client) bound() {
	c.state, c.wake = Bound, 0
	if c.lease.Time > 0 {
		c.wake = c.granted + c.lease.Renew - rand.N(c.lease.Renew/20+1)
	}
}

// forget ends the use of the lease but remembers its address.
func (c *Client) forget() {
	c.hint = c.lease.Address.Addr()
	c.lease, c.leased = Lease{}, false
}

// ended reports whether the lease is over.
func (c *Client) ended(now time.Duration) bool {
	return c.lease.Time > 0 && now >= c.granted+c.lease.Time
}

// serverOf returns the server identifier, or the zero Addr.
func serverOf(p *dhcpv4.DHCPv4) netip.Addr {
	return (&reader{options: p.Options}).server()
}

// leaseTime returns l's time for the log.
func leaseTime(l Lease) string {
	if l.Time == 0 {
		return "for ever"
	}
	return l.Time.String()
}

// printable returns a server's text (option 56) fit for a log line.
func printable(text string) string {
	const most = 80
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text[:min(len(text), most)])
}

// backOff returns the pause after the n-th retransmission, from 0.
func backOff(n int) time.Duration {
	return min(firstWait<<min(n, 10), maxWait)
}

// jitter spreads d by up to a second, or a quarter of a shorter d, both ways.
func jitter(d time.Duration) time.Duration {
	spread := min(time.Second, d/4)
	return d - spread + rand.N(2*spread+1)
}

func newXID() (xid dhcpv4.TransactionID) {
	n := rand.Uint32()
	for i := range xid {
		xid[i] = byte(n >> (8 * i))
	}
	return xid
}
