package nhrp

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Parse reads one packet. Octets after the length that the packet gives itself
// are padding and ignored. The result shares no memory with b.
func Parse(b []byte) (*Packet, error) {
	p, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("parse NHRP packet: %w", err)
	}
	return p, nil
}

func parse(b []byte) (*Packet, error) {
	if len(b) < fixedHeaderLen+commonHeaderLen {
		return nil, protocolError(0, "%d octets are less than the %d of the headers", len(b), fixedHeaderLen+commonHeaderLen)
	}
	size := int(binary.BigEndian.Uint16(b[10:]))
	if size < fixedHeaderLen+commonHeaderLen || size > len(b) {
		return nil, protocolError(10, "packet size at offset 10 is %d, of %d octets received", size, len(b))
	}
	b = bytes.Clone(b[:size])
	if checksum(b) != 0 && checksumTailLow(b) != 0 {
		return nil, protocolError(12, "checksum at offset 12 is wrong")
	}
	if b[16] != version {
		return nil, protocolError(16, "version at offset 16 is %d, not %d", b[16], version)
	}
	p := header(b)
	if p.Family.addressLen() == 0 {
		return nil, protocolError(0, "address family at offset 0 is %d, neither IPv4 nor IPv6", p.Family)
	}
	if p.Protocol.addressLen() == 0 {
		return nil, protocolError(2, "protocol type at offset 2 is 0x%04x, neither IPv4 nor IPv6", uint16(p.Protocol))
	}

	// The mandatory part ends where the extensions part starts.
	extensions := int(binary.BigEndian.Uint16(b[14:]))
	end := extensions
	if extensions == 0 {
		end = size
	} else if extensions < fixedHeaderLen+commonHeaderLen || extensions > size {
		return nil, protocolError(14, "extensions offset at offset 14 is %d, of a packet of %d octets", extensions, size)
	}
	if err := p.parseMandatory(&reader{b: b[fixedHeaderLen:end], off: fixedHeaderLen}, b[18], b[19]); err != nil {
		return nil, err
	}
	if extensions != 0 {
		var err error
		if p.Extensions, err = parseExtensions(b[end:], end); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// header reads what the fixed header tells of the packet itself.
func header(b []byte) *Packet {
	return &Packet{
		Family:   Family(binary.BigEndian.Uint16(b)),
		Protocol: Protocol(binary.BigEndian.Uint16(b[2:])),
		Hops:     b[9],
		Type:     Type(b[17]),
	}
}

// parseMandatory reads the common header, for which the fixed header gives the
// type and length of the source's NBMA address and subaddress, and what
// follows it.
func (p *Packet) parseMandatory(r *reader, nbmaTL, subaddressTL byte) error {
	err := p.parseAddresses(r, nbmaTL, subaddressTL)
	if err != nil {
		return err
	}
	if p.Type.carriesCIEs() {
		p.CIEs, err = parseCIEs(r.b, r.off, p.Family, p.Protocol)
		return err
	}
	p.Payload = r.b
	return nil
}

// parseAddresses reads the common header and the addresses behind it.
func (p *Packet) parseAddresses(r *reader, nbmaTL, subaddressTL byte) error {
	head, err := r.take(commonHeaderLen, "common header")
	if err != nil {
		return err
	}
	if p.Type == ErrorIndication {
		p.Error = ErrorCode(binary.BigEndian.Uint16(head[4:]))
		p.ErrorOffset = binary.BigEndian.Uint16(head[6:])
	} else {
		p.Flags = binary.BigEndian.Uint16(head[2:])
		p.RequestID = binary.BigEndian.Uint32(head[4:])
	}
	if p.SrcNBMA, err = r.nbma(nbmaTL, p.Family); err != nil {
		return err
	}
	if p.SrcSubaddress, err = r.subaddress(subaddressTL); err != nil {
		return err
	}
	if p.SrcProtocol, err = r.address(int(head[0]), p.Protocol.addressLen(), "source protocol address"); err != nil {
		return err
	}
	p.DstProtocol, err = r.address(int(head[1]), p.Protocol.addressLen(), "destination protocol address")
	return err
}
