package usb

// Requests of PSTN 1.2, table 13.
const (
	setLineCoding       = 0x20
	getLineCoding       = 0x21
	setControlLineState = 0x22
	sendBreak           = 0x23
)

// maxSerial is how many octets wait for a host that does not read.
const maxSerial = 1 << 16

// serial is a port as cdc_acm and option drive it. Its lines and its speed mean
// nothing to a modem that is reached by USB: they are taken and told again.
type serial struct {
	number         uint8 // the interface's
	inward, onward uint8 // endpoints to the host and to the modem
	send           func(octets []byte) (then func())

	coding  [7]byte
	waiting []byte
}

func newSerial(number, inward, onward uint8, send func([]byte) func()) *serial {
	return &serial{number: number, inward: inward, onward: onward, send: send,
		coding: [7]byte{0x00, 0xc2, 0x01, 0x00, 0, 0, 8}} // 115200 8N1
}

func (p *serial) request(s Setup, data []byte) (reply []byte, then func(), ok bool) {
	if uint8(s.Index) != p.number {
		return nil, nil, false
	}
	switch {
	case s.Request == setLineCoding && len(data) == len(p.coding):
		copy(p.coding[:], data)
		return nil, nil, true
	case s.Request == getLineCoding && s.In():
		return p.coding[:], nil, true
	case s.Request == setControlLineState || s.Request == sendBreak:
		return nil, nil, true
	}
	return nil, nil, false
}

func (p *serial) out(endpoint uint8, data []byte) (then func(), ok bool) {
	if endpoint != p.onward {
		return nil, false
	}
	return p.send(data), true
}

func (p *serial) in(endpoint uint8, limit int) []byte {
	if endpoint != p.inward || len(p.waiting) == 0 {
		return nil
	}
	n := min(limit, len(p.waiting))
	data := p.waiting[:n:n]
	p.waiting = p.waiting[n:]
	return data
}

// push queues octets for the host.
func (p *serial) push(octets []byte) {
	if len(p.waiting)+len(octets) <= maxSerial {
		p.waiting = append(p.waiting, octets...)
	}
}

func (p *serial) reset() { p.waiting = nil }
