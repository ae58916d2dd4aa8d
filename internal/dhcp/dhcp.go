// Package dhcp is a DHCPv4 client (RFC 2131) for a router's uplink.
//
// The parties are this Client and whatever answers on the wire; nobody is
// authenticated, so the client believes only answers to its own transaction and
// takes from them what is sound. Client is a state machine without sockets,
// clock or kernel: its owner hands it packets, link changes and the passing of
// time, sends the messages it returns, and reads from it the lease that may be
// used. Conn is the wire.
//
// Instants are durations on one monotonic clock that outlives the process
// (CLOCK_BOOTTIME), so that a lease can be carried on by the next process. The
// wall clock, which NTP may set at any time, is never asked.
//
// The states are those of RFC 2131, figure 5:
//
//	Down        the link has no carrier
//	Init        about to look for a server, after a pause that a NAK imposed
//	Selecting   DISCOVER sent by broadcast, waiting for an OFFER
//	Requesting  REQUEST for the first sound offer sent, waiting for the ACK
//	Rebooting   REQUEST for the remembered lease sent (INIT-REBOOT)
//	Bound       the lease is valid and T1 has not come
//	Renewing    since T1: REQUEST to the server that gave the lease
//	Rebinding   since T2: REQUEST to any server
//
// The lease is used from its ACK until it expires, is refused by a NAK, or is
// replaced, whatever the state: a carrier that comes and goes, or a server that
// is silent after it came back, costs nothing while the lease lasts.
package dhcp

import (
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// State is a state of the client.
type State int

// The states, see the package comment.
const (
	Down State = iota
	Init
	Selecting
	Requesting
	Rebooting
	Bound
	Renewing
	Rebinding
)

// String returns the state's name in RFC 2131, in lower case.
func (s State) String() string {
	return [...]string{"down", "init", "selecting", "requesting", "init-reboot", "bound", "renewing", "rebinding"}[s]
}

// Conn carries DHCP messages over one link. Its methods may be called
// concurrently.
type Conn interface {
	// Broadcast sends a message from 0.0.0.0 to all on the link.
	Broadcast(message []byte) error
	// Unicast sends a message from our address to a server by the routes of
	// the link's VRF.
	Unicast(message []byte, from, to netip.Addr) error
	// Receive waits for the next message to the client's port.
	Receive() ([]byte, error)
	// Close ends Receive with net.ErrClosed.
	Close() error
}

// Message is something to be sent.
type Message struct {
	Packet *dhcpv4.DHCPv4
	// From and To are our address and the server's. They are unset for a
	// broadcast.
	From, To netip.Addr
}

// Send sends m over c.
func (m *Message) Send(c Conn) error {
	if m.To.IsValid() {
		return c.Unicast(m.Packet.ToBytes(), m.From, m.To)
	}
	return c.Broadcast(m.Packet.ToBytes())
}

// wanted is what the client asks servers for (option 55). Classless routes
// come first: RFC 3442 wants them before the router option.
var wanted = []dhcpv4.OptionCode{
	dhcpv4.OptionClasslessStaticRoute,
	dhcpv4.OptionSubnetMask,
	dhcpv4.OptionRouter,
	dhcpv4.OptionDomainNameServer,
	dhcpv4.OptionDomainName,
	dhcpv4.OptionInterfaceMTU,
	dhcpv4.OptionNTPServers,
	dhcpv4.OptionIPAddressLeaseTime,
	dhcpv4.OptionServerIdentifier,
	dhcpv4.OptionRenewTimeValue,
	dhcpv4.OptionRebindingTimeValue,
}

// maxMessage is the largest DHCP message we take (option 57): what fits into
// one Ethernet frame.
const maxMessage = 1500

// newMessage returns a message of the given type and transaction, begun for
// elapsed time ago.
func newMessage(mac net.HardwareAddr, xid dhcpv4.TransactionID, kind dhcpv4.MessageType, elapsed time.Duration) *dhcpv4.DHCPv4 {
	p := &dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootRequest,
		HWType:        iana.HWTypeEthernet,
		TransactionID: xid,
		NumSeconds:    uint16(min(elapsed/time.Second, 0xffff)),
		ClientIPAddr:  net.IPv4zero, YourIPAddr: net.IPv4zero,
		ServerIPAddr: net.IPv4zero, GatewayIPAddr: net.IPv4zero,
		ClientHWAddr: mac,
		Options:      make(dhcpv4.Options),
	}
	p.UpdateOption(dhcpv4.OptMessageType(kind))
	// The identifier stays the same as long as the port does: the hardware
	// type and address (RFC 2132, 9.14).
	p.UpdateOption(dhcpv4.OptClientIdentifier(append([]byte{byte(iana.HWTypeEthernet)}, mac...)))
	if kind == dhcpv4.MessageTypeDiscover || kind == dhcpv4.MessageTypeRequest {
		p.UpdateOption(dhcpv4.OptParameterRequestList(wanted...))
		p.UpdateOption(dhcpv4.OptMaxMessageSize(maxMessage))
	}
	return p
}
