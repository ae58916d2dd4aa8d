package usbredir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// kind is what a packet is about.
type kind uint32

// The kinds of packets that a modem has to do with.
const (
	kindHello                    kind = 0
	kindDeviceConnect            kind = 1
	kindDeviceDisconnect         kind = 2
	kindReset                    kind = 3
	kindInterfaceInfo            kind = 4
	kindEndpointInfo             kind = 5
	kindSetConfiguration         kind = 6
	kindGetConfiguration         kind = 7
	kindConfigurationStatus      kind = 8
	kindSetAlternate             kind = 9
	kindGetAlternate             kind = 10
	kindAlternateStatus          kind = 11
	kindStartInterruptReceiving  kind = 15
	kindStopInterruptReceiving   kind = 16
	kindInterruptReceivingStatus kind = 17
	kindCancelData               kind = 21
	kindControl                  kind = 100
	kindBulk                     kind = 101
	kindInterrupt                kind = 103
)

// Capabilities, as bits of the hello's first word.
const (
	capConnectVersion   = 1 << 1 // the device's release number
	capMaxPacketSize    = 1 << 4 // of each endpoint
	cap64BitIDs         = 1 << 5
	cap32BitBulkLengths = 1 << 6
	capabilities        = capConnectVersion | capMaxPacketSize | cap64BitIDs | cap32BitBulkLengths
)

// Ends of a transfer.
const (
	statusSuccess   = 0
	statusCancelled = 1
	statusIOError   = 3
	statusStall     = 4
)

const (
	versionLen = 64
	helloLen   = versionLen + 4
	controlLen = 10
	// maxLen is the most octets in a packet from the host: no transfer to a modem
	// is nearly as long.
	maxLen = 1 << 20
)

var errMalformed = errors.New("malformed usb-redir packet")

// packet is one packet as it crosses the socket.
type packet struct {
	kind kind
	id   uint64
	body []byte
}

// readPacket reads a packet whose header has an id of the given length, 4 or 8
// octets.
func readPacket(r io.Reader, idLen int) (packet, error) {
	var header [16]byte
	if _, err := io.ReadFull(r, header[:8+idLen]); err != nil {
		return packet{}, err
	}
	p := packet{kind: kind(binary.LittleEndian.Uint32(header[:]))}
	length := binary.LittleEndian.Uint32(header[4:])
	// What lies above a shorter id is zero.
	p.id = binary.LittleEndian.Uint64(header[8:])
	if length > maxLen {
		return packet{}, fmt.Errorf("%w: %d octets of kind %d", errMalformed, length, p.kind)
	}
	p.body = make([]byte, length)
	if _, err := io.ReadFull(r, p.body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return packet{}, fmt.Errorf("read usb-redir packet: %w", err)
	}
	return p, nil
}

// octets writes a packet.
func (p packet) octets(idLen int) []byte {
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, 8+idLen+len(p.body)), uint32(p.kind))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.body)))
	b = binary.LittleEndian.AppendUint64(b, p.id)[:8+idLen]
	return append(b, p.body...)
}

// hello is the first packet of each side.
type hello struct {
	version      string
	capabilities uint32 // the first word: all that have been defined are in it
}

func (h hello) body() []byte {
	b := make([]byte, versionLen, helloLen)
	copy(b[:versionLen-1], h.version)
	return binary.LittleEndian.AppendUint32(b, h.capabilities)
}

// parseHello takes a hello without capabilities, too, which old hosts send.
func parseHello(b []byte) (h hello, err error) {
	if len(b) < versionLen || len(b)%4 != 0 {
		return h, fmt.Errorf("%w: hello of %d octets", errMalformed, len(b))
	}
	end := 0
	for end < versionLen && b[end] != 0 {
		end++
	}
	h.version = string(b[:end])
	if len(b) >= helloLen {
		h.capabilities = binary.LittleEndian.Uint32(b[versionLen:])
	}
	return h, nil
}

// controlTransfer is one on endpoint 0, or its answer.
type controlTransfer struct {
	endpoint, request, requestType, status uint8
	value, index, length                   uint16
	data                                   []byte
}

func (c controlTransfer) body() []byte {
	b := []byte{c.endpoint, c.request, c.requestType, c.status}
	for _, v := range []uint16{c.value, c.index, c.length} {
		b = binary.LittleEndian.AppendUint16(b, v)
	}
	return append(b, c.data...)
}

func parseControl(b []byte) (c controlTransfer, err error) {
	if len(b) < controlLen {
		return c, fmt.Errorf("%w: control transfer of %d octets", errMalformed, len(b))
	}
	le := binary.LittleEndian
	c = controlTransfer{b[0], b[1], b[2], b[3], le.Uint16(b[4:]), le.Uint16(b[6:]), le.Uint16(b[8:]), b[controlLen:]}
	if !consistent(c.endpoint, int(c.length), len(c.data)) {
		return c, fmt.Errorf("%w: control transfer of %d octets with %d", errMalformed, c.length, len(c.data))
	}
	return c, nil
}

// directionIn is the bit of an endpoint's address that says that the host receives.
const directionIn = 0x80

// bulkTransfer is one on a bulk endpoint, or its answer. The length is of the data
// that was sent, or that the host would like to receive.
type bulkTransfer struct {
	endpoint, status uint8
	length           uint32
	stream           uint32
	data             []byte
}

// body writes the upper half of the length if wide.
func (t bulkTransfer) body(wide bool) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{t.endpoint, t.status}, uint16(t.length))
	b = binary.LittleEndian.AppendUint32(b, t.stream)
	if wide {
		b = binary.LittleEndian.AppendUint16(b, uint16(t.length>>16))
	}
	return append(b, t.data...)
}

func parseBulk(b []byte, wide bool) (t bulkTransfer, err error) {
	n := 8
	if wide {
		n = 10
	}
	if len(b) < n {
		return t, fmt.Errorf("%w: bulk transfer of %d octets", errMalformed, len(b))
	}
	t = bulkTransfer{b[0], b[1], uint32(binary.LittleEndian.Uint16(b[2:])), binary.LittleEndian.Uint32(b[4:]), b[n:]}
	if wide {
		t.length |= uint32(binary.LittleEndian.Uint16(b[8:])) << 16
	}
	if !consistent(t.endpoint, int(t.length), len(t.data)) {
		return t, fmt.Errorf("%w: bulk transfer of %d octets with %d", errMalformed, t.length, len(t.data))
	}
	return t, nil
}

// consistent reports whether a transfer that the host begins brings as many octets
// as it says, or none if it is the host that receives.
func consistent(endpoint uint8, length, sent int) bool {
	if endpoint&directionIn != 0 {
		return sent == 0
	}
	return sent == length
}

// fields returns a body of exactly n octets.
func fields(p packet, n int) ([]byte, error) {
	if len(p.body) != n {
		return nil, fmt.Errorf("%w: %d octets of kind %d, want %d", errMalformed, len(p.body), p.kind, n)
	}
	return p.body, nil
}

// interruptBody is what an interrupt endpoint has received.
func interruptBody(endpoint uint8, data []byte) []byte {
	return append(binary.LittleEndian.AppendUint16([]byte{endpoint, statusSuccess}, uint16(len(data))), data...)
}
