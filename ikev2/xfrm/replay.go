package xfrm

import (
	"fmt"
)

// replay is where the sequence numbers of an SA stand (RFC 4303 section 3.4.3),
// in the kernel's own form so that a moved SA continues exactly there.
type replay struct {
	out, in uint64
	// bitmap is the record of the numbers received up to in; the kernel rotates
	// it with in.
	bitmap []uint32
}

// pack returns struct xfrm_replay_state_esn for a window in packets.
func (r replay) pack(window uint32) []byte {
	words := (window + 31) / 32
	b := pack(replayESN{
		Words:      words,
		OutSeq:     uint32(r.out),
		OutSeqHigh: uint32(r.out >> 32),
		Seq:        uint32(r.in),
		SeqHigh:    uint32(r.in >> 32),
		Window:     window,
	})
	for i := range words {
		var word uint32
		if int(i) < len(r.bitmap) {
			word = r.bitmap[i]
		}
		b = native.AppendUint32(b, word)
	}
	return b
}

// parse is the inverse of pack.
func (r *replay) parse(b []byte) (window uint32, err error) {
	var head replayESN
	rest, err := unpack(b, &head)
	if err != nil {
		return 0, err
	}
	if head.Words > maxWindow/32 || uint64(len(rest)) < 4*uint64(head.Words) {
		return 0, fmt.Errorf("replay bitmap of %d words, attribute holds %d octets", head.Words, len(rest))
	}
	r.out = uint64(head.OutSeqHigh)<<32 | uint64(head.OutSeq)
	r.in = uint64(head.SeqHigh)<<32 | uint64(head.Seq)
	r.bitmap = make([]uint32, head.Words)
	for i := range r.bitmap {
		r.bitmap[i] = native.Uint32(rest[4*i:])
	}
	return head.Window, nil
}

// parseShort reads struct xfrm_replay_state, which another program's SA may
// have.
func (r *replay) parseShort(b []byte) error {
	var s replayState
	if _, err := unpack(b, &s); err != nil {
		return err
	}
	r.out, r.in, r.bitmap = uint64(s.OutSeq), uint64(s.Seq), []uint32{s.Bitmap}
	return nil
}
