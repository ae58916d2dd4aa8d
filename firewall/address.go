package firewall

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// AddressRange is a run of addresses of one family. In text it is a prefix, an
// address, or two addresses joined by a hyphen. The zero AddressRange is not
// valid.
type AddressRange struct{ first, last netip.Addr }

// ParseAddressRange reads the text form of an AddressRange.
func ParseAddressRange(text string) (AddressRange, error) {
	if first, last, ok := strings.Cut(text, "-"); ok {
		a, errA := netip.ParseAddr(first)
		b, errB := netip.ParseAddr(last)
		switch {
		case errA != nil || errB != nil || a.Zone() != "" || b.Zone() != "" || a.Is4() != b.Is4():
			return AddressRange{}, fmt.Errorf("%q is not a range of addresses; write 192.0.2.10-192.0.2.20", text)
		case b.Less(a):
			return AddressRange{}, fmt.Errorf("the range %s runs backwards; write %s-%s", text, last, first)
		}
		return AddressRange{a, b}, nil
	}
	if strings.Contains(text, "/") {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil:
			return AddressRange{}, fmt.Errorf("%q is not a prefix; write 192.0.2.0/24 or 2001:db8::/32", text)
		case p != p.Masked():
			return AddressRange{}, fmt.Errorf("%s has bits beyond its length; write %s", text, p.Masked())
		}
		return rangeOf(p), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return AddressRange{}, fmt.Errorf("%q is not an address; write 192.0.2.1, 192.0.2.0/24 or 192.0.2.10-192.0.2.20", text)
	}
	return AddressRange{a, a}, nil
}

func rangeOf(p netip.Prefix) AddressRange {
	last := p.Addr().AsSlice()
	for i := p.Bits(); i < len(last)*8; i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	end, _ := netip.AddrFromSlice(last)
	return AddressRange{p.Addr(), end}
}

// prefix returns the range as a prefix if it is one.
func (r AddressRange) prefix() (netip.Prefix, bool) {
	for bits := r.first.BitLen(); bits >= 0; bits-- {
		p, err := r.first.Prefix(bits)
		if err != nil || p.Addr() != r.first {
			return netip.Prefix{}, false
		}
		switch end := rangeOf(p).last; {
		case end == r.last:
			return p, true
		case r.last.Less(end):
			return netip.Prefix{}, false
		}
	}
	return netip.Prefix{}, false
}

// v6 reports whether the addresses are IPv6.
func (r AddressRange) v6() bool { return r.first.Is6() }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *AddressRange) UnmarshalText(text []byte) error {
	parsed, err := ParseAddressRange(string(text))
	if err != nil {
		return err
	}
	*r = parsed
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (r AddressRange) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// String returns the text that ParseAddressRange reads, in its shortest form.
func (r AddressRange) String() string {
	if r.first == r.last {
		return r.first.String()
	}
	if p, ok := r.prefix(); ok {
		return p.String()
	}
	return r.first.String() + "-" + r.last.String()
}

// family returns the ranges of one family in order, with those merged that
// overlap or touch: the kernel refuses a set whose intervals do.
func family(ranges []AddressRange, v6 bool) []AddressRange {
	all := slices.DeleteFunc(slices.Clone(ranges), func(r AddressRange) bool { return r.v6() != v6 })
	slices.SortFunc(all, func(a, b AddressRange) int {
		return cmp.Or(a.first.Compare(b.first), a.last.Compare(b.last))
	})
	var merged []AddressRange
	for _, r := range all {
		if n := len(merged); n > 0 {
			// The address after the last one of all is not valid, and less.
			if next := merged[n-1].last.Next(); !next.IsValid() || !next.Less(r.first) {
				if merged[n-1].last.Less(r.last) {
					merged[n-1].last = r.last
				}
				continue
			}
		}
		merged = append(merged, r)
	}
	return merged
}
