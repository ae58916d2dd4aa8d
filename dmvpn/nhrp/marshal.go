package nhrp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Marshal returns the wire form of p, lengths, offsets and checksum filled in.
// It fails for a packet that has none: addresses of another family than the
// packet's, or more than fits.
func (p *Packet) Marshal() ([]byte, error) {
	b, err := p.marshal()
	if err != nil {
		return nil, fmt.Errorf("encode NHRP %s: %w", p.Type, err)
	}
	return b, nil
}

func (p *Packet) marshal() ([]byte, error) {
	if p.Family.addressLen() == 0 || p.Protocol.addressLen() == 0 {
		return nil, fmt.Errorf("address family %d with protocol 0x%04x is not IP", p.Family, uint16(p.Protocol))
	}
	b := make([]byte, fixedHeaderLen, 128)
	binary.BigEndian.PutUint16(b, uint16(p.Family))
	binary.BigEndian.PutUint16(b[2:], uint16(p.Protocol))
	b[9] = p.Hops
	b[16] = version
	b[17] = byte(p.Type)
	b[18] = byte(p.SrcNBMA.BitLen() / 8)
	b[19] = byte(len(p.SrcSubaddress))

	b, err := p.appendMandatory(b)
	if err != nil {
		return nil, err
	}
	if p.Extensions != nil {
		extensions := len(b)
		if b, err = appendExtensions(b, p.Extensions); err != nil {
			return nil, err
		}
		if len(b) <= 0xffff {
			binary.BigEndian.PutUint16(b[14:], uint16(extensions))
		}
	}
	if len(b) > 0xffff {
		return nil, fmt.Errorf("%d octets do not fit into a packet", len(b))
	}
	binary.BigEndian.PutUint16(b[10:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[12:], checksum(b))
	return b, nil
}

func (p *Packet) appendMandatory(b []byte) ([]byte, error) {
	if err := errors.Join(
		checkAddress(p.SrcNBMA, p.Family.addressLen(), "source NBMA address"),
		checkSubaddress(p.SrcSubaddress),
		checkAddress(p.SrcProtocol, p.Protocol.addressLen(), "source protocol address"),
		checkAddress(p.DstProtocol, p.Protocol.addressLen(), "destination protocol address"),
	); err != nil {
		return nil, err
	}
	b = append(b, byte(p.SrcProtocol.BitLen()/8), byte(p.DstProtocol.BitLen()/8))
	if p.Type == ErrorIndication {
		b = append(b, 0, 0)
		b = binary.BigEndian.AppendUint16(b, uint16(p.Error))
		b = binary.BigEndian.AppendUint16(b, p.ErrorOffset)
	} else {
		b = binary.BigEndian.AppendUint16(b, p.Flags)
		b = binary.BigEndian.AppendUint32(b, p.RequestID)
	}
	b = append(b, p.SrcNBMA.AsSlice()...)
	b = append(b, p.SrcSubaddress...)
	b = append(b, p.SrcProtocol.AsSlice()...)
	b = append(b, p.DstProtocol.AsSlice()...)
	if !p.Type.carriesCIEs() {
		return append(b, p.Payload...), nil
	}
	var err error
	for i, c := range p.CIEs {
		if b, err = appendCIE(b, c, p.Family, p.Protocol); err != nil {
			return nil, fmt.Errorf("client information entry %d: %w", i, err)
		}
	}
	return b, nil
}
