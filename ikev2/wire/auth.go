package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
)

// KE carries a public key of a Diffie-Hellman group (RFC 7296 section 3.4).
type KE struct {
	Group uint16
	Data  []byte
}

// Type returns TypeKE.
func (KE) Type() PayloadType { return TypeKE }

func parseKE(r *reader) (Payload, error) {
	header, err := r.take(4, "KE")
	if err != nil {
		return nil, err
	}
	return KE{Group: binary.BigEndian.Uint16(header), Data: r.rest()}, nil
}

func (k KE) appendBody(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, k.Group)
	b = append(b, 0, 0)
	return append(b, k.Data...)
}

// Nonce is the freshness a side contributes (RFC 7296 section 3.9).
type Nonce []byte

// The RFC's bounds on a nonce, in octets.
const (
	minNonce = 16
	maxNonce = 256
)

// Type returns TypeNonce.
func (Nonce) Type() PayloadType { return TypeNonce }

func parseNonce(r *reader) (Payload, error) {
	if n := r.len(); n < minNonce || n > maxNonce {
		return nil, malformed(r.offset, "nonce of %d octets, not %d to %d", n, minNonce, maxNonce)
	}
	return Nonce(r.rest()), nil
}

func (n Nonce) appendBody(b []byte) []byte { return append(b, n...) }

// VendorID names an implementation (RFC 7296 section 3.12).
type VendorID []byte

// Type returns TypeVendorID.
func (VendorID) Type() PayloadType            { return TypeVendorID }
func (v VendorID) appendBody(b []byte) []byte { return append(b, v...) }

// IDType is the form of an identity (RFC 7296 section 3.5).
type IDType uint8

// The identity forms we read and write.
const (
	IDIPv4Addr   IDType = 1
	IDFQDN       IDType = 2
	IDRFC822Addr IDType = 3
	IDIPv6Addr   IDType = 5
	IDKeyID      IDType = 11
)

// ID is an identification payload, IDi or IDr.
type ID struct {
	// Responder says that it is IDr.
	Responder bool
	Form      IDType
	Data      []byte
}

// keyIDPrefix begins a key ID as operators write it.
const keyIDPrefix = "key-id:"

// ParseIdentity reads an identity as operators write it: an address, a
// user@domain, key-id: and a text, or else a domain name.
func ParseIdentity(text string) (ID, error) {
	if text == "" {
		return ID{}, fmt.Errorf("the identity is empty")
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		return AddressIdentity(addr), nil
	}
	if strings.ContainsFunc(text, notInAName) {
		return ID{}, fmt.Errorf("identity %q holds blanks or characters outside ASCII", text)
	}
	if key, ok := strings.CutPrefix(text, keyIDPrefix); ok {
		if key == "" {
			return ID{}, fmt.Errorf("identity %q names no key ID", text)
		}
		return ID{Form: IDKeyID, Data: []byte(key)}, nil
	}
	if strings.Contains(text, "@") {
		return ID{Form: IDRFC822Addr, Data: []byte(text)}, nil
	}
	return ID{Form: IDFQDN, Data: []byte(text)}, nil
}

func notInAName(r rune) bool { return r <= ' ' || r > '~' }

// AddressIdentity returns the identity that is an address.
func AddressIdentity(addr netip.Addr) ID {
	addr = addr.Unmap()
	if addr.Is4() {
		return ID{Form: IDIPv4Addr, Data: addr.AsSlice()}
	}
	return ID{Form: IDIPv6Addr, Data: addr.AsSlice()}
}

// Same reports whether both are the same identity, in form and value. A name
// that looks like an address is not that address. Domain names are compared
// without regard to case.
func (id ID) Same(other ID) bool {
	if id.Form != other.Form {
		return false
	}
	if id.Form == IDFQDN {
		return strings.EqualFold(string(id.Data), string(other.Data))
	}
	return string(id.Data) == string(other.Data)
}

// String returns the identity as operators write it.
func (id ID) String() string {
	switch id.Form {
	case IDIPv4Addr, IDIPv6Addr:
		if addr, ok := netip.AddrFromSlice(id.Data); ok {
			return addr.String()
		}
	case IDFQDN, IDRFC822Addr:
		return strings.ToValidUTF8(string(id.Data), "?")
	case IDKeyID:
		if len(id.Data) > 0 && !strings.ContainsFunc(string(id.Data), notInAName) {
			return keyIDPrefix + string(id.Data)
		}
	}
	return fmt.Sprintf("identity of type %d %x", uint8(id.Form), id.Data)
}

// Type returns TypeIDi or TypeIDr.
func (id ID) Type() PayloadType {
	if id.Responder {
		return TypeIDr
	}
	return TypeIDi
}

func parseID(t PayloadType, r *reader) (Payload, error) {
	header, err := r.take(4, "identity")
	if err != nil {
		return nil, err
	}
	return ID{Responder: t == TypeIDr, Form: IDType(header[0]), Data: r.rest()}, nil
}

func (id ID) appendBody(b []byte) []byte {
	b = append(b, byte(id.Form), 0, 0, 0)
	return append(b, id.Data...)
}

// Body returns what AUTH covers of an identity: the payload without its generic
// header (RFC 7296 section 2.15).
func (id ID) Body() []byte { return id.appendBody(nil) }

// AuthMethod is how a side proves who it is (RFC 7296 section 3.8).
type AuthMethod uint8

// AuthSharedKey is proof by a pre-shared key.
const AuthSharedKey AuthMethod = 2

// Auth carries that proof.
type Auth struct {
	Method AuthMethod
	Data   []byte
}

// Type returns TypeAuth.
func (Auth) Type() PayloadType { return TypeAuth }

func parseAuth(r *reader) (Payload, error) {
	header, err := r.take(4, "AUTH")
	if err != nil {
		return nil, err
	}
	return Auth{Method: AuthMethod(header[0]), Data: r.rest()}, nil
}

func (a Auth) appendBody(b []byte) []byte {
	b = append(b, byte(a.Method), 0, 0, 0)
	return append(b, a.Data...)
}
