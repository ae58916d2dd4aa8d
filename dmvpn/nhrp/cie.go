package nhrp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// CIE is a client information entry (RFC 2332, 5.2.0.1): one binding of an
// internetwork address to an NBMA address, as a client claims it or a server
// knows it. Extensions carry CIEs too.
type CIE struct {
	// Code is the server's verdict, 0 in requests.
	Code Code
	// PrefixLen is the length of the prefix that the entry is about, in bits:
	// see [CIE.Prefix]. It must be 0xff in a registration that is unique.
	PrefixLen uint8
	// MTU in octets, 0 where the sender has nothing to say. It is a hint:
	// peers of some makes fill it with values from elsewhere.
	MTU uint16
	// HoldingTime in seconds, for how long the binding is to be believed.
	HoldingTime uint16
	// NBMA and Protocol may be absent (the zero Addr): in a registration the
	// addresses are those of the packet's source.
	NBMA       netip.Addr
	Subaddress []byte
	Protocol   netip.Addr
	// Preference orders CIEs of one reply, highest first.
	Preference uint8
}

// Prefix returns the addresses that c is about, as far as they share its prefix
// with a: the destination in replies to resolutions, Protocol in registrations
// and purges. Lengths that are none, 0 and 0xff among them, stand for a alone
// (RFC 2332, 5.2.0.1).
func (c CIE) Prefix(a netip.Addr) netip.Prefix {
	bits := int(c.PrefixLen)
	if bits == 0 || bits > a.BitLen() {
		bits = a.BitLen()
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// parseCIEs reads b, which starts at offset off of the packet, to its end.
func parseCIEs(b []byte, off int, f Family, p Protocol) ([]CIE, error) {
	if len(b) == 0 {
		return nil, nil
	}
	all := make([]CIE, 0, len(b)/cieHeaderLen)
	for r := (reader{b: b, off: off}); len(r.b) > 0; {
		head, err := r.take(cieHeaderLen, "client information entry")
		if err != nil {
			return nil, err
		}
		c := CIE{
			Code:        Code(head[0]),
			PrefixLen:   head[1],
			MTU:         binary.BigEndian.Uint16(head[4:]),
			HoldingTime: binary.BigEndian.Uint16(head[6:]),
			Preference:  head[11],
		}
		if c.NBMA, err = r.nbma(head[8], f); err != nil {
			return nil, err
		}
		if c.Subaddress, err = r.subaddress(head[9]); err != nil {
			return nil, err
		}
		if c.Protocol, err = r.address(int(head[10]), p.addressLen(), "protocol address"); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// appendCIE appends the wire form of c to b.
func appendCIE(b []byte, c CIE, f Family, p Protocol) ([]byte, error) {
	if err := checkAddress(c.NBMA, f.addressLen(), "NBMA address"); err != nil {
		return nil, err
	}
	if err := checkAddress(c.Protocol, p.addressLen(), "protocol address"); err != nil {
		return nil, err
	}
	if err := checkSubaddress(c.Subaddress); err != nil {
		return nil, err
	}
	b = append(b, byte(c.Code), c.PrefixLen, 0, 0)
	b = binary.BigEndian.AppendUint16(b, c.MTU)
	b = binary.BigEndian.AppendUint16(b, c.HoldingTime)
	b = append(b, byte(c.NBMA.BitLen()/8), byte(len(c.Subaddress)), byte(c.Protocol.BitLen()/8), c.Preference)
	b = append(b, c.NBMA.AsSlice()...)
	b = append(b, c.Subaddress...)
	return append(b, c.Protocol.AsSlice()...), nil
}

// checkAddress reports an address of another length than its family's. An
// absent address is fine.
func checkAddress(a netip.Addr, want int, what string) error {
	if a.IsValid() && a.BitLen()/8 != want {
		return fmt.Errorf("%s %s is not of the packet's family", what, a)
	}
	return nil
}

// checkSubaddress reports a subaddress too long for its six bits of length.
func checkSubaddress(s []byte) error {
	if len(s) > addressLenMask {
		return fmt.Errorf("subaddress of %d octets exceeds %d", len(s), addressLenMask)
	}
	return nil
}
