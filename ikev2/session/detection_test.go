package session

import (
	"crypto/sha1"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// detection returns what the notifications of one kind hold.
func detection(m *wire.Message, kind wire.NotifyType) []string {
	var all []string
	for _, p := range m.Payloads {
		if n, ok := p.(wire.Notify); ok && n.Kind == kind {
			all = append(all, string(n.Data))
		}
	}
	return all
}

// TestDetectionOfNATs spells the hash out: SPIs as in the header, address, port.
func TestDetectionOfNATs(t *testing.T) {
	c := config(t, testIKE, testESP)
	w, request := opening(t, c, c)
	spi := []byte{byte(request.SPIi >> 56), byte(request.SPIi >> 48), byte(request.SPIi >> 40), byte(request.SPIi >> 32), byte(request.SPIi >> 24), byte(request.SPIi >> 16), byte(request.SPIi >> 8), byte(request.SPIi)}
	hash := func(address netip.Addr) string {
		b := append(append(spi[:8:8], make([]byte, 8)...), address.AsSlice()...)
		sum := sha1.Sum(append(b, 0x01, 0xf4)) // port 500
		return string(sum[:])
	}
	if got := detection(request, wire.NATDetectionSourceIP); !slices.Equal(got, []string{hash(spokeAddr)}) {
		t.Errorf("source: %x", got)
	}
	if got := detection(request, wire.NATDetectionDestinationIP); !slices.Equal(got, []string{hash(hubAddr)}) {
		t.Errorf("destination: %x", got)
	}
	answer := initOf(t, w.deliver(w.hub, request.Marshal()))
	if len(detection(answer, wire.NATDetectionSourceIP)) != 1 || len(detection(answer, wire.NATDetectionDestinationIP)) != 1 {
		t.Error("the answer lacks NAT detection")
	}
}

// TestWhichEndIsTranslated says what is concluded from the notifications.
func TestWhichEndIsTranslated(t *testing.T) {
	from, to := netip.MustParseAddrPort("203.0.113.1:500"), netip.MustParseAddrPort("10.0.0.2:500")
	note := func(kind wire.NotifyType, at string) wire.Payload {
		return wire.Notify{Kind: kind, Data: wire.NATHash(1, 2, netip.MustParseAddrPort(at))}
	}
	source := func(at string) wire.Payload { return note(wire.NATDetectionSourceIP, at) }
	destination := func(at string) wire.Payload { return note(wire.NATDetectionDestinationIP, at) }
	for name, test := range map[string]struct {
		payloads      []wire.Payload
		local, remote bool
	}{
		"none":                    {[]wire.Payload{source("203.0.113.1:500"), destination("10.0.0.2:500")}, false, false},
		"ours":                    {[]wire.Payload{source("203.0.113.1:500"), destination("100.64.0.9:500")}, true, false},
		"theirs":                  {[]wire.Payload{source("192.168.1.1:500"), destination("10.0.0.2:500")}, false, true},
		"both":                    {[]wire.Payload{source("192.168.1.1:500"), destination("100.64.0.9:500")}, true, true},
		"the port alone":          {[]wire.Payload{source("203.0.113.1:501"), destination("10.0.0.2:500")}, false, true},
		"several sources, one is": {[]wire.Payload{source("192.0.2.1:500"), source("203.0.113.1:500"), destination("10.0.0.2:500")}, false, false},
		"several sources, none":   {[]wire.Payload{source("192.0.2.1:500"), source("192.0.2.2:500"), destination("10.0.0.2:500")}, false, true},
		"the peer says nothing":   {nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			sa := &ikeSA{Initiator: true, SPIi: 1, SPIr: 2}
			detectNAT(sa, test.payloads, Packet{Local: to, Remote: from})
			if sa.NATLocal != test.local || sa.NATRemote != test.remote {
				t.Errorf("translated here %v, there %v; want %v, %v", sa.NATLocal, sa.NATRemote, test.local, test.remote)
			}
		})
	}
}

// TestFloatsToPort4500 watches which ports are used before and after a NAT is
// found, and whether ESP travels in UDP.
func TestFloatsToPort4500(t *testing.T) {
	for name, nat := range map[string]bool{"NAT": true, "none": false} {
		t.Run(name, func(t *testing.T) {
			c := config(t, testIKE, testESP)
			w := newWorld(t, 34, c, c)
			w.nat = nat
			if !nat {
				w.apply(w.spoke, w.spoke.session.Uplink(w.now, publicAddr))
			}
			want := map[bool]uint16{true: PortNAT, false: Port}[nat]
			w.fate = func(from *node, p Packet) []time.Duration {
				h := first(p)
				if port := p.Local.Port(); from == w.spoke && h.Exchange != wire.IKESAInit && port != want || h.Exchange == wire.IKESAInit && port != Port {
					t.Errorf("%s leaves from port %d", h.Exchange, port)
				}
				return []time.Duration{time.Millisecond}
			}
			w.up()
			w.run(5 * time.Minute)
			for _, n := range []*node{w.spoke, w.hub} {
				for _, sa := range n.kernel {
					if sa.Encap != nat {
						t.Errorf("%s: encapsulation %v", n.name, sa.Encap)
					}
				}
			}
		})
	}
}

// TestFollowsTheLastAuthenticPacket moves the peer to another port of its NAT.
func TestFollowsTheLastAuthenticPacket(t *testing.T) {
	w := talk(t, config(t, testIKE, testESP))
	spoke := w.peerOf(w.hub) // the one behind the NAT
	local, _ := w.ends(w.hub)
	moved := netip.AddrPortFrom(publicAddr, 41000)
	forged := spoke.seal(spoke.sa.NextID, wire.Informational, 0)
	forged[len(forged)-1] ^= 1
	w.apply(w.hub, w.hub.session.Receive(w.now, Packet{Local: local, Remote: moved, Data: forged}))
	if got := w.hub.session.up().Remote; got == moved {
		t.Error("a forged packet moves the peer")
	}
	e := w.hub.session.Receive(w.now, Packet{Local: local, Remote: moved, Data: spoke.seal(spoke.sa.NextID, wire.Informational, 0)})
	w.apply(w.hub, e)
	if got := w.hub.session.up().Remote; got != moved || len(e.Update) != 2 {
		t.Errorf("the peer is at %s with %d SAs moved, want %s and 2", got, len(e.Update), moved)
	}

	hub := w.peerOf(w.spoke) // nothing translates the hub: it cannot move
	local, remote := w.ends(w.spoke)
	elsewhere := netip.AddrPortFrom(remote.Addr(), 41000)
	w.apply(w.spoke, w.spoke.session.Receive(w.now, Packet{Local: local, Remote: elsewhere, Data: hub.seal(hub.sa.NextID, wire.Informational, 0)}))
	if got := w.spoke.session.up().Remote; got != remote {
		t.Errorf("a peer without NAT is followed to %s", got)
	}
}
