package nhc

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/dmvpn/nhrp"
)

// respond returns what we, behind whom is 192.168.1.0/24 and who have 172.16.100.17,
// answer to a packet of another spoke that comes by way of the hub.
func respond(t *testing.T, cfg Config, p *nhrp.Packet) *nhrp.Packet {
	t.Helper()
	w := registered(t, cfg)
	w.apply(w.client.Prefixes(w.now, []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24")}))
	w.deliver(nbma1, p)
	w.pass(20 * second)
	if len(w.sent) != 1 {
		t.Fatalf("%d answers", len(w.sent))
	}
	return w.sent[0]
}

// questionAbout is one of a spoke behind a NAT, who is answered at once.
func questionAbout(dst string) *nhrp.Packet {
	p := packetFrom(nhrp.ResolutionRequest, netip.MustParseAddr("172.16.100.99"), netip.MustParseAddr("100.64.0.99"))
	p.DstProtocol = netip.MustParseAddr(dst)
	nat, err := nhrp.NewCIEExtension(nhrp.NATAddress, false, p.Family, p.Protocol, nhrp.CIE{PrefixLen: 32, NBMA: netip.MustParseAddr("203.0.113.99"), Protocol: p.SrcProtocol})
	if err != nil {
		panic(err)
	}
	p.Extensions = append(p.Extensions, nat)
	return p
}

// shortcutConfig is one that wants direct paths.
func shortcutConfig() Config {
	cfg := testConfig(configured(hub1, nbma1))
	cfg.Shortcut = true
	return cfg
}

// TestResolutionReplies: Q and S are those of the request, and what else we say of
// ourselves is authoritative and stable, with a single entry.
func TestResolutionReplies(t *testing.T) {
	for name, copied := range map[string]uint16{
		"host": 0, "router": nhrp.ResolutionRouter, "stable": nhrp.ResolutionSourceStable,
		"both": nhrp.ResolutionRouter | nhrp.ResolutionSourceStable,
	} {
		t.Run(name, func(t *testing.T) {
			p := questionAbout("192.168.1.5")
			p.Flags = copied | nhrp.ResolutionDestStable | 0x07fd // unused ones
			got := respond(t, shortcutConfig(), p)
			if want := copied | nhrp.ResolutionAuthoritative | nhrp.ResolutionDestStable | nhrp.NAT; got.Flags != want {
				t.Errorf("flags 0x%04x, want 0x%04x", got.Flags, want)
			}
			want := []nhrp.CIE{{PrefixLen: 24, HoldingTime: 600, NBMA: private, Protocol: ours}}
			if !cmp.Equal(got.CIEs, want, addresses) {
				t.Errorf("entries %+v, want %+v", got.CIEs, want)
			}
			if got.SrcProtocol != p.SrcProtocol || got.SrcNBMA != p.SrcNBMA || got.DstProtocol != p.DstProtocol || got.RequestID != p.RequestID {
				t.Errorf("it does not bear the addresses and the id of the request: %+v", got)
			}
		})
	}
}

// TestRefusals: a resolution is refused by a single entry that holds nothing but the
// code, whatever the request said; a registration by the code in each of its entries,
// none of which holds for any time.
func TestRefusals(t *testing.T) {
	without := testConfig(configured(hub1, nbma1))
	for name, test := range map[string]struct {
		cfg  Config
		p    *nhrp.Packet
		code nhrp.Code
	}{
		"not wanted": {without, questionAbout("192.168.1.5"), nhrp.AdministrativelyRefused},
		"not ours":   {shortcutConfig(), questionAbout("192.168.7.5"), nhrp.NoBinding},
		"not unique": {shortcutConfig(), questionAbout("192.168.1.5"), nhrp.BindingNotUnique},
	} {
		t.Run(name, func(t *testing.T) {
			if test.code == nhrp.BindingNotUnique {
				test.p.Flags |= nhrp.ResolutionUnique
			}
			test.p.CIEs = []nhrp.CIE{{PrefixLen: 24, MTU: 1400, HoldingTime: 300, NBMA: nbma2, Protocol: hub2, Preference: 7}, {PrefixLen: 32}}
			got := respond(t, test.cfg, test.p)
			if want := []nhrp.CIE{{Code: test.code}}; got.Type != nhrp.ResolutionReply || !cmp.Equal(got.CIEs, want, addresses) {
				t.Errorf("%s with %+v, want %+v", got.Type, got.CIEs, want)
			}
			if want := nhrp.ResolutionRouter | nhrp.ResolutionSourceStable | nhrp.ResolutionAuthoritative | nhrp.NAT; got.Flags != want {
				t.Errorf("flags 0x%04x, want 0x%04x", got.Flags, want)
			}
		})
	}
	t.Run("registration", func(t *testing.T) {
		p := packetFrom(nhrp.RegistrationRequest, hub2, nbma2)
		p.CIEs = []nhrp.CIE{{PrefixLen: 32, HoldingTime: 300}, {PrefixLen: 24, HoldingTime: 300, MTU: 1400}}
		got := respond(t, shortcutConfig(), p)
		want := []nhrp.CIE{{Code: nhrp.AdministrativelyRefused, PrefixLen: 32}, {Code: nhrp.AdministrativelyRefused, PrefixLen: 24, MTU: 1400}}
		if got.Type != nhrp.RegistrationReply || !cmp.Equal(got.CIEs, want, addresses) {
			t.Errorf("%s with %+v, want %+v", got.Type, got.CIEs, want)
		}
	})
}

// TestUniqueQuestion: a binding is unique if it is registered so.
func TestUniqueQuestion(t *testing.T) {
	cfg := shortcutConfig()
	cfg.Unique = true
	p := questionAbout(ours.String())
	p.Flags |= nhrp.ResolutionUnique
	got := respond(t, cfg, p)
	if got.Flags&nhrp.ResolutionUnique == 0 || len(got.CIEs) != 1 || got.CIEs[0].Code != nhrp.Success {
		t.Errorf("answered %+v", got)
	}
}

// TestReplyExtensions: a reply of ours has the extensions of its request, in their
// order, and no others. The responder's is filled in, always by the same address, and
// the authentication made anew.
func TestReplyExtensions(t *testing.T) {
	for name, test := range map[string]struct {
		p   *nhrp.Packet
		nat bool // is filled in
	}{
		"resolution":         {questionAbout("192.168.1.5"), true},
		"resolution refused": {questionAbout("192.168.7.5"), true},
		"registration":       {packetFrom(nhrp.RegistrationRequest, hub2, nbma2), false},
		"purge":              {packetFrom(nhrp.PurgeRequest, hub2, nbma2), false},
	} {
		t.Run(name, func(t *testing.T) {
			p := test.p
			hop, err := nhrp.NewCIEExtension(nhrp.ForwardTransit, true, p.Family, p.Protocol, nhrp.CIE{HoldingTime: 300, NBMA: nbma1, Protocol: hub1})
			if err != nil {
				t.Fatal(err)
			}
			nat, err := nhrp.NewCIEExtension(nhrp.NATAddress, false, p.Family, p.Protocol, nhrp.CIE{PrefixLen: 32, NBMA: netip.MustParseAddr("203.0.113.99"), Protocol: p.SrcProtocol})
			if err != nil {
				t.Fatal(err)
			}
			responder, err := nhrp.NewCIEExtension(nhrp.ResponderAddress, true, p.Family, p.Protocol, nhrp.CIE{HoldingTime: 600, NBMA: private, Protocol: ours})
			if err != nil {
				t.Fatal(err)
			}
			p.Extensions = []nhrp.Extension{
				{Type: 0x33, Value: []byte{1, 2}}, nat, {Type: nhrp.ResponderAddress, Compulsory: true}, hop,
				nhrp.NewAuthentication("cloud"), {Type: nhrp.ReverseTransit, Compulsory: true},
				nhrp.NewVendorPrivate([3]byte{0, 0, 12}, []byte("x")), nhrp.NewVendorPrivate([3]byte{0, 0, 13}, nil),
			}
			want := slices.Clone(p.Extensions)
			want[2] = responder
			if test.nat {
				want[1].Value = nil // there is none before us
			}
			equal := cmp.Comparer(func(a, b nhrp.Extension) bool {
				return a.Type == b.Type && a.Compulsory == b.Compulsory && string(a.Value) == string(b.Value)
			})
			got := respond(t, shortcutConfig(), p)
			if diff := cmp.Diff(want, got.Extensions, equal); diff != "" {
				t.Errorf("extensions (-want +got):\n%s", diff)
			}
			p.Extensions, p.CIEs = []nhrp.Extension{nhrp.NewAuthentication("cloud")}, nil
			if got := respond(t, shortcutConfig(), p); len(got.Extensions) != 1 {
				t.Errorf("extensions that nobody asked for: %+v", got.Extensions)
			}
		})
	}
}

// TestNothingIsLearnt: who asks is remembered only if the question says that it is
// there to stay, and no longer than it says.
func TestNothingIsLearnt(t *testing.T) {
	public := netip.MustParseAddr("203.0.113.1")
	for name, test := range map[string]struct {
		natted bool // we are
		change func(*nhrp.Packet)
		until  Instant
		want   nhrp.Code
	}{
		"stable, for a minute":   {false, func(p *nhrp.Packet) { p.CIEs[0].HoldingTime = 60 }, 60 * second, nhrp.Success},
		"stable, for long":       {false, func(p *nhrp.Packet) { p.CIEs[0].HoldingTime = 0xffff }, 300 * second, nhrp.Success},
		"not stable":             {false, func(p *nhrp.Packet) { p.Flags &^= nhrp.ResolutionSourceStable }, 0, nhrp.Success},
		"for no time":            {false, func(p *nhrp.Packet) { p.CIEs[0].HoldingTime = 0 }, 0, nhrp.Success},
		"no entry":               {false, func(p *nhrp.Packet) { p.CIEs = nil }, 0, nhrp.Success},
		"no entry, and we hide":  {true, func(p *nhrp.Packet) { p.CIEs = nil }, 0, nhrp.AdministrativelyRefused},
		"unstable, and we hide":  {true, func(p *nhrp.Packet) { p.Flags &^= nhrp.ResolutionSourceStable }, 0, nhrp.AdministrativelyRefused},
		"stable, though we hide": {true, func(p *nhrp.Packet) {}, 300 * second, nhrp.Success},
	} {
		t.Run(name, func(t *testing.T) {
			c, a, b := two(t, false, test.natted)
			p := packetFrom(nhrp.ResolutionRequest, a.address, a.public)
			p.DstProtocol = host2
			test.change(p)
			answers := c.watch(nhrp.ResolutionReply, false)
			asked := c.now
			c.hub.pass(b, p)
			c.pass(second)
			if len(*answers) == 0 || (*answers)[0].packet.CIEs[0].Code != test.want {
				t.Errorf("answered %+v", *answers)
			}
			if test.until == 0 {
				if len(b.client.peers) != 0 || len(b.client.shortcuts) != 0 || b.wanted[public] {
					t.Errorf("learnt %+v", b.client.Shortcuts(c.now))
				}
				return
			}
			if s := b.client.shortcuts; len(s) != 1 || s[0].until > asked+delay+test.until {
				t.Errorf("learnt %+v", b.client.Shortcuts(c.now))
			}
			c.pass(test.until)
			if len(b.client.shortcuts) != 0 {
				t.Error("remembered for longer than it may be")
			}
		})
	}
}

// TestNothingBeyondUs: what we answer for holds nothing that the tunnel leads to.
func TestNothingBeyondUs(t *testing.T) {
	prefix := netip.MustParsePrefix
	cfg := testConfig(configured(hub1, nbma1))
	cfg.Routes = []netip.Prefix{prefix("10.0.0.0/8"), prefix("10.1.128.0/17"), prefix("10.2.0.0/16")}
	c := New(cfg, State{}, 1, 0)
	c.Prefixes(0, []netip.Prefix{prefix("10.1.0.0/16"), prefix("10.2.0.0/16"), prefix("172.16.0.0/12"), prefix("192.168.0.0/16"), prefix("192.168.2.0/24")})
	for dst, want := range map[string]string{
		"192.168.2.9": "192.168.2.0/24", "192.168.9.9": "192.168.0.0/16", "10.1.7.7": "10.1.0.0/17", "10.2.2.2": "10.2.0.0/16",
		"172.16.5.5": "172.16.0.0/18", "172.16.101.1": "172.16.101.0/24",
	} {
		if got := c.covering(netip.MustParseAddr(dst)); got != prefix(want) {
			t.Errorf("the answer about %s is %s, want %s", dst, got, want)
		}
	}
	for _, dst := range []string{"10.1.200.1", "172.16.100.99", "10.3.0.1", "203.0.113.1"} {
		if got := c.covering(netip.MustParseAddr(dst)); got.IsValid() {
			t.Errorf("the answer about %s is %s", dst, got)
		}
	}
}
