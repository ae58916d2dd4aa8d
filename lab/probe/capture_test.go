package probe

import (
	"encoding/binary"
	"testing"
)

// udp returns an Ethernet frame with a UDP datagram to port.
func udp(port uint16, payload ...byte) []byte {
	datagram := make([]byte, 8)
	binary.BigEndian.PutUint16(datagram, 40000)
	binary.BigEndian.PutUint16(datagram[2:], port)
	return ip(17, append(datagram, payload...)...)
}

// ip returns an Ethernet frame with an IPv4 packet of a protocol.
func ip(protocol byte, payload ...byte) []byte {
	frame := make([]byte, 14+20)
	frame[12], frame[13] = 0x08, 0x00
	frame[14] = 0x45
	frame[14+9] = protocol
	copy(frame[14+16:], []byte{203, 0, 113, 1})
	return append(frame, payload...)
}

func TestClassify(t *testing.T) {
	multicast := ip(17)
	multicast[14+16] = 224
	for _, test := range []struct {
		name  string
		frame []byte
		want  Kind
	}{
		{"IKE", udp(500, 1, 2, 3, 4, 5, 6, 7, 8), IKE},
		{"IKE on port 4500", udp(4500, 0, 0, 0, 0, 1, 2, 3, 4), IKE},
		{"ESP in UDP", udp(4500, 0xc4, 0x25, 0x2c, 0xc1, 0, 0, 0, 1), ESP},
		{"an SPI that begins like a keepalive", udp(4500, 0xff, 0x25, 0x2c, 0xc1, 0, 0, 0, 1), ESP},
		{"NAT keepalive", udp(4500, 0xff), Keepalive},
		{"ESP", ip(50, 0xc4, 0x25, 0x2c, 0xc1), ESP},
		{"GRE", ip(47, 0x20, 0, 0x08, 0), ClearGRE},
		{"DHCP", udp(67), DHCP},
		{"DNS", udp(53), DNS},
		{"ping", ip(1, 8, 0), ICMP},
		{"multicast", multicast, Multicast},
		{"short IP", []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0x45}, Other},
		{"short frame", []byte{1}, Other},
		{"UDP without a header", ip(17, 1), Other},
	} {
		if got := Classify(test.frame); got != test.want {
			t.Errorf("%s is %s, want %s", test.name, got, test.want)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add(udp(4500, 0xff))
	f.Add(ip(47))
	f.Fuzz(func(_ *testing.T, frame []byte) { Classify(frame) })
}
