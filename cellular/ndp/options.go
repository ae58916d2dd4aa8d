package ndp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
)

// Options of an advertisement, and their lengths in octets: of RFC 4861, 4.6, of RFC
// 8106, 5.1, for name servers, and of RFC 8781, 4, for a NAT64.
const (
	optionPrefix = 3
	optionMTU    = 5
	optionDNS    = 25
	optionPREF64 = 38

	optionUnit   = 8
	prefixLength = 32
	mtuLength    = 8
	dnsHeader    = 8
	pref64Length = 16
)

// lifetimeUnit is that of a NAT64's prefix.
const lifetimeUnit = 8 * time.Second

// pref64Lengths are how long such a prefix is, in bits, by its code.
var pref64Lengths = []int{96, 64, 56, 48, 40, 32}

// autonomous marks a prefix of which hosts make addresses.
const autonomous = 0x40

// readOptions reads the options of an advertisement. One without a length is an error
// (RFC 4861, 4.6), as nothing can be found behind it.
func (a *Advertisement) readOptions(options []byte) error {
	for len(options) > 0 {
		if len(options) < 2 || options[1] == 0 || int(options[1])*optionUnit > len(options) {
			return fmt.Errorf("router advertisement with an option that is cut: % x", options[:min(len(options), optionUnit)])
		}
		option := options[:int(options[1])*optionUnit]
		options = options[len(option):]
		a.readOption(option)
	}
	return nil
}

func (a *Advertisement) readOption(option []byte) {
	switch kind, length := option[0], len(option); {
	case kind == optionPrefix && length == prefixLength && option[3]&autonomous != 0 && option[2] <= 128:
		a.Prefixes = append(a.Prefixes, Prefix{
			Prefix: netip.PrefixFrom(netip.AddrFrom16([16]byte(option[16:])), int(option[2])),
			Valid:  seconds(option[4:]), Preferred: seconds(option[8:]),
		})
	case kind == optionMTU && length == mtuLength:
		a.MTU = int(binary.BigEndian.Uint32(option[4:]))
	case kind == optionDNS:
		for addresses := option[dnsHeader:]; len(addresses) >= 16; addresses = addresses[16:] {
			a.DNS = append(a.DNS, Server{netip.AddrFrom16([16]byte(addresses)), seconds(option[4:])})
		}
	case kind == optionPREF64 && length == pref64Length:
		a.readPREF64(option)
	}
}

// readPREF64 reads the prefix of a NAT64: 13 bits of lifetime, three that say how long
// it is, and its first 96 bits. Lengths that there are not are passed over (RFC 8781,
// 4).
func (a *Advertisement) readPREF64(option []byte) {
	word := binary.BigEndian.Uint16(option[2:])
	code := int(word & 7)
	if code >= len(pref64Lengths) {
		return
	}
	var address [16]byte
	copy(address[:], option[4:])
	valid := time.Duration(word>>3) * lifetimeUnit
	a.NAT64 = append(a.NAT64, Prefix{netip.PrefixFrom(netip.AddrFrom16(address), pref64Lengths[code]), valid, valid})
}

// seconds reads a lifetime.
func seconds(b []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint32(b)) * time.Second
}
