package firewall

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// logEntry is what the kernel tells of a packet.
type logEntry struct {
	// number counts what was logged since we are bound, from 0.
	number uint32
	prefix string
	// in and out are the indices of devices, or 0.
	in, out uint32
	// packet is its beginning, at most logLength octets.
	packet []byte
}

// Attributes of NFULNL_MSG_PACKET (linux/netfilter/nfnetlink_log.h).
const (
	attrInDevice  = 4  // NFULA_IFINDEX_INDEV
	attrOutDevice = 5  // NFULA_IFINDEX_OUTDEV
	attrPayload   = 9  // NFULA_PAYLOAD
	attrPrefix    = 10 // NFULA_PREFIX
	attrSequence  = 12 // NFULA_SEQ
)

// parseLogEntry reads a message without its netlink header.
func parseLogEntry(message []byte) (logEntry, error) {
	const header = 4 // struct nfgenmsg
	if len(message) < header {
		return logEntry{}, errors.New("a logged packet has no header")
	}
	d, err := netlink.NewAttributeDecoder(message[header:])
	if err != nil {
		return logEntry{}, fmt.Errorf("decode logged packet: %w", err)
	}
	d.ByteOrder = binary.BigEndian
	var e logEntry
	counted := false
	for d.Next() {
		switch d.Type() {
		case attrInDevice:
			e.in = d.Uint32()
		case attrOutDevice:
			e.out = d.Uint32()
		case attrPayload:
			e.packet = d.Bytes()
		case attrPrefix:
			e.prefix = unix.ByteSliceToString(d.Bytes())
		case attrSequence:
			e.number, counted = d.Uint32(), true
		}
	}
	if err := d.Err(); err != nil {
		return logEntry{}, fmt.Errorf("decode logged packet: %w", err)
	}
	if !counted {
		return logEntry{}, errors.New("a logged packet has no number")
	}
	return e, nil
}
