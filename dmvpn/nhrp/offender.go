package nhrp

import "encoding/binary"

// Offender returns type and request id of the NHRP packet that the error
// indication p is about. It reports false if p holds too little of it.
func (p *Packet) Offender() (t Type, requestID uint32, ok bool) {
	if p.Type != ErrorIndication || len(p.Payload) < fixedHeaderLen+commonHeaderLen {
		return 0, 0, false
	}
	return Type(p.Payload[17]), binary.BigEndian.Uint32(p.Payload[fixedHeaderLen+4:]), true
}
