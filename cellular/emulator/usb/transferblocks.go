package usb

import (
	"encoding/binary"

	"github.com/farspoke/farspoke/cellular/emulator/usb/ntb"
)

// Requests of NCM 1.0, table 6-2, and MBIM 1.0, table 8-1.
const (
	resetFunction   = 0x05
	getNTBParams    = 0x80
	getNTBFormat    = 0x83
	setNTBFormat    = 0x84
	getNTBInputSize = 0x85
	setNTBInputSize = 0x86
)

// The blocks that the function takes and sends.
const (
	maxBlock     = 16384
	minBlock     = 2048 // NCM 1.0, table 6-4
	maxDatagrams = 32   // in a block to the function
)

// transferBlocks carries the sessions of an MBIM function.
type transferBlocks struct {
	data
	number       uint8 // the control interface's
	deliver      func(session uint8, packet []byte)
	restart      func() // the host resets the function
	inputSize    uint32
	nextSequence uint16
}

func (t *transferBlocks) request(s Setup, data []byte) (reply []byte, then func(), ok bool) {
	if uint8(s.Index) != t.number {
		return nil, nil, false
	}
	switch s.Request {
	case getNTBParams:
		return ntbParameters(), nil, true
	case getNTBFormat:
		return []byte{0, 0}, nil, true
	case setNTBFormat:
		return nil, nil, s.Value == 0
	case getNTBInputSize:
		return binary.LittleEndian.AppendUint32(nil, t.inputSize), nil, true
	case setNTBInputSize:
		return nil, nil, t.setInputSize(data)
	case resetFunction:
		return nil, t.restart, true
	}
	return nil, nil, false
}

// setInputSize takes the size alone or with a number of datagrams after it.
func (t *transferBlocks) setInputSize(b []byte) bool {
	if len(b) != 4 && len(b) != 8 {
		return false
	}
	n := binary.LittleEndian.Uint32(b)
	if n < minBlock || n > maxBlock {
		return false
	}
	t.inputSize = n
	return true
}

// ntbParameters is the answer to GET_NTB_PARAMETERS, NCM 1.0 table 6-3.
func ntbParameters() []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, 28)
	b = le.AppendUint16(b, 1) // 16-bit blocks only
	for range 2 {             // to the host and to the function
		b = le.AppendUint32(b, maxBlock)
		b = le.AppendUint16(b, ntb.Alignment) // divisor
		b = le.AppendUint16(b, 0)             // remainder
		b = le.AppendUint16(b, ntb.Alignment) // of the tables
		b = le.AppendUint16(b, 0)             // reserved in one direction, the limit in the other
	}
	le.PutUint16(b[26:], maxDatagrams)
	return b
}

func (t *transferBlocks) out(endpoint uint8, b []byte) (then func(), ok bool) {
	if endpoint != t.onward {
		return nil, false
	}
	_, packets, err := ntb.Parse(b)
	if err != nil {
		return nil, true // as a modem does with what it cannot read
	}
	return func() {
		for _, p := range packets {
			session, ok := p.Stream.Session()
			if packet, isIP := trim(p.Data); ok && isIP {
				t.deliver(session, packet)
			}
		}
	}, true
}

func (t *transferBlocks) in(endpoint uint8, limit int) []byte {
	if endpoint != t.inward || len(t.waiting) == 0 {
		return nil
	}
	packets := make([]ntb.Packet, len(t.waiting))
	for i, p := range t.waiting {
		packets[i] = ntb.Packet{Stream: ntb.Session(p.Session), Data: p.Data}
	}
	block, n := ntb.Pack(t.nextSequence, min(limit, int(t.inputSize)), packets)
	t.waiting = t.waiting[n:]
	if block != nil {
		t.nextSequence++
	}
	return block
}

func (t *transferBlocks) reset() {
	t.data.reset()
	t.inputSize, t.nextSequence = maxBlock, 0
}
