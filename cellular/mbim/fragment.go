package mbim

import (
	"encoding/binary"
	"fmt"
)

// Octets of the headers. A frame is what one control transfer carries.
const (
	headerLen         = 12 // type, length, transaction
	fragmentHeaderLen = headerLen + 8
)

// MinTransfer is the shortest control transfer that a host and a function may
// agree on.
const MinTransfer = 64

// Frames returns the message as one frame, or as several fragments if it is longer
// than maxTransfer octets, which is at least [MinTransfer].
func (m Message) Frames(maxTransfer int) ([][]byte, error) {
	if maxTransfer < MinTransfer {
		return nil, fmt.Errorf("control transfers of %d octets, at least %d are needed", maxTransfer, MinTransfer)
	}
	body, err := m.body()
	if err != nil {
		return nil, fmt.Errorf("%v: %w", m.Type, err)
	}
	if !m.Type.fragmented() {
		return [][]byte{append(m.header(headerLen+len(body)), body...)}, nil
	}
	room := maxTransfer - fragmentHeaderLen
	total := (len(body) + room - 1) / room
	frames := make([][]byte, 0, total)
	for current := range total {
		part := body[current*room : min((current+1)*room, len(body))]
		f := m.header(fragmentHeaderLen + len(part))
		f = binary.LittleEndian.AppendUint32(f, uint32(total))
		f = binary.LittleEndian.AppendUint32(f, uint32(current))
		frames = append(frames, append(f, part...))
	}
	return frames, nil
}

// Reassembler makes messages of the frames of one direction, in which the
// fragments of different messages do not mix: it keeps one message. How long the
// next fragment may take (1,250 ms) is up to its user.
type Reassembler struct {
	// Limit is how many octets of a message are kept at most.
	Limit int

	first  frame // the first fragment, its part left out
	next   uint32
	joined []byte
}

// frame is the headers of a frame, and the part of a message that it carries.
type frame struct {
	kind           Type
	transaction    uint32
	total, current uint32 // 1 and 0 where there is no fragment header
	part           []byte
}

// Collecting reports whether fragments wait for the next one of their message.
func (r *Reassembler) Collecting() bool { return r.next > 0 }

// Reset forgets the fragments that wait, as when the next one does not come.
func (r *Reassembler) Reset() { *r = Reassembler{Limit: r.Limit} }

// Add takes the next frame, and returns the message that it completes, nil while
// fragments are missing. An error wraps the [ProtocolError] to answer with. If a
// new message begins in the middle of another, the other is lost, which the error
// says, and the new one is received all the same: both results are then not nil,
// or the new one's next fragment is awaited. The message keeps no part of b.
func (r *Reassembler) Add(b []byte) (*Message, error) {
	f, err := parseFrame(b)
	if err != nil {
		r.Reset()
		return nil, err
	}
	var lost error
	if r.Collecting() && !r.continues(f) {
		lost = fmt.Errorf("%v: %w: fragment %d of %d of transaction %d where %d of %d of transaction %d is due",
			f.kind, ErrorFragmentOutOfSequence, f.current, f.total, f.transaction, r.next, r.first.total, r.first.transaction)
		r.Reset()
	}
	if !r.Collecting() && f.current > 0 {
		if lost == nil {
			lost = fmt.Errorf("%v: %w: it starts with fragment %d", f.kind, ErrorFragmentOutOfSequence, f.current)
		}
		return nil, lost
	}
	m, err := r.join(f)
	if err != nil {
		return nil, err
	}
	return m, lost
}

// continues reports whether f is the fragment that is due.
func (r *Reassembler) continues(f frame) bool {
	return f.kind == r.first.kind && f.transaction == r.first.transaction && f.total == r.first.total && f.current == r.next
}

// join appends f, which is in sequence.
func (r *Reassembler) join(f frame) (*Message, error) {
	if len(f.part) > r.Limit-len(r.joined) {
		err := fmt.Errorf("%v: %w: more than %d octets", f.kind, ErrorLengthMismatch, r.Limit)
		r.Reset()
		return nil, err
	}
	r.joined = append(r.joined, f.part...)
	r.next++
	if r.next < f.total {
		f.part = nil
		r.first = f
		return nil, nil
	}
	b := r.joined
	r.Reset()
	m, err := parseBody(f.kind, f.transaction, b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrorLengthMismatch, err)
	}
	return &m, nil
}

// TransactionOf returns the transaction id of the message that a frame belongs to,
// 0 if it has none.
func TransactionOf(frame []byte) uint32 {
	if len(frame) < headerLen {
		return 0
	}
	return binary.LittleEndian.Uint32(frame[8:])
}

// parseFrame reads the headers of a frame, which fills b.
func parseFrame(b []byte) (frame, error) {
	if len(b) < headerLen {
		return frame{}, fmt.Errorf("%w: a header needs %d octets, %d are there", ErrorLengthMismatch, headerLen, len(b))
	}
	f := frame{kind: Type(binary.LittleEndian.Uint32(b)), transaction: TransactionOf(b), total: 1, part: b[headerLen:]}
	if _, known := typeNames[f.kind]; !known {
		return frame{}, fmt.Errorf("%w: there is no %v", ErrorUnknown, f.kind)
	}
	if n := binary.LittleEndian.Uint32(b[4:]); uint64(n) != uint64(len(b)) {
		return frame{}, fmt.Errorf("%v: %w: it says %d octets, %d are there", f.kind, ErrorLengthMismatch, n, len(b))
	}
	if !f.kind.fragmented() {
		return f, nil
	}
	if len(b) <= fragmentHeaderLen {
		return frame{}, fmt.Errorf("%v: %w: a fragment needs more than %d octets, %d are there", f.kind, ErrorLengthMismatch, fragmentHeaderLen, len(b))
	}
	f.total, f.current = binary.LittleEndian.Uint32(b[12:]), binary.LittleEndian.Uint32(b[16:])
	f.part = b[fragmentHeaderLen:]
	if f.current >= f.total {
		return frame{}, fmt.Errorf("%v: %w: fragment %d of %d", f.kind, ErrorFragmentOutOfSequence, f.current, f.total)
	}
	return f, nil
}
