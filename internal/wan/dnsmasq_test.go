//go:build netns

package wan

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/farspoke/farspoke/internal/uplink"
)

// provider is a network namespace at the other end of the port's cable, and
// dnsmasq in it.
type provider struct {
	t      *testing.T
	pid    int
	server *exec.Cmd
	log    chan string
}

// newProvider makes the port "wan" and connects it to an empty namespace, which
// lives as long as a process that reads what nobody writes.
func newProvider(t *testing.T) *provider {
	t.Helper()
	holder := exec.Command("cat")
	holder.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	stdin, err := holder.StdinPipe()
	must(t, err)
	must(t, holder.Start())
	t.Cleanup(func() { stdin.Close(); holder.Wait() })
	p := &provider{t: t, pid: holder.Process.Pid}

	vethPair(t, "wan", "isp")
	isp, err := netlink.LinkByName("isp")
	must(t, err)
	must(t, netlink.LinkSetNsPid(isp, p.pid))
	p.ip("link", "set", "isp", "up")
	return p
}

// ip runs iproute2 in the provider's namespace.
func (p *provider) ip(args ...string) {
	p.t.Helper()
	out, err := p.command("ip", args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("ip %v: %v: %s", args, err, out)
	}
}

func (p *provider) command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", fmt.Sprint(p.pid), "-n", name}, args...)...)
}

// serve starts dnsmasq for the network of the given address, which it takes as
// its own, in place of the one before.
func (p *provider) serve(own string, args ...string) {
	p.t.Helper()
	p.stop()
	p.ip("addr", "flush", "dev", "isp")
	p.ip("addr", "add", own, "dev", "isp")
	dir := p.t.TempDir()
	p.server = p.command("dnsmasq", append([]string{
		"--no-daemon", "--conf-file=/dev/null", "--port=0", "--interface=isp", "--bind-interfaces", "--no-ping", "--log-dhcp",
		"--dhcp-leasefile=" + filepath.Join(dir, "leases"), "--pid-file=" + filepath.Join(dir, "pid"),
	}, args...)...)
	p.server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := p.server.StderrPipe()
	must(p.t, err)
	must(p.t, p.server.Start())
	p.t.Cleanup(p.stop)
	p.log = make(chan string, 1000)
	go read(output, p.log)
	p.wait("DHCP, IP range")
}

func read(from io.Reader, to chan<- string) {
	defer close(to)
	for lines := bufio.NewScanner(from); lines.Scan(); {
		to <- lines.Text()
	}
}

func (p *provider) stop() {
	if p.server == nil {
		return
	}
	p.server.Process.Signal(os.Interrupt)
	p.server.Wait()
	p.server = nil
}

// wait reads dnsmasq's log up to a line with the given words.
func (p *provider) wait(words string) {
	p.t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.log:
			if !ok {
				p.t.Fatalf("dnsmasq ended before it said %q", words)
			}
			p.t.Log(line)
			if strings.Contains(line, words) {
				return
			}
		case <-timeout:
			p.t.Fatalf("dnsmasq does not say %q", words)
		}
	}
}

// TestDnsmasq leads a lease through its life with a server of another make.
func TestDnsmasq(t *testing.T) {
	p := newProvider(t)
	p.serve("198.51.100.1/24", "--dhcp-range=198.51.100.10,198.51.100.10,255.255.255.0,1h",
		"--dhcp-option-force=58,3", "--dhcp-option-force=59,3000", "--dhcp-option=6,198.51.100.53",
		"--dhcp-option=42,198.51.100.123", "--dhcp-option=26,1400", "--dhcp-option=15,far.test")
	store := openStore(t)
	cfg := Config{Port: "wan", IPv4: IPv4{DHCP: true}}
	u, stop := start(t, "wan", cfg, store)

	p.wait("DHCPACK(isp) 198.51.100.10")
	s := awaitUp(t, u)
	if s.Address.String() != "198.51.100.10/24" || s.Gateway.String() != "198.51.100.1" || s.MTU != 1400 ||
		len(s.DNS) != 1 || s.DNS[0].String() != "198.51.100.53" || len(s.NTP) != 1 {
		t.Errorf("state is %+v", s)
	}
	removed := watchRemovals(t)

	// T1 is 3 s: the server sees the renewal, which no longer broadcasts.
	p.wait("DHCPREQUEST(isp) 198.51.100.10")
	p.wait("DHCPACK(isp) 198.51.100.10")

	stop()
	u, stop = start(t, "wan", cfg, store)
	awaitUp(t, u)
	p.wait("DHCPREQUEST(isp) 198.51.100.10")
	removed.check(t, "renewal and restart")

	// The cable is pulled and put back: INIT-REBOOT without DISCOVER.
	p.ip("link", "set", "isp", "down")
	await(t, u, "down", func(s uplink.State) bool { return !s.Up })
	p.ip("link", "set", "isp", "up")
	awaitUp(t, u)
	p.wait("DHCPREQUEST(isp) 198.51.100.10")

	// It is put into another network, whose server refuses what we had.
	p.ip("link", "set", "isp", "down")
	await(t, u, "down", func(s uplink.State) bool { return !s.Up })
	p.serve("203.0.113.1/24", "--dhcp-range=203.0.113.10,203.0.113.10,255.255.255.0,2m", "--dhcp-authoritative")
	p.ip("link", "set", "isp", "up")
	p.wait("DHCPNAK(isp) 198.51.100.10")
	p.wait("DHCPACK(isp) 203.0.113.10")
	want := netip.MustParsePrefix("203.0.113.10/24")
	s = await(t, u, "in the new network", func(s uplink.State) bool { return s.Up && s.Address == want })
	if s.MTU != defaultMTU {
		t.Errorf("MTU of the network before is kept: %d", s.MTU)
	}

	stop()
	must(t, u.Shutdown(t.Context()))
	p.wait("DHCPRELEASE(isp) 203.0.113.10")
	link, err := netlink.LinkByName("wan")
	must(t, err)
	if addrs, err := netlink.AddrList(link, netlink.FAMILY_V4); err != nil || len(addrs) != 0 {
		t.Errorf("after the release the port has %v, %v", addrs, err)
	}
}

// TestHostLease takes a /32 with a router that is in no subnet of ours.
func TestHostLease(t *testing.T) {
	p := newProvider(t)
	p.serve("198.51.100.1/24", "--dhcp-range=198.51.100.10,198.51.100.10,255.255.255.0,2m",
		"--dhcp-option-force=1,255.255.255.255", "--dhcp-option=3,10.64.0.1")
	u, _ := start(t, "wan", Config{Port: "wan", IPv4: IPv4{DHCP: true}}, openStore(t))
	s := awaitUp(t, u)
	if s.Address.String() != "198.51.100.10/32" || s.Gateway.String() != "10.64.0.1" {
		t.Errorf("state is %+v", s)
	}
	if routes := strings.Join(routesOf(t, 254), "\n"); !strings.Contains(routes, "Gw: 10.64.0.1 Flags: [onlink]") {
		t.Errorf("main table is:\n%s", routes)
	}
}
