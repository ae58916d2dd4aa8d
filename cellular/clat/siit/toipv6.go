package siit

// ToIPv6 translates the packet of IPv4 of n octets that begins at Headroom in the
// buffer, and returns that of IPv6, which is in the buffer too and ends at the same
// place or, an ICMP error, before. What it returns may be larger than the link
// carries: see Fragments. On an error there is nothing to send.
func (t *Translator) ToIPv6(b []byte, n int) ([]byte, error) {
	p := b[Headroom : Headroom+n]
	h, err := parse4(p)
	if err != nil {
		return nil, err
	}
	if h.start+h.size > n {
		return nil, errMalformed
	}
	out, err := t.readdress6(&h)
	if err != nil {
		return nil, err
	}
	start, end := Headroom+h.start, Headroom+h.start+h.size
	if h.protocol == icmp4 {
		start, end, err = t.icmp6(b, start, end, &out)
	} else {
		if err = readdress(b[start:end], &h.header, pseudo4(&h), pseudo6(&out), true); err == nil {
			err = complete(b[start:end], &out)
		}
	}
	if err != nil {
		return nil, err
	}
	return b[put6(b, start, out):end], nil
}

// readdress6 returns the header of IPv6 for one of IPv4 that we send.
func (t *Translator) readdress6(h *packet4) (packet6, error) {
	if h.from != t.ours4 || !isHost(h.to) {
		return packet6{}, errAddress
	}
	return packet6{h.header, t.ours6, t.prefix.Embed(h.to)}, nil
}

// requote6 is readdress6 for a packet that was sent to us.
func (t *Translator) requote6(h *packet4) (packet6, error) {
	if h.to != t.ours4 || !isHost(h.from) {
		return packet6{}, errAddress
	}
	return packet6{h.header, t.prefix.Embed(h.from), t.ours6}, nil
}

// isHost reports whether the address can be that of a host elsewhere: not one of
// this network, of a loopback, of the link alone, of a group or of none.
func isHost(a [4]byte) bool {
	return a[0] != 0 && a[0] != 127 && a[0] < 224 && !(a[0] == 169 && a[1] == 254)
}
