package usb

import "encoding/binary"

// Requests and notifications of CDC 1.2, tables 19 and 20.
const (
	sendEncapsulatedCommand = 0x00
	getEncapsulatedResponse = 0x01
	responseAvailable       = 0x01
)

// maxResponses is how many messages wait for a host that does not ask for them.
const maxResponses = 256

// encapsulated is a channel of messages on endpoint 0: MBIM's or QMI's. The host
// sends commands, is notified on an interrupt endpoint of each response, and
// fetches it.
type encapsulated struct {
	number   uint8 // the interface's
	endpoint uint8 // for notifications
	send     func(message []byte) (then func())

	responses [][]byte
	notify    int // how many responses the host has not been told of
}

func (e *encapsulated) request(s Setup, data []byte) (reply []byte, then func(), ok bool) {
	if uint8(s.Index) != e.number {
		return nil, nil, false
	}
	switch {
	case s.Request == sendEncapsulatedCommand && !s.In():
		return nil, e.send(data), true
	case s.Request == getEncapsulatedResponse && s.In():
		if len(e.responses) > 0 {
			reply, e.responses = e.responses[0], e.responses[1:]
		}
		return reply, nil, true
	}
	return nil, nil, false
}

func (e *encapsulated) out(uint8, []byte) (then func(), ok bool) { return nil, false }

func (e *encapsulated) in(endpoint uint8, _ int) []byte {
	if endpoint != e.endpoint || e.notify == 0 {
		return nil
	}
	e.notify--
	return notification(responseAvailable, 0, e.number)
}

// push queues a message for the host.
func (e *encapsulated) push(message []byte) {
	if len(e.responses) < maxResponses {
		e.responses = append(e.responses, message)
		e.notify++
	}
}

func (e *encapsulated) reset() { e.responses, e.notify = nil, 0 }

// notification is what an interrupt endpoint carries, CDC 1.2 section 6.3.
func notification(code uint8, value uint16, number uint8, data ...byte) []byte {
	b := []byte{directionIn | classToInterface, code}
	for _, v := range []uint16{value, uint16(number), uint16(len(data))} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return append(b, data...)
}
