package nhrp

import (
	"fmt"
	"net/netip"
	"slices"
)

// Fault is what is wrong with a packet, in the terms of the error indication
// that tells its sender so. Errors of [Parse] and [Packet.Check] wrap one.
type Fault struct {
	Code ErrorCode
	// Offset is where it was found, in octets from the start of the packet.
	Offset int
	// Problem is a sentence about it.
	Problem string
}

func (f *Fault) Error() string { return f.Problem }

// protocolError returns a fault of the packet's form.
func protocolError(offset int, format string, args ...any) error {
	return &Fault{Code: ProtocolError, Offset: offset, Problem: fmt.Sprintf(format, args...)}
}

// Check reports why a station with the protocol address self must not act on p
// (RFC 2332, 5.3): it holds a compulsory extension of a type that this package
// does not know, or it has come by self before.
func (p *Packet) Check(self netip.Addr) error {
	if i := p.unrecognized(); i >= 0 {
		return &Fault{
			Code:    UnrecognizedExtension,
			Offset:  p.offset(i),
			Problem: fmt.Sprintf("extension %d at offset %d is compulsory and unknown", p.Extensions[i].Type, p.offset(i)),
		}
	}
	record := p.Type.record()
	i := slices.IndexFunc(p.Extensions, func(e Extension) bool { return e.Type == record })
	if i < 0 {
		return nil
	}
	passed, err := p.Extensions[i].CIEs(p.Family, p.Protocol)
	if err != nil {
		return &Fault{Code: InvalidExtension, Offset: p.offset(i), Problem: err.Error()}
	}
	if slices.ContainsFunc(passed, func(c CIE) bool { return c.Protocol == self }) {
		return &Fault{
			Code:    LoopDetected,
			Offset:  p.offset(i),
			Problem: fmt.Sprintf("the transit record at offset %d says that the packet was at %s before", p.offset(i), self),
		}
	}
	return nil
}

// record returns the extension that the servers on the way of a packet of type
// t enter themselves into.
func (t Type) record() ExtensionType {
	switch t {
	case ResolutionReply, RegistrationReply, PurgeReply:
		return ReverseTransit
	}
	return ForwardTransit
}

// offset returns where the i-th extension starts on the wire.
func (p *Packet) offset(i int) int {
	n := fixedHeaderLen + commonHeaderLen + len(p.SrcSubaddress) + len(p.Payload) +
		(p.SrcNBMA.BitLen()+p.SrcProtocol.BitLen()+p.DstProtocol.BitLen())/8
	for _, c := range p.CIEs {
		n += cieHeaderLen + len(c.Subaddress) + (c.NBMA.BitLen()+c.Protocol.BitLen())/8
	}
	for _, e := range p.Extensions[:i] {
		n += extensionHeaderLen + len(e.Value)
	}
	return n
}
