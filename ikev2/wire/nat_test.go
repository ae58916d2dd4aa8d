package wire

import (
	"encoding/hex"
	"net/netip"
	"testing"
)

func TestNATHash(t *testing.T) {
	at := netip.MustParseAddrPort("192.0.2.1:4500")
	// printf '\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\0\0\0\0\0\xc0\0\x02\x01\x11\x94' | sha1sum
	const want = "70433ceb72d8683e19437d7cbaca3f3fc2eb8e6f"
	if got := hex.EncodeToString(NATHash(0x0102030405060708, 0, at)); got != want {
		t.Errorf("hash = %s, want %s", got, want)
	}
}

func TestFindNATPort(t *testing.T) {
	addr := netip.MustParseAddr("198.51.100.7")
	for _, port := range []uint16{0, 1, 4500, 49152, 65535} {
		hash := NATHash(1, 2, netip.AddrPortFrom(addr, port))
		for _, likely := range [][]uint16{nil, {port}, {9, port}, {9}} {
			if got, ok := FindNATPort(1, 2, addr, hash, likely...); !ok || got != port {
				t.Errorf("port %d, likely %v: found %d, %v", port, likely, got, ok)
			}
		}
	}
	hash := NATHash(1, 2, netip.AddrPortFrom(addr, 4500))
	if got, ok := FindNATPort(1, 3, addr, hash, 4500); ok {
		t.Errorf("port %d is found under another SPI", got)
	}
	if got, ok := FindNATPort(1, 2, addr.Next(), hash, 4500); ok {
		t.Errorf("port %d is found of another address", got)
	}
}

func BenchmarkFindNATPort(b *testing.B) {
	addr, hash := netip.MustParseAddr("198.51.100.7"), make([]byte, 20)
	for b.Loop() {
		FindNATPort(1, 2, addr, hash)
	}
}
