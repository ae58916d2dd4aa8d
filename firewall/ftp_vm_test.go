//go:build vm

package firewall

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// ftpHelper has a control connection, through masquerade, that announces a data
// connection in each direction.
func (x *crossing) ftpHelper(t *testing.T) {
	// Here the hosts speak for themselves.
	home := &netlink.Route{Gw: net.ParseIP(spokeLAN)}
	host := handle(t, x.lan)
	route(t, host, home)
	defer func() { check(t, host.RouteDel(home)) }()
	x.use(t, Config{Policies: []Policy{
		{From: "inside", To: "outside", NAT: NATMasquerade, Reject: []string{"any"}, Classes: []Class{
			{Name: "files", Action: actionInspect, Criteria: Criteria{Services: []string{"ftp"}}, Helper: "ftp"},
		}},
		{From: "outside", To: "inside", Reject: []string{"any"}},
		{From: "outside", To: Self, Reject: []string{"tcp"}},
	}})
	control := listen(t, x.hub, hubWAN+":21")
	announced, other := listen(t, x.hub, hubWAN+":0"), listen(t, x.hub, hubWAN+":0")

	client := must(dialFrom(x.lan, hubWAN+":21"))(t)
	defer client.Close()
	server := accepted(t, control)
	defer server.Close()
	say := func(from, to net.Conn, line string) string {
		t.Helper()
		must(fmt.Fprintf(from, "%s\r\n", line))(t)
		check(t, to.SetReadDeadline(time.Now().Add(patience)))
		return strings.TrimSpace(must(bufio.NewReader(to).ReadString('\n'))(t))
	}

	// The helper begins to listen after a line of each.
	say(server, client, "220 welcome")
	say(client, server, "USER anonymous")

	// Passive: the server announces where the client finds the data.
	wantRefused(t, x.lan, announced.Addr().String())
	say(client, server, "PASV")
	say(server, client, fmt.Sprintf("227 Entering Passive Mode (%s).", hostPort(announced.Addr())))
	data := must(dialFrom(x.lan, announced.Addr().String()))(t)
	defer data.Close()
	accepted(t, announced).Close()
	wantRefused(t, x.lan, other.Addr().String())

	// Active: the client announces where it waits, and NAT translates it.
	waiting := listen(t, x.lan, hostLAN+":0")
	heard := say(client, server, "PORT "+hostPort(waiting.Addr()))
	var a, b, c, d, high, low int
	must(fmt.Sscanf(heard, "PORT %d,%d,%d,%d,%d,%d", &a, &b, &c, &d, &high, &low))(t)
	there := fmt.Sprintf("%d.%d.%d.%d:%d", a, b, c, d, high<<8|low)
	if !strings.HasPrefix(there, spokeWAN+":") {
		t.Errorf("the client waits at %s, want the spoke's address", there)
	}
	back := must(dialFrom(x.hub, there))(t)
	defer back.Close()
	accepted(t, waiting).Close()
	wantRefused(t, x.hub, netip.AddrPortFrom(netip.MustParseAddr(spokeWAN), uint16(high<<8|low)^1).String())
}

// hostPort is the address as FTP writes it (RFC 959, 4.1.2).
func hostPort(a net.Addr) string {
	at := a.(*net.TCPAddr)
	return fmt.Sprintf("%s,%d,%d", strings.ReplaceAll(at.IP.String(), ".", ","), at.Port>>8, at.Port&0xff)
}

func listen(t *testing.T, ns netns.NsHandle, address string) *net.TCPListener {
	t.Helper()
	var l net.Listener
	check(t, in(ns, func() (err error) {
		l, err = net.Listen("tcp4", address)
		return err
	}))
	t.Cleanup(func() { l.Close() })
	return l.(*net.TCPListener)
}

func dialFrom(ns netns.NsHandle, address string) (net.Conn, error) {
	var conn net.Conn
	err := in(ns, func() (err error) {
		conn, err = net.DialTimeout("tcp4", address, patience)
		return err
	})
	return conn, err
}

func accepted(t *testing.T, l *net.TCPListener) net.Conn {
	t.Helper()
	check(t, l.SetDeadline(time.Now().Add(patience)))
	return must(l.Accept())(t)
}

func wantRefused(t *testing.T, ns netns.NsHandle, address string) {
	t.Helper()
	if conn, err := dialFrom(ns, address); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("connecting to %s: %v, want refused", address, err)
		if err == nil {
			conn.Close()
		}
	}
}
