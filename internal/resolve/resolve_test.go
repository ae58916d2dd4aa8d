package resolve

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/farspoke/farspoke/internal/uplink"
	"github.com/farspoke/farspoke/internal/value"
)

// dns is a server on the loopback address that answers A questions for one
// name, and is silent on demand.
type dns struct {
	port   uint16
	silent atomic.Bool
	asked  atomic.Int32
}

func serve(t *testing.T, name string, addr [4]byte) *dns {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, conn, name, addr)
}

func serveOn(t *testing.T, conn net.PacketConn, name string, addr [4]byte) *dns {
	t.Helper()
	d := &dns{port: conn.LocalAddr().(*net.UDPAddr).AddrPort().Port()}
	done := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || d.silent.Load() {
				continue
			}
			d.asked.Add(1)
			m.Response, m.Additionals = true, nil
			if q := m.Questions[0]; q.Name.String() != name {
				m.RCode = dnsmessage.RCodeNameError
			} else if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60},
					Body:   &dnsmessage.AResource{A: addr},
				}}
			}
			if answer, err := m.Pack(); err == nil {
				conn.WriteTo(answer, from)
			}
		}
	}()
	return d
}

// resolver asks d through the loopback device.
func resolver(d *dns, up bool) (*Resolver, *value.Value[uplink.State]) {
	var state value.Value[uplink.State]
	state.Set(uplink.State{Link: "lo", Up: up, DNS: []netip.Addr{netip.MustParseAddr("127.0.0.1")}})
	r := New(slog.New(slog.DiscardHandler), &state)
	r.port = d.port
	return r, &state
}

func TestAddressesPassThrough(t *testing.T) {
	r := New(slog.New(slog.DiscardHandler))
	for _, tt := range []struct{ network, host string }{{"ip4", "192.0.2.1"}, {"ip", "2001:db8::1"}} {
		got, err := r.LookupNetIP(t.Context(), tt.network, tt.host)
		if err != nil || len(got) != 1 || got[0].String() != tt.host {
			t.Errorf("LookupNetIP(%s, %s) = %v, %v", tt.network, tt.host, got, err)
		}
	}
	if got, err := r.LookupNetIP(t.Context(), "ip4", "2001:db8::1"); err == nil {
		t.Errorf("IPv6 address as ip4 gives %v", got)
	}
}

func TestLastGoodAnswerIsKept(t *testing.T) {
	d := serve(t, "hub1.example.net.", [4]byte{192, 0, 2, 7})
	r, state := resolver(d, true)
	want := []netip.Addr{netip.MustParseAddr("192.0.2.7")}
	lookup := func(host string) ([]netip.Addr, error) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if d.silent.Load() {
			time.AfterFunc(time.Second/2, cancel) // nothing comes, however long we wait
		}
		return r.LookupNetIP(ctx, "ip4", host)
	}

	if got, err := lookup("hub1.example.net"); err != nil || !slices.Equal(got, want) {
		t.Fatalf("lookup = %v, %v; want %v", got, err, want)
	}
	if got, err := lookup("nobody.example.net"); err == nil {
		t.Errorf("a name that does not exist is %v", got)
	}
	d.silent.Store(true)
	if got, err := lookup("HUB1.example.net."); err != nil || !slices.Equal(got, want) {
		t.Errorf("while DNS is silent lookup = %v, %v; want %v", got, err, want)
	}
	if got, err := lookup("hub2.example.net"); err == nil {
		t.Errorf("a name never heard of is %v", got)
	}
	state.Set(uplink.State{})
	asked := d.asked.Load()
	if got, err := lookup("hub1.example.net"); err != nil || !slices.Equal(got, want) || d.asked.Load() != asked {
		t.Errorf("without an underlay lookup = %v, %v; want %v", got, err, want)
	}
	if _, err := lookup("hub2.example.net"); err == nil || !strings.Contains(err.Error(), "no DNS server is known") {
		t.Errorf("without an underlay err = %v", err)
	}
}

func TestServersOfTheBestUplinkComeFirst(t *testing.T) {
	uplinks := make([]value.Value[uplink.State], 3)
	uplinks[0].Set(uplink.State{Link: "lte", Up: true, Metric: 200, DNS: []netip.Addr{netip.MustParseAddr("10.0.0.1")}})
	uplinks[1].Set(uplink.State{Link: "wan", VRF: "front", Up: true, Metric: 100, DNS: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}})
	uplinks[2].Set(uplink.State{Link: "wan2", Metric: 1, DNS: []netip.Addr{netip.MustParseAddr("192.0.2.3")}})
	r := New(slog.New(slog.DiscardHandler), &uplinks[0], &uplinks[1], &uplinks[2])
	want := []server{
		{netip.MustParseAddr("192.0.2.1"), "front"},
		{netip.MustParseAddr("192.0.2.2"), "front"},
		{netip.MustParseAddr("10.0.0.1"), "lte"},
	}
	if got := r.servers(); !slices.Equal(got, want) {
		t.Errorf("servers = %v, want %v", got, want)
	}
}
