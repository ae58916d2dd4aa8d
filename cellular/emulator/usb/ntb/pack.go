package ntb

import "encoding/binary"

// Pack writes a block of at most limit octets with as many of the packets as fit,
// in their order, and returns how many. A packet that does not fit into a block by
// itself, or has no octets, is left out and counted. A block without packets is
// nil.
func Pack(sequence uint16, limit int, packets []Packet) (block []byte, n int) {
	limit = min(limit, MaxLen)
	block = make([]byte, headerLen, min(limit, 2048))
	var tables []table
	for _, p := range packets {
		if len(p.Data) == 0 || aligned(headerLen)+aligned(len(p.Data))+minTableLen > limit {
			n++
			continue
		}
		next := with(tables, p.Stream)
		start := aligned(len(block))
		if aligned(start+len(p.Data))+length(next) > limit {
			break
		}
		block = append(pad(block), p.Data...)
		last := &next[len(next)-1]
		last.entries = append(last.entries, entry{start, len(p.Data)})
		tables = next
		n++
	}
	if len(tables) == 0 {
		return nil, n
	}
	return finish(block, sequence, tables), n
}

// entry is where a packet is within the block.
type entry struct{ start, length int }

// table is an NDP16 to be: a run of packets of the same stream.
type table struct {
	stream  Stream
	entries []entry
}

// octets is the table's length with the entry that ends it.
func (t table) octets() int { return tableHeaderLen + (len(t.entries)+1)*entryLen }

// with returns tables whose last is of the given stream.
func with(tables []table, stream Stream) []table {
	if len(tables) > 0 && tables[len(tables)-1].stream == stream {
		return tables
	}
	return append(tables, table{stream: stream})
}

// length is that of all tables once the last has got another entry.
func length(tables []table) (octets int) {
	for _, t := range tables {
		octets += t.octets()
	}
	return octets + entryLen
}

// finish puts the tables behind the packets and fills in the header.
func finish(block []byte, sequence uint16, tables []table) []byte {
	le := binary.LittleEndian
	block = pad(block)
	first := len(block)
	for i, t := range tables {
		next := 0
		if i+1 < len(tables) {
			next = len(block) + t.octets()
		}
		block = le.AppendUint32(block, uint32(t.stream))
		block = le.AppendUint16(block, uint16(t.octets()))
		block = le.AppendUint16(block, uint16(next))
		for _, e := range t.entries {
			block = le.AppendUint16(block, uint16(e.start))
			block = le.AppendUint16(block, uint16(e.length))
		}
		block = append(block, 0, 0, 0, 0)
	}
	le.PutUint32(block, headerSignature)
	le.PutUint16(block[4:], headerLen)
	le.PutUint16(block[6:], sequence)
	le.PutUint16(block[8:], uint16(len(block)))
	le.PutUint16(block[10:], uint16(first))
	return block
}

// aligned rounds up to Alignment.
func aligned(n int) int { return (n + Alignment - 1) / Alignment * Alignment }

// pad lengthens the block to the next aligned place.
func pad(block []byte) []byte { return append(block, make([]byte, aligned(len(block))-len(block))...) }
