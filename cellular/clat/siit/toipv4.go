package siit

// notSplit is up to which size a packet of IPv4 may be fragmented on its way. A
// larger one comes from who knows the path's MTU (RFC 7915, 5.1).
const notSplit = 1260

// dummy is the address of routers that have none in IPv4 (RFC 7600).
var dummy = [4]byte{192, 0, 0, 8}

// ToIPv4 translates a packet of IPv6 and returns that of IPv4, which is within the
// same octets. On an error there is nothing to pass on.
func (t *Translator) ToIPv4(p []byte) ([]byte, error) {
	h, err := parse6(p)
	if err != nil {
		return nil, err
	}
	if h.start+h.size > len(p) {
		return nil, errMalformed
	}
	out, err := t.readdress4(&h, p)
	if err != nil {
		return nil, err
	}
	start, end := h.start, h.start+h.size
	if h.protocol == icmp6 {
		start, end, err = t.icmp4(p, start, end, &h, &out)
	} else {
		err = readdress(p[start:end], &h.header, pseudo6(&h), pseudo4(&out), true)
	}
	if err != nil {
		return nil, err
	}
	if header4+out.size > 0xffff {
		return nil, errSize
	}
	if !out.fragmented {
		t.id++
		out.id = uint32(t.id)
	}
	dontFragment := !out.fragmented && header4+out.size > notSplit
	return p[put4(p, start, out, dontFragment):end], nil
}

// readdress4 returns the header of IPv4 for one of IPv6 that was sent to us.
func (t *Translator) readdress4(h *packet6, p []byte) (packet4, error) {
	if h.to != t.ours6 {
		return packet4{}, errAddress
	}
	from, ok := t.prefix.Extract(h.from)
	if !ok && isError6(p[h.start:], h) {
		from, ok = dummy, true
	}
	if !ok || !isHost(from) || from == t.ours4 {
		return packet4{}, errAddress
	}
	return packet4{h.header, from, t.ours4}, nil
}

// requote4 is readdress4 for a packet that we sent.
func (t *Translator) requote4(h *packet6) (packet4, error) {
	to, ok := t.prefix.Extract(h.to)
	if h.from != t.ours6 || !ok || !isHost(to) {
		return packet4{}, errAddress
	}
	return packet4{h.header, t.ours4, to}, nil
}
