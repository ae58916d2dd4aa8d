package cellular

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"github.com/farspoke/farspoke/cellular/modem"
)

// dhcpConn is the wire to a modem that answers DHCP as the world says.
type dhcpConn struct {
	world  *world
	in     chan []byte
	closed chan struct{}
}

func (c *dhcpConn) Broadcast(message []byte) error {
	p, err := dhcpv4.FromBytes(message)
	if err != nil {
		return err
	}
	c.world.mu.Lock()
	defer c.world.mu.Unlock()
	c.world.did = append(c.world.did, p.MessageType().String())
	if c.world.lease == nil {
		return nil
	}
	if answer := c.world.lease(p); answer != nil {
		c.in <- answer.ToBytes()
	}
	return nil
}

func (c *dhcpConn) Unicast(message []byte, _, _ netip.Addr) error { return c.Broadcast(message) }

func (c *dhcpConn) Receive() ([]byte, error) {
	select {
	case data := <-c.in:
		return data, nil
	case <-c.closed:
		return nil, net.ErrClosed
	}
}

func (c *dhcpConn) Close() error {
	close(c.closed)
	return nil
}

// leasing answers everybody with an address of a /24.
func leasing(address string) func(*dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
	return func(request *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
		kind := dhcpv4.MessageTypeOffer
		if request.MessageType() == dhcpv4.MessageTypeRequest {
			kind = dhcpv4.MessageTypeAck
		}
		server := net.IPv4(192, 168, 43, 1)
		answer, err := dhcpv4.NewReplyFromRequest(request, dhcpv4.WithMessageType(kind), dhcpv4.WithYourIP(net.ParseIP(address)),
			dhcpv4.WithServerIP(server), dhcpv4.WithRouter(server), dhcpv4.WithDNS(server), dhcpv4.WithNetmask(net.CIDRMask(24, 32)),
			dhcpv4.WithLeaseTime(3600), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(server)))
		if err != nil {
			return nil
		}
		return answer
	}
}

// behindRouter is what a modem that is a router of its own says of its connection.
func behindRouter(int, modem.APN) (modem.Connection, error) {
	c := goodGrant
	c.DHCP = true
	return c, nil
}

// leasedGrant is what holds on its device.
func leasedGrant(address string) modem.Connection {
	c := goodGrant
	c.Address4, c.Gateway4 = netip.MustParsePrefix(address+"/24"), netip.MustParseAddr("192.168.43.1")
	c.DNS = []netip.Addr{c.Gateway4}
	return c
}

func TestModemThatIsARouter(t *testing.T) {
	arrange := func(w *world) {
		w.grant = behindRouter
		w.lease = leasing("192.168.43.100")
	}
	play(t, Config{}, arrange, func(w *world) {
		time.Sleep(5 * time.Second)
		synctest.Wait()
		w.expectUp(leasedGrant("192.168.43.100"))
		if s := w.station.Status(); s.Phase != Up {
			t.Errorf("the modem is %v: %q", s.Phase, s.Text)
		}
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		w.expectUp(leasedGrant("192.168.43.100"))

		// Another address, by a server that has forgotten ours.
		w.change(0, func() {
			w.lease = func(request *dhcpv4.DHCPv4) *dhcpv4.DHCPv4 {
				answer := leasing("192.168.43.101")(request)
				if asked := request.RequestedIPAddress(); request.MessageType() == dhcpv4.MessageTypeRequest &&
					(request.ClientIPAddr.Equal(net.IPv4(192, 168, 43, 100)) || asked.Equal(net.IPv4(192, 168, 43, 100))) {
					answer.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeNak))
				}
				return answer
			}
		})
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		w.expectUp(leasedGrant("192.168.43.101"))

		// A new process leaves the device as it is until it knows better.
		w.end()
		answers := w.lease
		w.lease = nil
		w.start(Config{})
		time.Sleep(time.Second)
		synctest.Wait()
		if d := w.device("lte"); d.has.Address != leasedGrant("192.168.43.101").Address4 {
			t.Errorf("the device has %+v", d.has)
		}
		w.change(0, func() { w.lease = answers })
		time.Sleep(8 * time.Second)
		synctest.Wait()
		w.expectUp(leasedGrant("192.168.43.101"))

		// The end of the connection is the lease's.
		w.change(modem.ConnectionChanged, func() {
			delete(w.connections, 0)
			w.grant = func(int, modem.APN) (modem.Connection, error) { return modem.Connection{}, modem.Refusal{Cause: 26} }
		})
		w.expectDown(Connecting, "")
		w.change(0, func() { w.did = nil })
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if slices.Contains(w.did, "REQUEST") || slices.Contains(w.did, "DISCOVER") {
			t.Errorf("asked for an address without a connection: %v", w.did)
		}
	})
}

// TestModemThatIsNoRouterAfterAll: where nobody answers, the network's own address
// holds.
func TestModemThatIsNoRouterAfterAll(t *testing.T) {
	arrange := func(w *world) {
		w.grant = behindRouter
	}
	play(t, Config{}, arrange, func(w *world) {
		if s := w.station.Status(); s.Phase != Connecting || s.Text != "waits for the address that the modem gives by DHCP" {
			t.Errorf("the modem is %v: %q", s.Phase, s.Text)
		}
		if s := w.state(); s.Up {
			t.Errorf("%+v", s)
		}
		time.Sleep(leasePatience)
		synctest.Wait()
		w.expectUp(goodGrant)
		w.change(0, func() { w.lease = leasing("192.168.43.100") })
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		w.expectUp(leasedGrant("192.168.43.100"))
	})
}
