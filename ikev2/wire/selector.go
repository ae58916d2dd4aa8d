package wire

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// TS is a traffic selector payload, TSi or TSr (RFC 7296 section 3.13).
type TS struct {
	// Responder says that it is TSr.
	Responder bool
	Selectors []Selector
}

// Selector is a range of addresses and ports of one protocol. A selector whose
// form we do not know has invalid addresses and matches nothing.
type Selector struct {
	// Protocol is an IP protocol number, 0 for any.
	Protocol            uint8
	FirstPort, LastPort uint16
	First, Last         netip.Addr
}

const (
	selectorHeaderLength = 8
	selectorIPv4         = 7
	selectorIPv6         = 8
)

// HostSelector selects one protocol of one host, all ports.
func HostSelector(host netip.Addr, protocol uint8) Selector {
	return Selector{Protocol: protocol, LastPort: 0xffff, First: host, Last: host}
}

// AnySelector selects one protocol of every IPv4 host, all ports.
func AnySelector(protocol uint8) Selector {
	return Selector{
		Protocol: protocol, LastPort: 0xffff,
		First: netip.IPv4Unspecified(), Last: netip.AddrFrom4([4]byte{255, 255, 255, 255}),
	}
}

// Covers reports whether all ports of the given protocol of host are within s.
func (s Selector) Covers(host netip.Addr, protocol uint8) bool {
	return s.First.IsValid() && s.First.BitLen() == host.BitLen() &&
		(s.Protocol == 0 || s.Protocol == protocol) &&
		s.FirstPort == 0 && s.LastPort == 0xffff &&
		s.First.Compare(host) <= 0 && host.Compare(s.Last) <= 0
}

// String returns the selector as strongSwan prints it.
func (s Selector) String() string {
	if s.First == s.Last {
		return fmt.Sprintf("%s/%d[%d]", s.First, s.First.BitLen(), s.Protocol)
	}
	return fmt.Sprintf("%s..%s[%d]", s.First, s.Last, s.Protocol)
}

// Type returns TypeTSi or TypeTSr.
func (ts TS) Type() PayloadType {
	if ts.Responder {
		return TypeTSr
	}
	return TypeTSi
}

func parseTS(t PayloadType, r *reader) (Payload, error) {
	start := r.offset
	header, err := r.take(4, "traffic selectors")
	if err != nil {
		return nil, err
	}
	count := int(header[0])
	if count == 0 || count > maxSelectors {
		return nil, malformed(start, "%d traffic selectors, not 1 to %d", count, maxSelectors)
	}
	ts := TS{Responder: t == TypeTSr}
	for range count {
		s, err := parseSelector(r)
		if err != nil {
			return nil, err
		}
		ts.Selectors = append(ts.Selectors, s)
	}
	if r.len() > 0 {
		return nil, malformed(r.offset, "%d octets follow the last traffic selector", r.len())
	}
	return ts, nil
}

func parseSelector(r *reader) (Selector, error) {
	start := r.offset
	header, err := r.take(selectorHeaderLength, "traffic selector")
	if err != nil {
		return Selector{}, err
	}
	length := int(binary.BigEndian.Uint16(header[2:]))
	if length < selectorHeaderLength {
		return Selector{}, malformed(start+2, "traffic selector claims %d octets", length)
	}
	body, err := r.take(length-selectorHeaderLength, "traffic selector")
	if err != nil {
		return Selector{}, err
	}
	s := Selector{
		Protocol:  header[1],
		FirstPort: binary.BigEndian.Uint16(header[4:]),
		LastPort:  binary.BigEndian.Uint16(header[6:]),
	}
	switch {
	case header[0] == selectorIPv4 && len(body) == 8, header[0] == selectorIPv6 && len(body) == 32:
		s.First, _ = netip.AddrFromSlice(body[:len(body)/2])
		s.Last, _ = netip.AddrFromSlice(body[len(body)/2:])
	case header[0] == selectorIPv4 || header[0] == selectorIPv6:
		return Selector{}, malformed(start+2, "traffic selector holds %d octets of addresses", len(body))
	}
	return s, nil
}

func (ts TS) appendBody(b []byte) []byte {
	b = append(b, byte(len(ts.Selectors)), 0, 0, 0)
	for _, s := range ts.Selectors {
		form := byte(selectorIPv4)
		if s.First.Is6() {
			form = selectorIPv6
		}
		addresses := append(s.First.AsSlice(), s.Last.AsSlice()...)
		b = append(b, form, s.Protocol)
		b = binary.BigEndian.AppendUint16(b, uint16(selectorHeaderLength+len(addresses)))
		b = binary.BigEndian.AppendUint16(b, s.FirstPort)
		b = binary.BigEndian.AppendUint16(b, s.LastPort)
		b = append(b, addresses...)
	}
	return b
}
