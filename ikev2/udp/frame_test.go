package udp

import (
	"bytes"
	"testing"
)

func TestDeframe(t *testing.T) {
	message := bytes.Repeat([]byte{0x5a}, headerSize)
	marked := append([]byte{0, 0, 0, 0}, message...)
	tests := []struct {
		name     string
		port     uint16
		datagram []byte
		want     []byte
	}{
		{"message", Port, message, message},
		{"message behind the marker", PortNAT, marked, message},
		{"message behind the marker on an extra port", FirstExtra, marked, message},
		{"message without the marker on an extra port", FirstExtra, message, nil},
		{"empty datagram", Port, nil, nil},
		{"short message", Port, message[:headerSize-1], nil},
		{"NAT keepalive", PortNAT, []byte{0xff}, nil},
		{"marker cut short", PortNAT, []byte{0, 0, 0}, nil},
		{"marker alone", PortNAT, []byte{0, 0, 0, 0}, nil},
		{"short message behind the marker", PortNAT, marked[:len(marked)-1], nil},
		{"ESP", PortNAT, message, nil},
		{"ESP with an SPI that begins with zeros", PortNAT, append([]byte{0, 0, 0, 1}, message...), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, ok := deframe(test.port, test.datagram)
			if ok != (test.want != nil) {
				t.Fatalf("accepted = %v", ok)
			}
			if ok && !bytes.Equal(got, test.want) {
				t.Errorf("message = %x, want %x", got, test.want)
			}
		})
	}
}

func TestFrame(t *testing.T) {
	message := []byte{1, 2, 3}
	if got := frame(Port, message); !bytes.Equal(got, message) {
		t.Errorf("port 500: %x", got)
	}
	if got, want := frame(PortNAT, message), []byte{0, 0, 0, 0, 1, 2, 3}; !bytes.Equal(got, want) {
		t.Errorf("port 4500: %x, want %x", got, want)
	}
}

func FuzzDeframe(f *testing.F) {
	f.Add(uint16(PortNAT), []byte{0xff})
	f.Add(uint16(PortNAT), make([]byte, markerSize+headerSize))
	f.Add(uint16(Port), make([]byte, headerSize))
	f.Add(uint16(FirstExtra), make([]byte, markerSize+headerSize))
	f.Fuzz(func(t *testing.T, port uint16, datagram []byte) {
		message, ok := deframe(port, datagram)
		if !ok {
			return
		}
		if len(message) < headerSize {
			t.Errorf("message of %d octets accepted", len(message))
		}
		if !bytes.Equal(frame(port, message), datagram) {
			t.Errorf("%x does not come back", datagram)
		}
	})
}
