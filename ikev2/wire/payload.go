package wire

import (
	"encoding/binary"
	"fmt"
)

// PayloadType is the number of a payload (RFC 7296 section 3.2).
type PayloadType uint8

// The payloads of RFC 7296.
const (
	NoNext          PayloadType = 0
	TypeSA          PayloadType = 33
	TypeKE          PayloadType = 34
	TypeIDi         PayloadType = 35
	TypeIDr         PayloadType = 36
	TypeCert        PayloadType = 37
	TypeCertReq     PayloadType = 38
	TypeAuth        PayloadType = 39
	TypeNonce       PayloadType = 40
	TypeNotify      PayloadType = 41
	TypeDelete      PayloadType = 42
	TypeVendorID    PayloadType = 43
	TypeTSi         PayloadType = 44
	TypeTSr         PayloadType = 45
	TypeEncrypted   PayloadType = 46
	TypeConfigure   PayloadType = 47
	TypeEAP         PayloadType = 48
	criticalPayload             = 0x80
)

var payloadNames = map[PayloadType]string{
	TypeSA: "SA", TypeKE: "KE", TypeIDi: "IDi", TypeIDr: "IDr", TypeCert: "CERT",
	TypeCertReq: "CERTREQ", TypeAuth: "AUTH", TypeNonce: "Nonce", TypeNotify: "N",
	TypeDelete: "D", TypeVendorID: "V", TypeTSi: "TSi", TypeTSr: "TSr",
	TypeEncrypted: "SK", TypeConfigure: "CP", TypeEAP: "EAP",
}

// String returns the notation of the RFC.
func (t PayloadType) String() string {
	if name, ok := payloadNames[t]; ok {
		return name
	}
	return fmt.Sprintf("payload %d", uint8(t))
}

// Payload is one payload of a message: SA, KE, ID, Auth, Nonce, Notify, Delete,
// VendorID, TS, or Raw for all others.
type Payload interface {
	// Type is the number by which the payload before announces this one.
	Type() PayloadType
	appendBody(b []byte) []byte
}

// Raw is a payload whose body is not parsed, because we do not know its type
// or have no use for it.
type Raw struct {
	Number PayloadType
	// Critical asks a receiver that does not know the type to refuse the whole
	// message (RFC 7296 section 2.5).
	Critical bool
	Body     []byte
}

// Type is the payload's number.
func (r Raw) Type() PayloadType          { return r.Number }
func (r Raw) appendBody(b []byte) []byte { return append(b, r.Body...) }

// UnknownCritical returns the first payload of a type that RFC 7296 does not
// define and that its sender marked as critical. The receiver answers
// UNSUPPORTED_CRITICAL_PAYLOAD.
func UnknownCritical(payloads []Payload) (PayloadType, bool) {
	for _, p := range payloads {
		raw, ok := p.(Raw)
		if _, known := payloadNames[p.Type()]; ok && raw.Critical && !known {
			return raw.Number, true
		}
	}
	return 0, false
}

// Find returns the first payload of type P.
func Find[P Payload](payloads []Payload) (found P, ok bool) {
	for _, p := range payloads {
		if found, ok := p.(P); ok {
			return found, true
		}
	}
	return found, false
}

// ParsePayloads reads the chain of payloads that were inside an Encrypted
// payload.
func ParsePayloads(first PayloadType, b []byte) ([]Payload, error) {
	payloads, encrypted, err := parseChain(first, b, 0)
	if err != nil {
		return nil, err
	}
	if encrypted != nil {
		return nil, malformed(0, "an encrypted payload is inside another")
	}
	return payloads, nil
}

// MarshalPayloads returns the octets of a chain and the type of its first
// payload, for encryption.
func MarshalPayloads(payloads []Payload) (first PayloadType, b []byte) {
	return firstType(payloads, NoNext), appendChain(nil, payloads, NoNext)
}

func parseChain(next PayloadType, b []byte, offset int) ([]Payload, *Encrypted, error) {
	var payloads []Payload
	for next != NoNext {
		if len(payloads) == maxPayloads {
			return nil, nil, malformed(offset, "more than %d payloads", maxPayloads)
		}
		if len(b)-offset < genericHeaderLength {
			return nil, nil, malformed(offset, "%s is announced and %d octets are left", next, len(b)-offset)
		}
		following, critical := PayloadType(b[offset]), b[offset+1]&criticalPayload != 0
		length := int(binary.BigEndian.Uint16(b[offset+2:]))
		if length < genericHeaderLength || length > len(b)-offset {
			return nil, nil, malformed(offset+2, "%s claims %d octets of %d", next, length, len(b)-offset)
		}
		start, end := offset+genericHeaderLength, offset+length
		if next == TypeEncrypted {
			if end != len(b) {
				return nil, nil, malformed(end, "%d octets follow SK", len(b)-end)
			}
			return payloads, &Encrypted{First: following, Associated: b[:start:start], Body: b[start:end:end]}, nil
		}
		p, err := parseBody(next, critical, reader{b: b[:end:end], offset: start})
		if err != nil {
			return nil, nil, err
		}
		payloads = append(payloads, p)
		next, offset = following, end
	}
	if offset != len(b) {
		return nil, nil, malformed(offset, "%d octets follow the last payload", len(b)-offset)
	}
	return payloads, nil, nil
}

func parseBody(t PayloadType, critical bool, r reader) (Payload, error) {
	switch t {
	case TypeSA:
		return parseSA(&r)
	case TypeKE:
		return parseKE(&r)
	case TypeIDi, TypeIDr:
		return parseID(t, &r)
	case TypeAuth:
		return parseAuth(&r)
	case TypeNonce:
		return parseNonce(&r)
	case TypeNotify:
		return parseNotify(&r)
	case TypeDelete:
		return parseDelete(&r)
	case TypeVendorID:
		return VendorID(r.rest()), nil
	case TypeTSi, TypeTSr:
		return parseTS(t, &r)
	}
	return Raw{Number: t, Critical: critical, Body: r.rest()}, nil
}

func firstType(payloads []Payload, otherwise PayloadType) PayloadType {
	if len(payloads) == 0 {
		return otherwise
	}
	return payloads[0].Type()
}

func appendChain(b []byte, payloads []Payload, last PayloadType) []byte {
	for i, p := range payloads {
		start := len(b)
		var critical byte
		if raw, ok := p.(Raw); ok && raw.Critical {
			critical = criticalPayload
		}
		b = append(b, byte(firstType(payloads[i+1:], last)), critical, 0, 0)
		b = p.appendBody(b)
		binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start))
	}
	return b
}

// reader takes the body of one payload apart. Offsets in its errors count from
// the start of the message.
type reader struct {
	b      []byte
	offset int
}

func (r *reader) len() int { return len(r.b) - r.offset }

// take returns the next n octets, which name the field in the error.
func (r *reader) take(n int, field string) ([]byte, error) {
	if n > r.len() {
		return nil, malformed(r.offset, "%s needs %d octets and %d are left", field, n, r.len())
	}
	taken := r.b[r.offset : r.offset+n : r.offset+n]
	r.offset += n
	return taken, nil
}

func (r *reader) rest() []byte {
	rest := r.b[r.offset:]
	r.offset = len(r.b)
	return rest
}

// sub returns a reader of the next n octets.
func (r *reader) sub(n int, field string) (*reader, error) {
	start := r.offset
	if _, err := r.take(n, field); err != nil {
		return nil, err
	}
	return &reader{b: r.b[: start+n : start+n], offset: start}, nil
}
