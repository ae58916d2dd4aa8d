package siit

// quote is a translated packet within an ICMP error, by where it is.
type quote struct {
	start, end int
	// fragmented says that it had a fragment header in IPv6.
	fragmented bool
}

// mtu4 returns the MTU of IPv4 for one that the network told: packets like the
// quoted one grow by so much. It is not less than a link may have (RFC 791, RFC
// 7915, 5.2).
func (q quote) mtu4(mtu6 uint32) int {
	longer := header6 - header4
	if q.fragmented {
		longer += fragmentHeader
	}
	return max(68, min(int(mtu6), 0xffff)-longer)
}

// quote6 translates the packet at b[start:end], which may be cut short. It was sent
// to us.
func (t *Translator) quote6(b []byte, start, end int) (quote, error) {
	p := b[start:end]
	h, err := parse4(p)
	if err != nil {
		return quote{}, err
	}
	out, err := t.requote6(&h)
	if err != nil {
		return quote{}, err
	}
	payload := p[h.start:min(len(p), h.start+h.size)]
	if h.protocol == icmp4 {
		out.protocol = icmp6
		err = requoteEcho(payload, echo6, 0, add(pseudo6(&out), pseudo(icmp6, h.size)))
	} else {
		err = readdress(payload, &h.header, pseudo4(&h), pseudo6(&out), false)
	}
	if err != nil {
		return quote{}, err
	}
	at := start + h.start
	return quote{put6(b, at, out), at + len(payload), h.fragmented}, nil
}

// quote4 is quote6 in the other direction, for a packet that we sent.
func (t *Translator) quote4(b []byte, start, end int) (quote, error) {
	p := b[start:end]
	h, err := parse6(p)
	if err != nil {
		return quote{}, err
	}
	out, err := t.requote4(&h)
	if err != nil {
		return quote{}, err
	}
	if header4+h.size > 0xffff {
		return quote{}, errSize
	}
	payload := p[h.start:min(len(p), h.start+h.size)]
	if h.protocol == icmp6 {
		out.protocol = icmp4
		err = requoteEcho(payload, echo4, add(pseudo6(&h), pseudo(icmp6, h.size)), 0)
	} else {
		err = readdress(payload, &h.header, pseudo6(&h), pseudo4(&out), false)
	}
	if err != nil {
		return quote{}, err
	}
	at := start + h.start
	return quote{put4(b, at, out, !h.fragmented), at + len(payload), h.fragmented}, nil
}

// requoteEcho translates a quoted echo message. Other messages of ICMP give no cause
// for an error.
func requoteEcho(message []byte, echo func(byte) (byte, bool), from, to uint64) error {
	if len(message) < 4 {
		return errMalformed
	}
	kind, ok := echo(message[0])
	if !ok {
		return errICMP
	}
	retype(message, kind, from, to)
	return nil
}
