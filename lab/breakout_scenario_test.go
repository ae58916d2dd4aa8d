//go:build lab

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/farspoke/farspoke/lab/probe"
	"github.com/farspoke/farspoke/lab/sandbox"
)

// TestBreakout: a host of the branch reaches what is beyond the carrier directly,
// under the box's address there, while the tunnel carries the rest. What belongs
// into the tunnel never goes that way: not while the box starts, and not while no
// hub answers.
func TestBreakout(t *testing.T) {
	lab := open(t)
	spoke := bringUp(t, lab, ordinaryBox(lab))
	if n := spoke.Capture.Sent(probe.ICMP); n != 0 {
		t.Errorf("%d packets for headquarters went to the provider in clear during the start; the first: %s", n, spoke.Capture.First(probe.ICMP))
	}
	// The hub knows no way to the branch's LAN, and the carrier translates only its
	// own addresses: who is answered has asked under the box's.
	direct, stop := pingFrom(t, lab.First, hubAddress)
	if _, err := direct.Steady(limit(t, word), 0, 10); err != nil {
		t.Errorf("%v; the carrier saw: %s", err, spoke.Capture)
	}
	stop()
	answered(t, spoke, spoke.Ping.Mark(), word)

	before, line := spoke.Capture.Sent(probe.ICMP), spoke.Console.Mark()
	if before == 0 {
		t.Error("the carrier has not seen the ping, so it would not see another")
	}
	if err := lab.Fault(limit(t, word), "udp dport { 500, 4500 } drop"); err != nil {
		t.Fatal(err)
	}
	mark := spoke.Ping.Mark()
	says(t, spoke, line, `peer hub1\.example\.net .*(has been silent for|has stopped answering|does not answer)`)
	if _, err := spoke.Ping.Silence(limit(t, word), mark, 100); err != nil {
		t.Error(err)
	}
	if after := spoke.Capture.Sent(probe.ICMP); after != before {
		t.Errorf("%d packets for headquarters went to the provider in clear while no hub answered", after-before)
	}
	if err := lab.Fault(limit(t, word)); err != nil {
		t.Fatal(err)
	}
	answered(t, spoke, spoke.Ping.Mark(), recovery)
	if n := spoke.Capture.Sent(probe.IPv6); n != 0 {
		t.Errorf("a box without IPv6 addresses has sent %d packets of IPv6; the first: %s", n, spoke.Capture.FirstSent(probe.IPv6))
	}
}

// TestBreakoutIPv6: a host of the branch is heard beyond the box by IPv6, under its
// own address, and answered, while the tunnel carries IPv4.
func TestBreakoutIPv6(t *testing.T) {
	lab := open(t)
	site := ordinarySite().
		Replace("farspoke.yaml", "ipv4: {dhcp: true}", `ipv4: {dhcp: true}, ipv6: {address: "2001:db8:64::9/64", gateway: "2001:db8:64::1"}`).
		Replace("farspoke.yaml", "ipv4: {address: 192.168.17.1/24}", `ipv4: {address: 192.168.17.1/24}, ipv6: {address: "2001:db8:17::1/64"}`)
	host, carrier := netip.MustParseAddr("2001:db8:17::10"), netip.MustParseAddr("2001:db8:64::1")
	for _, end := range []struct {
		at           *sandbox.Namespace
		link         string
		address, via string
		to           string
	}{
		{lab.First.Host, "eth0", "2001:db8:17::10/64", "2001:db8:17::1", "2001:db8:64::/64"},
		{lab.NAT, lab.First.carrier, "2001:db8:64::1/64", "2001:db8:64::9", "2001:db8:17::/64"},
	} {
		ctx := limit(t, word)
		if err := errors.Join(
			end.at.Run(ctx, "", "ip", "address", "add", end.address, "dev", end.link, "nodad"),
			end.at.Run(ctx, "", "ip", "route", "add", end.to, "via", end.via),
		); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := end.at.Run(context.Background(), "", "ip", "address", "del", end.address, "dev", end.link); err != nil {
				t.Error(err)
			}
		})
	}
	spoke := bringUp(t, lab, testedBox(lab.images, lab.images.Box, site))

	var server net.Listener
	err := lab.NAT.Do(func() (err error) {
		server, err = net.Listen("tcp6", netip.AddrPortFrom(carrier, 0).String())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go answerCallers(server)
	var client net.Conn
	// While the box still asks whether somebody else has its address, it asks for no
	// neighbour, and the caller may be told that there is none.
	eventually(t, func() bool {
		err = lab.First.Host.Do(func() (err error) {
			client, err = net.DialTimeout("tcp6", server.Addr().String(), word)
			return err
		})
		return err == nil
	}, func() string { return fmt.Sprintf("%v; the carrier saw: %s", err, spoke.Capture) })
	defer client.Close()
	if err := client.SetDeadline(time.Now().Add(word)); err != nil {
		t.Fatal(err)
	}
	seen, err := io.ReadAll(client)
	if err != nil || string(seen) != host.String() {
		t.Errorf("the server is called by %q, %v, want %s", seen, err, host)
	}
	answered(t, spoke, spoke.Ping.Mark(), word)
}

// answerCallers tells each caller the address that it is seen by.
func answerCallers(server net.Listener) {
	for {
		conn, err := server.Accept()
		if err != nil {
			return // the test is over
		}
		if from, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
			_, _ = conn.Write([]byte(from.IP.String()))
		}
		conn.Close()
	}
}

// TestBreakoutPreference: everything goes by the tunnel while a hub answers, and
// directly to the provider while none does; a host that goes on asking is answered
// there.
func TestBreakoutPreference(t *testing.T) {
	lab := open(t)
	site := ordinarySite().Replace("farspoke.yaml", "routes: [10.100.0.0/24, 192.168.0.0/16]", "routes: [0.0.0.0/0]")
	spoke := bringUp(t, lab, testedBox(lab.images, lab.images.Box, site))
	// The carrier knows no way to the branch's LAN: by the hub it cannot answer.
	before := spoke.Capture.Sent(probe.ICMP)
	carrier, stop := pingFrom(t, lab.First, natAddress.Addr())
	defer stop()
	silent := func(mark int) {
		t.Helper()
		if _, err := carrier.Silence(limit(t, word), mark, 20); err != nil {
			t.Error(err)
		}
	}
	silent(0)
	if n := spoke.Capture.Sent(probe.ICMP) - before; n != 0 {
		t.Errorf("%d packets went to the provider although the hub answers", n)
	}

	mark := carrier.Mark()
	if err := lab.Fault(limit(t, word), "udp dport { 500, 4500 } drop"); err != nil {
		t.Fatal(err)
	}
	if _, err := carrier.Steady(limit(t, word), mark, 20); err != nil {
		t.Errorf("%v; the carrier saw: %s", err, spoke.Capture)
	}
	if err := lab.Fault(limit(t, word)); err != nil {
		t.Fatal(err)
	}
	answered(t, spoke, spoke.Ping.Mark(), recovery)
	silent(carrier.Mark())
}

// pingFrom has the host of a branch ping somebody until stop is called.
func pingFrom(t *testing.T, at *Branch, to netip.Addr) (ping *probe.Ping, stop func()) {
	t.Helper()
	err := at.Host.Do(func() (err error) {
		ping, err = probe.NewPing(at.host.Addr(), to, pingInterval)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ping.Run(ctx) }()
	return ping, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
