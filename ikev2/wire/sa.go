package wire

import "encoding/binary"

// Protocol is what a proposal, notification or deletion is about (RFC 7296
// section 3.3.1).
type Protocol uint8

// The protocols of RFC 7296. AH is not ours.
const (
	ProtocolNone Protocol = 0
	ProtocolIKE  Protocol = 1
	ProtocolESP  Protocol = 3
)

// SA is a security association payload: an offer of proposals, or the one
// chosen (RFC 7296 section 3.3).
type SA struct{ Proposals []Proposal }

// Proposal is one alternative of an offer.
type Proposal struct {
	// Number counts from 1 within the offer.
	Number   uint8
	Protocol Protocol
	// SPI is empty for an initial IKE SA, 8 octets for IKE and 4 for ESP.
	SPI        []byte
	Transforms []Transform
}

// TransformType is the kind of a transform (RFC 7296 section 3.3.2).
type TransformType uint8

// The transform types of RFC 7296.
const (
	Encryption TransformType = 1
	PRF        TransformType = 2
	Integrity  TransformType = 3
	Group      TransformType = 4
	ESN        TransformType = 5
)

// Transform is one algorithm. It is comparable: two transforms are the same
// algorithm exactly if they are equal.
type Transform struct {
	Type TransformType
	ID   uint16
	// KeyBits is the Key Length attribute, 0 when absent.
	KeyBits uint16
	// Foreign says that the transform bears an attribute other than one Key
	// Length. Such a transform must not be chosen (RFC 7296 section 3.3.6).
	Foreign bool
}

const (
	proposalHeaderLength  = 8
	transformHeaderLength = 8
	moreProposals         = 2
	moreTransforms        = 3
	attributeKeyLength    = 14
	attributeFixed        = 0x8000
)

// Type returns TypeSA.
func (SA) Type() PayloadType { return TypeSA }

func parseSA(r *reader) (Payload, error) {
	var sa SA
	for r.len() > 0 {
		if len(sa.Proposals) == maxProposals {
			return nil, malformed(r.offset, "more than %d proposals", maxProposals)
		}
		p, err := parseProposal(r)
		if err != nil {
			return nil, err
		}
		sa.Proposals = append(sa.Proposals, p)
	}
	if len(sa.Proposals) == 0 {
		return nil, malformed(r.offset, "SA without a proposal")
	}
	return sa, nil
}

func parseProposal(outer *reader) (Proposal, error) {
	start := outer.offset
	header, err := outer.take(proposalHeaderLength, "proposal")
	if err != nil {
		return Proposal{}, err
	}
	length, spiLength, count := int(binary.BigEndian.Uint16(header[2:])), int(header[6]), int(header[7])
	if length < proposalHeaderLength+spiLength {
		return Proposal{}, malformed(start+2, "proposal of %d octets cannot hold an SPI of %d", length, spiLength)
	}
	if count > maxTransforms {
		return Proposal{}, malformed(start+7, "more than %d transforms", maxTransforms)
	}
	r, err := outer.sub(length-proposalHeaderLength, "proposal")
	if err != nil {
		return Proposal{}, err
	}
	p := Proposal{Number: header[4], Protocol: Protocol(header[5])}
	if spiLength > 0 {
		p.SPI, _ = r.take(spiLength, "SPI")
	}
	for range count {
		t, err := parseTransform(r)
		if err != nil {
			return Proposal{}, err
		}
		p.Transforms = append(p.Transforms, t)
	}
	if r.len() > 0 {
		return Proposal{}, malformed(r.offset, "%d octets follow the last of %d transforms", r.len(), count)
	}
	return p, nil
}

func parseTransform(outer *reader) (Transform, error) {
	start := outer.offset
	header, err := outer.take(transformHeaderLength, "transform")
	if err != nil {
		return Transform{}, err
	}
	length := int(binary.BigEndian.Uint16(header[2:]))
	if length < transformHeaderLength {
		return Transform{}, malformed(start+2, "transform claims %d octets", length)
	}
	r, err := outer.sub(length-transformHeaderLength, "transform")
	if err != nil {
		return Transform{}, err
	}
	t := Transform{Type: TransformType(header[4]), ID: binary.BigEndian.Uint16(header[6:])}
	for r.len() > 0 {
		attribute, err := r.take(4, "attribute")
		if err != nil {
			return Transform{}, err
		}
		kind, value := binary.BigEndian.Uint16(attribute), binary.BigEndian.Uint16(attribute[2:])
		switch {
		case kind == attributeFixed|attributeKeyLength && t.KeyBits == 0:
			t.KeyBits = value
		case kind&attributeFixed != 0:
			t.Foreign = true
		default: // the value is a length and that many octets follow
			t.Foreign = true
			if _, err := r.take(int(value), "attribute"); err != nil {
				return Transform{}, err
			}
		}
	}
	return t, nil
}

func (t Transform) append(b []byte, last bool) []byte {
	more, length := byte(moreTransforms), byte(transformHeaderLength)
	if last {
		more = 0
	}
	if t.KeyBits != 0 {
		length += 4
	}
	b = append(b, more, 0, 0, length, byte(t.Type), 0)
	b = binary.BigEndian.AppendUint16(b, t.ID)
	if t.KeyBits != 0 {
		b = binary.BigEndian.AppendUint16(b, attributeFixed|attributeKeyLength)
		b = binary.BigEndian.AppendUint16(b, t.KeyBits)
	}
	return b
}

func (sa SA) appendBody(b []byte) []byte {
	for i, p := range sa.Proposals {
		start := len(b)
		more := byte(moreProposals)
		if i == len(sa.Proposals)-1 {
			more = 0
		}
		b = append(b, more, 0, 0, 0, p.Number, byte(p.Protocol), byte(len(p.SPI)), byte(len(p.Transforms)))
		b = append(b, p.SPI...)
		for j, t := range p.Transforms {
			b = t.append(b, j == len(p.Transforms)-1)
		}
		binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start))
	}
	return b
}
