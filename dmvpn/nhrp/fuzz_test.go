package nhrp

import (
	"net/netip"
	"reflect"
	"testing"
)

// FuzzParse: whatever is read can be written, and reads the same again; about
// everything there is an answer that its sender can read.
func FuzzParse(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.packet)
	}
	for _, p := range seeds(f) {
		b, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= fixedHeaderLen && len(b) <= 0xffff {
			// Let the fuzzer past the two fields that guard the rest.
			b[10], b[11] = byte(len(b)>>8), byte(len(b))
			sum(b)
		}
		checkIndication(t, b)
		p, err := Parse(b)
		if err != nil {
			return
		}
		_ = p.Check(spoke4)
		_, _, _ = p.Offender()
		_, _, _ = p.Redirected()
		for _, e := range p.Extensions {
			_, _ = e.CIEs(p.Family, p.Protocol)
			_, _, _ = e.Vendor()
			checkGroup(t, e)
		}
		for _, c := range p.CIEs {
			if whole := c.Prefix(p.DstProtocol); whole.IsValid() != p.DstProtocol.IsValid() || whole.Bits() == 0 {
				t.Errorf("an entry is about %v", whole)
			}
		}
		first, err := p.Marshal()
		if err != nil {
			if len(b) > 0xffff-4 {
				return // no room for the End that was missing
			}
			t.Fatalf("read but not written: %v", err)
		}
		again, err := Parse(first)
		if err != nil {
			t.Fatalf("written but not read: %v", err)
		}
		if !reflect.DeepEqual(p, again) {
			t.Fatalf("written as it was not read:\n%+v\n%+v", p, again)
		}
	})
}

// seeds are packets of which the capture has none.
func seeds(t testing.TB) []Packet {
	sample := Packet{
		Family: FamilyIPv4, Protocol: ProtocolIPv4, Hops: MaxHops, RequestID: 7,
		SrcNBMA: spoke, SrcProtocol: spoke4, DstProtocol: hub4,
	}
	var all []Packet
	for kind := ResolutionRequest; kind <= PurgeReply; kind++ {
		p := sample
		p.Type, p.Flags = kind, NAT
		p.CIEs = []CIE{{PrefixLen: 24, HoldingTime: 600, NBMA: hub, Protocol: hub4, Preference: 7}, {Code: NoBinding}}
		p.Extensions = []Extension{
			NewAuthentication("nhrp-hq"), NewGroup("g1"),
			natExtension(t, CIE{PrefixLen: 32, NBMA: hub, Protocol: spoke4}, CIE{PrefixLen: 32, NBMA: spoke, Protocol: hub4}),
		}
		all = append(all, p)
	}
	return all
}

// checkGroup writes the group that e names, which must read the same again.
func checkGroup(t *testing.T, e Extension) {
	name, ok := e.Group()
	if !ok {
		return
	}
	if again, ok := NewGroup(name).Group(); len(name) > MaxGroup || !ok || again != name {
		t.Fatalf("group %q reads %q when it is written", name, again)
	}
}

// checkIndication tells the sender of b that it is wrong.
func checkIndication(t *testing.T, b []byte) {
	p, ok := NewErrorIndication(b, &Fault{Code: ProtocolError}, hub, hub4)
	if !ok {
		return
	}
	wire, err := p.Marshal()
	if err != nil || len(wire) > fixedHeaderLen+commonHeaderLen+12+maxQuoted {
		t.Fatalf("indication of %d octets: %v", len(wire), err)
	}
	back, err := Parse(wire)
	if err != nil || back.DstProtocol != p.DstProtocol || back.DstProtocol.IsValid() && !back.DstProtocol.Is4() {
		t.Fatalf("indication to %v: %v", back, err)
	}
	if _, ok := NewErrorIndication(wire, &Fault{Code: ProtocolError}, spoke, netip.Addr{}); ok {
		t.Fatal("an indication about an indication")
	}
}
