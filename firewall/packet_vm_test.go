//go:build vm

package firewall

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// packet is an IPv4 packet without options.
type packet []byte

const ipHeader = 20

func (p packet) proto() protocol  { return protocol(p[9]) }
func (p packet) dest() netip.Addr { return netip.AddrFrom4([4]byte(p[16:20])) }

// ends reports whether the packet's payload ends in the text.
func (p packet) ends(text string) bool { return strings.HasSuffix(string(p), text) }

func (p packet) String() string { return fmt.Sprintf("%s to %s", p.proto(), p.dest()) }

// of returns the packets of a protocol.
func of(proto protocol, packets []packet) []packet {
	var found []packet
	for _, p := range packets {
		if p.proto() == proto {
			found = append(found, p)
		}
	}
	return found
}

// datagram builds a UDP packet. Its UDP checksum is zero, that is none.
func datagram(from, to netip.AddrPort, text string) packet {
	p := make([]byte, ipHeader+8, ipHeader+8+len(text))
	p[0] = 0x45
	binary.BigEndian.PutUint16(p[2:], uint16(cap(p)))
	p[8], p[9] = 64, byte(protoUDP)
	copy(p[12:], from.Addr().AsSlice())
	copy(p[16:], to.Addr().AsSlice())
	var sum uint32
	for i := 0; i < ipHeader; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum))
	binary.BigEndian.PutUint16(p[20:], from.Port())
	binary.BigEndian.PutUint16(p[22:], to.Port())
	binary.BigEndian.PutUint16(p[24:], uint16(8+len(text)))
	return append(p, text...)
}

// clearGRE sends a packet in the lab's tunnel without IPsec.
func clearGRE(t *testing.T, ns netns.NsHandle, to string, inner packet) {
	t.Helper()
	gre := []byte{0x20, 0, 0x08, 0, 0, 0, 0, tunnelKey}
	check(t, in(ns, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(protoGRE))
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return unix.Sendto(fd, append(gre, inner...), 0, &unix.SockaddrInet4{Addr: netip.MustParseAddr(to).As4()})
	}))
}
