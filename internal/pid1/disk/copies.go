package disk

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
)

// Copies lie on the disk as the SHA-256 of what follows: the length of the rest, in
// four octets, most significant first, and the files by name in JSON.

// writeCopies writes them to beside the order.
func writeCopies(orders device, kept map[string][]byte) error {
	content, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	data := append(binary.BigEndian.AppendUint32(nil, uint32(len(content))), content...)
	sum := sha256.Sum256(data)
	if len(sum)+len(data) > maxCopies {
		return fmt.Errorf("what outlasts a factory reset has more than %d octets", maxCopies)
	}
	return put(orders, copiesOffset, append(sum[:], data...), maxCopies)
}

// readCopies returns the copies beside the order, nil if there are none that are
// whole.
func readCopies(orders device) map[string][]byte {
	data := make([]byte, maxCopies)
	if _, err := orders.ReadAt(data, copiesOffset); err != nil {
		return nil
	}
	return parseCopies(data)
}

// parseCopies decodes copies. It returns no file but those that are lasting.
func parseCopies(data []byte) map[string][]byte {
	if len(data) < sha256.Size+4 {
		return nil
	}
	want, rest := data[:sha256.Size], data[sha256.Size:]
	length := binary.BigEndian.Uint32(rest)
	if uint64(length) > uint64(len(rest)-4) {
		return nil
	}
	rest = rest[:4+length]
	if sum := sha256.Sum256(rest); !bytes.Equal(sum[:], want) {
		return nil
	}
	var kept map[string][]byte
	if json.Unmarshal(rest[4:], &kept) != nil {
		return nil
	}
	for name := range kept {
		if !slices.Contains(Lasting, name) {
			delete(kept, name)
		}
	}
	return kept
}
