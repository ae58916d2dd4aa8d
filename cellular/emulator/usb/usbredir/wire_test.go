package usbredir

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
)

// octets reads hexadecimal digits with spaces between.
func octets(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPackets(t *testing.T) {
	for _, test := range []struct {
		idLen  int
		packet packet
		octets string
	}{
		{4, packet{kindReset, 7, []byte{}}, "03000000 00000000 07000000"},
		{8, packet{kindSetConfiguration, 0x100000002, []byte{1}}, "06000000 01000000 02000000 01000000 01"},
		{8, packet{kindSetAlternate, 3, []byte{1, 1}}, "09000000 02000000 03000000 00000000 0101"},
	} {
		want := octets(t, test.octets)
		if got := test.packet.octets(test.idLen); !bytes.Equal(got, want) {
			t.Errorf("%v: % x, want % x", test.packet, got, want)
		}
		if got, err := readPacket(bytes.NewReader(want), test.idLen); err != nil || !reflect.DeepEqual(got, test.packet) {
			t.Errorf("%s: %v, %v", test.octets, got, err)
		}
		if _, err := readPacket(bytes.NewReader(want[:len(want)-1]), test.idLen); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, cut short: %v", test.octets, err)
		}
	}
	if _, err := readPacket(bytes.NewReader(octets(t, "65000000 01001000 00000000")), 4); !errors.Is(err, errMalformed) {
		t.Errorf("a megabyte: %v", err)
	}
}

func TestHello(t *testing.T) {
	body := append(append([]byte("qemu usb-redir guest 7.2"), make([]byte, 40)...), 0x76, 0, 0, 0)
	want := hello{"qemu usb-redir guest 7.2", 0x76}
	if got, err := parseHello(body); err != nil || got != want {
		t.Errorf("parsed %+v, %v", got, err)
	}
	if got := want.body(); !bytes.Equal(got, body) {
		t.Errorf("written % x, want % x", got, body)
	}
	if got, err := parseHello(body[:versionLen]); err != nil || got.capabilities != 0 {
		t.Errorf("without capabilities: %+v, %v", got, err)
	}
	for _, n := range []int{0, 63, 66} {
		if _, err := parseHello(body[:n]); !errors.Is(err, errMalformed) {
			t.Errorf("%d octets: %v", n, err)
		}
	}
}

func TestControlTransfers(t *testing.T) {
	for name, test := range map[string]struct {
		octets string
		want   controlTransfer
	}{
		"get a descriptor": {"80 06 80 00 0001 0000 4000", controlTransfer{0x80, 6, 0x80, 0, 0x100, 0, 64, []byte{}}},
		"send a command":   {"00 00 21 5a 0000 0200 0300 010203", controlTransfer{0, 0, 0x21, 0x5a, 0, 2, 3, []byte{1, 2, 3}}},
		"without data":     {"00 05 21 00 0000 0000 0000", controlTransfer{0, 5, 0x21, 0, 0, 0, 0, []byte{}}},
	} {
		b := octets(t, test.octets)
		if got, err := parseControl(b); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: parsed %+v, %v", name, got, err)
		}
		if got := test.want.body(); !bytes.Equal(got, b) {
			t.Errorf("%s: written % x, want % x", name, got, b)
		}
	}
	for name, text := range map[string]string{
		"cut short":     "80 06 80 00 0001 0000 40",
		"data missing":  "00 00 21 00 0000 0200 0300 0102",
		"data too many": "00 00 21 00 0000 0200 0300 01020304",
		"data inward":   "80 06 80 00 0001 0000 0100 01",
	} {
		if _, err := parseControl(octets(t, text)); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBulkTransfers(t *testing.T) {
	for name, test := range map[string]struct {
		octets string
		wide   bool
		want   bulkTransfer
	}{
		"receive":           {"82 00 0040 00000000 0000", true, bulkTransfer{0x82, 0, 0x4000, 0, []byte{}}},
		"receive much":      {"82 00 0000 00000000 0100", true, bulkTransfer{0x82, 0, 0x10000, 0, []byte{}}},
		"send":              {"02 00 0200 00000000 0000 aabb", true, bulkTransfer{2, 0, 2, 0, []byte{0xaa, 0xbb}}},
		"send the old way":  {"02 00 0200 00000000 aabb", false, bulkTransfer{2, 0, 2, 0, []byte{0xaa, 0xbb}}},
		"nothing, as a ZLP": {"02 00 0000 00000000 0000", true, bulkTransfer{2, 0, 0, 0, []byte{}}},
	} {
		b := octets(t, test.octets)
		if got, err := parseBulk(b, test.wide); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: parsed %+v, %v", name, got, err)
		}
		if got := test.want.body(test.wide); !bytes.Equal(got, b) {
			t.Errorf("%s: written % x, want % x", name, got, b)
		}
	}
	for name, text := range map[string]string{
		"cut short":     "82 00 0040 00000000 00",
		"data missing":  "02 00 0200 00000000 0000 aa",
		"data too many": "02 00 0200 00000000 0000 aabbcc",
		"data inward":   "82 00 0200 00000000 0000 aabb",
	} {
		if _, err := parseBulk(octets(t, text), true); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParse: what is read of a body is written as the same octets.
func FuzzParse(f *testing.F) {
	f.Add(octets(f, "80 06 80 00 0001 0000 4000"))
	f.Add(octets(f, "00 00 21 00 0000 0200 0300 010203"))
	f.Add(octets(f, "02 00 0200 00000000 0000 aabb"))
	f.Add(make([]byte, helloLen))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = parseHello(b)
		if c, err := parseControl(b); err == nil && !bytes.Equal(c.body(), b) {
			t.Errorf("control transfer % x written as % x", b, c.body())
		}
		for _, wide := range []bool{false, true} {
			if transfer, err := parseBulk(b, wide); err == nil && !bytes.Equal(transfer.body(wide), b) {
				t.Errorf("bulk transfer % x written as % x", b, transfer.body(wide))
			}
		}
	})
}
