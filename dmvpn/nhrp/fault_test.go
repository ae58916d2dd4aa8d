package nhrp

import (
	"errors"
	"net/netip"
	"testing"
)

// TestCheck: what a packet's extensions demand of the station that it reaches.
func TestCheck(t *testing.T) {
	transit := func(record ExtensionType, stations ...netip.Addr) Extension {
		var cies []CIE
		for _, a := range stations {
			cies = append(cies, CIE{NBMA: hub, Protocol: a})
		}
		e, err := NewCIEExtension(record, true, FamilyIPv4, ProtocolIPv4, cies...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	unknown := Extension{Type: 0x33, Compulsory: true, Value: []byte{1}}
	torn := func(record ExtensionType) Extension { return Extension{Type: record, Value: make([]byte, 11)} }
	other := netip.MustParseAddr("10.255.0.99")

	for _, test := range []struct {
		name       string
		kind       Type
		extensions []Extension
		// want is nil for a packet that may be acted on. Extensions start at 40.
		want *Fault
	}{
		{"no extensions", ResolutionRequest, nil, nil},
		{"all known, compulsory or not", ResolutionRequest, []Extension{
			transit(ResponderAddress), transit(ForwardTransit, hub4, other), transit(ReverseTransit),
			NewAuthentication("a"), NewVendorPrivate([3]byte{1, 2, 3}, nil), natExtension(t),
			{Type: VendorPrivate, Compulsory: true, Value: []byte{0}},
		}, nil},
		{"unknown, not compulsory", ResolutionRequest, []Extension{{Type: 0x33}}, nil},
		{"unknown and compulsory", PurgeRequest, []Extension{NewAuthentication("ab"), unknown}, &Fault{Code: UnrecognizedExtension, Offset: 50}},
		{"unknown and compulsory behind one that is not", PurgeRequest, []Extension{{Type: 0x33}, unknown}, &Fault{Code: UnrecognizedExtension, Offset: 44}},
		{"request that was here", ResolutionRequest, []Extension{transit(ForwardTransit, hub4, spoke4)}, &Fault{Code: LoopDetected, Offset: 40}},
		{"reply that was here", ResolutionReply, []Extension{transit(ForwardTransit), transit(ReverseTransit, spoke4)}, &Fault{Code: LoopDetected, Offset: 44}},
		{"reply to a request that was here", ResolutionReply, []Extension{transit(ForwardTransit, spoke4)}, nil},
		{"torn record", ResolutionRequest, []Extension{torn(ForwardTransit)}, &Fault{Code: InvalidExtension, Offset: 40}},
		{"torn record of the other way", ResolutionRequest, []Extension{torn(ReverseTransit)}, nil},
		{"device capabilities", ResolutionRequest, []Extension{{Type: NATAddress, Value: make([]byte, 8)}}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := parsed(t, &Packet{
				Family: FamilyIPv4, Protocol: ProtocolIPv4, Type: test.kind,
				SrcNBMA: spoke, SrcProtocol: spoke4, DstProtocol: hub4, Extensions: test.extensions,
			})
			err := p.Check(spoke4)
			if test.want == nil {
				if err != nil {
					t.Errorf("Check = %v", err)
				}
				return
			}
			var fault *Fault
			if !errors.As(err, &fault) || fault.Code != test.want.Code || fault.Offset != test.want.Offset || fault.Problem == "" {
				t.Errorf("Check = %+v, want %+v", fault, test.want)
			}
		})
	}
}

// TestCheckOfCapture: the hub finds itself in what it has passed on, and others
// have nothing to say against any packet.
func TestCheckOfCapture(t *testing.T) {
	loops := 0
	for _, v := range vectors(t) {
		p, err := Parse(v.packet)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(netip.MustParseAddr("10.255.0.99")); err != nil {
			t.Errorf("%x: %v", v.packet, err)
		}
		record, _ := p.Extension(p.Type.record())
		err = p.Check(hub4)
		if (err != nil) != (len(record.Value) > 0) {
			t.Errorf("%x: Check = %v", v.packet, err)
		}
		if err != nil {
			loops++
		}
	}
	if loops == 0 {
		t.Error("the capture holds no packet that was passed on")
	}
}

// TestOffset compares where an extension is said to be with where it is.
func TestOffset(t *testing.T) {
	for _, v := range vectors(t) {
		p, err := Parse(v.packet)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range p.Extensions {
			at := p.offset(i)
			if got := ExtensionType(v.packet[at])<<8 | ExtensionType(v.packet[at+1]); got&0x3fff != e.Type {
				t.Errorf("%x: extension %d is not at %d", v.packet, e.Type, at)
			}
		}
	}
	p := parsed(t, &Packet{
		Family: FamilyIPv4, Protocol: ProtocolIPv6, Type: TrafficIndication, SrcNBMA: spoke, SrcSubaddress: []byte{1},
		SrcProtocol: spoke6, DstProtocol: hub6, Payload: []byte{2, 3}, Extensions: []Extension{{Type: 0x33, Value: []byte{4}}, {Type: 0x34}},
	})
	if first, second := p.offset(0), p.offset(1); first != 28+4+1+16+16+2 || second != first+5 {
		t.Errorf("extensions are said to be at %d and %d", first, second)
	}
}

// parsed returns p as its receiver sees it.
func parsed(t *testing.T, p *Packet) *Packet {
	t.Helper()
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return back
}
