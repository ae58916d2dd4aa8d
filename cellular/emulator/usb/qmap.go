package usb

import "encoding/binary"

// QMAP is Qualcomm's framing of several packets in a transfer, each of a channel of
// its own. Its source is the kernel's Documentation/networking/device_drivers/
// cellular/qualcomm/rmnet.rst, version 1.
const (
	qmapHeader  = 4
	qmapCommand = 0x80 // the flag of a command, which is no packet
	qmapPadding = 0x3f // how many octets at the end are padding
	qmapAlign   = 4
)

// parseQMAP returns the packets in a transfer, which share its memory, with the
// channels as their sessions. It ends where the octets make no sense any more.
func parseQMAP(b []byte) (packets []Packet) {
	for len(b) >= qmapHeader {
		flags, channel, length := b[0], b[1], int(binary.BigEndian.Uint16(b[2:]))
		padding := int(flags & qmapPadding)
		if b = b[qmapHeader:]; length > len(b) || padding > length {
			return packets
		}
		if flags&qmapCommand == 0 && length > padding {
			packets = append(packets, Packet{Session: channel, Data: b[: length-padding : length-padding]})
		}
		b = b[length:]
	}
	return packets
}

// appendQMAP appends a packet with its header.
func appendQMAP(b []byte, p Packet) []byte {
	padding := qmapLen(p) - qmapHeader - len(p.Data)
	b = append(b, uint8(padding), p.Session)
	b = binary.BigEndian.AppendUint16(b, uint16(len(p.Data)+padding))
	b = append(b, p.Data...)
	return append(b, make([]byte, padding)...)
}

// qmapLen is how many octets a packet takes.
func qmapLen(p Packet) int {
	return qmapHeader + (len(p.Data)+qmapAlign-1)/qmapAlign*qmapAlign
}
