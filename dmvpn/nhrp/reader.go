package nhrp

import "net/netip"

// addressLenMask holds the length in the type-and-length octet of an NBMA
// address. The bits above it mark E.164 numbers and are zero for IP.
const addressLenMask = 0x3f

// reader takes bytes from the front of b and knows for error messages at which
// offset of the packet b starts.
type reader struct {
	b   []byte
	off int
}

// take returns the next n bytes, which are those of what.
func (r *reader) take(n int, what string) ([]byte, error) {
	if n > len(r.b) {
		return nil, protocolError(r.off, "%s at offset %d needs %d octets, %d are left", what, r.off, n, len(r.b))
	}
	taken := r.b[:n:n]
	r.b, r.off = r.b[n:], r.off+n
	return taken, nil
}

// address reads an address of n octets, which must be absent (n = 0) or of the
// family's length.
func (r *reader) address(n, want int, what string) (netip.Addr, error) {
	if n == 0 {
		return netip.Addr{}, nil
	}
	if n != want {
		return netip.Addr{}, protocolError(r.off, "%s at offset %d has %d octets, its family %d", what, r.off, n, want)
	}
	b, err := r.take(n, what)
	if err != nil {
		return netip.Addr{}, err
	}
	a, _ := netip.AddrFromSlice(b)
	return a, nil
}

// nbma reads the NBMA address announced by the type-and-length octet tl. The
// type of an address that is absent does not matter.
func (r *reader) nbma(tl byte, f Family) (netip.Addr, error) {
	if tl&addressLenMask != 0 && tl&^addressLenMask != 0 {
		return netip.Addr{}, protocolError(r.off, "NBMA address at offset %d is of type 0x%02x, not IP", r.off, tl&^addressLenMask)
	}
	return r.address(int(tl&addressLenMask), f.addressLen(), "NBMA address")
}

// subaddress reads the NBMA subaddress announced by tl.
func (r *reader) subaddress(tl byte) ([]byte, error) {
	n := int(tl & addressLenMask)
	if n == 0 {
		return nil, nil
	}
	return r.take(n, "NBMA subaddress")
}
