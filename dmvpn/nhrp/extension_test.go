package nhrp

import "testing"

func TestExtensions(t *testing.T) {
	p := Packet{Extensions: []Extension{{Type: 0x33}, NewAuthentication("secret"), {Type: 0x34, Compulsory: true}}}
	if e, ok := p.Extension(Authentication); !ok || !e.Authenticates("secret") || e.Authenticates("secre") || e.Authenticates("") {
		t.Error("authentication does not tell the secret from others")
	}
	p.Extensions = append(p.Extensions, NewAuthentication("other"))
	if e, _ := p.Extension(Authentication); !e.Authenticates("secret") {
		t.Error("of two extensions of a type, the first does not count")
	}
	if (Extension{Type: VendorPrivate, Value: NewAuthentication("a").Value}).Authenticates("a") {
		t.Error("another extension authenticates")
	}
	if _, ok := p.Extension(NATAddress); ok {
		t.Error("found an extension that is not there")
	}
	if e, ok := p.Unrecognized(); !ok || e.Type != 0x34 {
		t.Errorf("Unrecognized = %v, %v", e, ok)
	}
	if oui, data, err := NewVendorPrivate([3]byte{0, 0, 12}, []byte("abc")).Vendor(); err != nil || oui != [3]byte{0, 0, 12} || string(data) != "abc" {
		t.Errorf("Vendor = %v, %q, %v", oui, data, err)
	}
	if _, _, err := (Extension{Type: VendorPrivate, Value: []byte{1}}).Vendor(); err == nil {
		t.Error("a vendor without identifier is accepted")
	}
	capabilities := Extension{Type: NATAddress, Value: make([]byte, 8)}
	if _, err := capabilities.CIEs(FamilyIPv4, ProtocolIPv4); err == nil {
		t.Error("device capabilities pass for NAT addresses")
	}
}
