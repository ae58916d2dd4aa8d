package usb

import (
	"bytes"
	"testing"
)

const (
	fromHost = "0250f3000001 021122334455"
	toHost   = "021122334455 0250f3000001"
	hostIPv6 = "20010db8000000000000000000000001"
	gateIPv6 = "20010db80000000000000000000000fe"
)

func TestStationAnswers(t *testing.T) {
	for name, test := range map[string]struct{ frame, packet, answer string }{
		"who has the gateway": {
			"ffffffffffff 021122334455 0806 0001080006040001 021122334455 c0000202 000000000000 c0000201", "",
			toHost + "0806 0001080006040002 0250f3000001 c0000201 021122334455 c0000202"},
		"somebody has my address?": {
			"ffffffffffff 021122334455 0806 0001080006040001 021122334455 00000000 000000000000 c0000202", "", ""},
		"I have my address": {
			"ffffffffffff 021122334455 0806 0001080006040001 021122334455 c0000202 000000000000 c0000202", "", ""},
		"an answer": {
			fromHost + "0806 0001080006040002 021122334455 c0000202 0250f3000001 c0000201", "", ""},
		"half a question": {fromHost + "0806 0001080006040001 0211", "", ""},
		"IPv4":            {fromHost + "0800" + pingDigits, pingDigits, ""},
		"who is the IPv6 gateway": {
			"3333ff0000fe 021122334455 86dd 60000000 0020 3a ff" + hostIPv6 + "ff0200000000000000000001ff0000fe" +
				"87000000 00000000" + gateIPv6 + "0101 021122334455", "",
			toHost + "86dd 60000000 0020 3a ff" + gateIPv6 + hostIPv6 +
				"8800 1529 e0000000" + gateIPv6 + "0201 0250f3000001"},
		"has somebody my IPv6 address?": {
			"3333ff0000fe 021122334455 86dd 60000000 0018 3a ff" + "00000000000000000000000000000000" + "ff0200000000000000000001ff000001" +
				"87000000 00000000" + hostIPv6, "", ""},
		"IPv6": {
			fromHost + "86dd 60000000 0000 3b 40" + hostIPv6 + gateIPv6, "60000000 0000 3b 40" + hostIPv6 + gateIPv6, ""},
		"a VLAN":       {fromHost + "8100 0005 0800" + pingDigits, "", ""},
		"from nobody":  {"ffffffffffff 000000000000 0806 0001080006040001 021122334455 c0000202 000000000000 c0000201", "", ""},
		"half a frame": {"0250f3000001 0211", "", ""},
	} {
		var s station
		packet, answer := s.receive(octets(t, test.frame))
		if !bytes.Equal(packet, octets(t, test.packet)) {
			t.Errorf("%s: packet % x, want %s", name, packet, test.packet)
		}
		if !bytes.Equal(answer, octets(t, test.answer)) {
			t.Errorf("%s: answer\n% x, want\n% x", name, answer, octets(t, test.answer))
		}
	}
}

func TestStationFrames(t *testing.T) {
	var s station
	if got, want := s.frame(ping), octets(t, "ffffffffffff 0250f3000001 0800"+pingDigits); !bytes.Equal(got, want) {
		t.Errorf("before the host is known: % x, want % x", got, want)
	}
	if got := s.frame([]byte("nonsense")); got != nil {
		t.Errorf("no IP packet: % x", got)
	}
}

func TestTrim(t *testing.T) {
	const header6 = "3b 40" + hostIPv6 + gateIPv6
	for name, test := range map[string]struct{ octets, want string }{
		"IPv4":             {pingDigits, pingDigits},
		"IPv4 and padding": {pingDigits + "00", pingDigits},
		"IPv6":             {"60000000 0008" + header6 + "0102030405060708 00", "60000000 0008" + header6 + "0102030405060708"},
		"IPv6 of no data":  {"60000000 0000" + header6, "60000000 0000" + header6},
		"IPv4, cut short":  {"45000015 00000000 40010000 c0000201 c0000202", ""},
		"IPv6, cut short":  {"60000000 0001" + header6, ""},
		"no length":        {"45000000 00000000 40010000 c0000201 c0000202", ""},
		"no IP":            {"05000014 00000000 40010000 c0000201 c0000202", ""},
		"nothing":          {"", ""},
	} {
		got, ok := trim(octets(t, test.octets))
		if !bytes.Equal(got, octets(t, test.want)) || ok != (test.want != "") {
			t.Errorf("%s: % x, %v, want %s", name, got, ok, test.want)
		}
	}
}

// FuzzStation: whatever the host sends, an answer is a frame to it.
func FuzzStation(f *testing.F) {
	f.Add(octets(f, "ffffffffffff 021122334455 0806 0001080006040001 021122334455 c0000202 000000000000 c0000201"))
	f.Add(octets(f, "3333ff0000fe 021122334455 86dd 60000000 0020 3a ff"+hostIPv6+"ff0200000000000000000001ff0000fe"+"87000000 00000000"+gateIPv6+"0101 021122334455"))
	f.Fuzz(func(t *testing.T, frame []byte) {
		var s station
		packet, answer := s.receive(frame)
		if answer != nil && (packet != nil || !bytes.Equal(answer[:macLen], frame[macLen:2*macLen])) {
			t.Fatalf("answer % x", answer)
		}
		if whole, ok := trim(packet); ok && len(s.frame(whole)) != frameHeader+len(whole) {
			t.Fatalf("a packet of %d octets in no frame", len(whole))
		}
	})
}
