package siit

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

// packet returns the octets of a hexadecimal text in which spaces do not matter.
func packet(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(text), []byte(" "), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Ends of headers, the addresses: from us to 198.51.100.7 and back.
const (
	sent4 = "c0000001 c6336407"
	sent6 = "20010db8000100000000000000000464 0064ff9b0000000000000000c6336407"
	back6 = "0064ff9b0000000000000000c6336407 20010db8000100000000000000000464"
)

// quotedUDP4 is the beginning of a UDP packet that was sent to us, quotedUDP6 that
// of one that we sent.
const (
	quotedUDP4 = "4500001c 00000000 40110000 c6336407 c0000001 11941194 0008dead"
	quotedUDP6 = "60000000 0008 11 40" + sent6 + "11941194 0008dead"
)

func TestDropsFromIPv4(t *testing.T) {
	for _, test := range []struct {
		name, packet string
		want         error
	}{
		{"nothing", "", errMalformed},
		{"half a header", "45000014 00000000", errMalformed},
		{"another version", "65000014 00000000 40110000" + sent4, errMalformed},
		{"header of 16 octets", "44000014 00000000 40110000" + sent4, errMalformed},
		{"header that is cut", "46000018 00000000 40110000" + sent4, errMalformed},
		{"length within the header", "45000013 00000000 40110000" + sent4, errMalformed},
		{"length beyond the end", "45000015 00000000 40110000" + sent4, errMalformed},
		{"option that is cut", "46000018 00000000 40320000" + sent4 + "01010107", errMalformed},
		{"option without an end", "46000018 00000000 40320000" + sent4 + "44050501", errMalformed},
		{"source route", "4700001c 00000000 40320000" + sent4 + "830704 0a000001 00", errRoute},
		{"source route, cut", "46000018 00000000 40320000" + sent4 + "01018902", errRoute},
		{"from another", "45000014 00000000 40320000 c0000002 c6336407", errAddress},
		{"to a loopback", "45000014 00000000 40320000 c0000001 7f000001", errAddress},
		{"to a group", "45000014 00000000 40320000 c0000001 e0000001", errAddress},
		{"to all", "45000014 00000000 40320000 c0000001 ffffffff", errAddress},
		{"to the link", "45000014 00000000 40320000 c0000001 a9fe0001", errAddress},
		{"hop-by-hop options", "45000014 00000000 40000000" + sent4, errProtocol},
		{"IGMP", "45000014 00000000 40020000" + sent4, errProtocol},
		{"routing header", "45000014 00000000 402b0000" + sent4, errProtocol},
		{"fragment header", "45000014 00000000 402c0000" + sent4, errProtocol},
		{"ICMPv6", "4500001c 00000000 403a0000" + sent4 + "80007fff 00000000", errProtocol},
		{"destination options", "45000014 00000000 403c0000" + sent4, errProtocol},
		{"UDP, cut", "4500001b 00000000 40110000" + sent4 + "11941194 000800", errMalformed},
		{"TCP, cut", "45000027 00000000 40060000" + sent4 + "119411940000000000000000501000000000ff", errMalformed},
		{"UDP without a checksum, length short", "4500001c 00000000 40110000" + sent4 + "11941194 00070000", errMalformed},
		{"UDP without a checksum, length long", "4500001c 00000000 40110000" + sent4 + "11941194 00090000", errMalformed},
		{"UDP without a checksum, fragment", "4500001c 00002000 40110000" + sent4 + "11941194 00100000", errFragment},
		{"ICMP, cut", "4500001b 00000000 40010000" + sent4 + "0800f7ff 000000", errMalformed},
		{"ICMP, first fragment", "4500001c 00002000 40010000" + sent4 + "0800f7ff 00000000", errFragment},
		{"ICMP, last fragment", "4500001c 00000001 40010000" + sent4 + "0800f7ff 00000000", errFragment},
		{"fragment that ends beyond all packets", "4500001d 00001fff 40320000" + sent4 + "000000000000000000", errMalformed},
		{"timestamp", "4500001c 00000000 40010000" + sent4 + "0d00f2ff 00000000", errICMP},
		{"redirect", "4500001c 00000000 40010000" + sent4 + "0501f2ff 00000000", errICMP},
		{"source quench", "4500001c 00000000 40010000" + sent4 + "0400f2ff 00000000", errICMP},
		{"precedence", "45000038 00000000 40010000" + sent4 + "030e0000 00000000" + quotedUDP4, errICMP},
		{"pointer to the checksum", "45000038 00000000 40010000" + sent4 + "0c000000 0a000000" + quotedUDP4, errICMP},
		{"pointer beyond the header", "45000038 00000000 40010000" + sent4 + "0c000000 14000000" + quotedUDP4, errICMP},
		{"error about nothing", "4500001c 00000000 40010000" + sent4 + "03030000 00000000", errMalformed},
		{"error about what was not sent to us", "45000038 00000000 40010000" + sent4 + "03030000 00000000 4500001c 00000000 40110000 c6336407 c0000002 11941194 0008dead", errAddress},
		{"error about an error", "45000038 00000000 40010000" + sent4 + "03030000 00000000 4500001c 00000000 40010000 c6336407 c0000001 03030000 00000000", errICMP},
	} {
		if got, err := to6(translator(t, wkp), packet(t, test.packet)); !errors.Is(err, test.want) {
			t.Errorf("%s: %x, %v, want %v", test.name, got, err, test.want)
		}
	}
}

func TestDropsFromIPv6(t *testing.T) {
	for _, test := range []struct {
		name, packet string
		want         error
	}{
		{"nothing", "", errMalformed},
		{"half a header", "60000000 0000 32 40", errMalformed},
		{"another version", "40000000 0000 32 40" + back6, errMalformed},
		{"length beyond the end", "60000000 0001 32 40" + back6, errMalformed},
		{"to another", "60000000 0000 32 40 0064ff9b0000000000000000c6336407 20010db8000100000000000000000465", errAddress},
		{"from outside of the prefix", "60000000 0000 32 40 20010db8000200000000000000000001 20010db8000100000000000000000464", errAddress},
		{"from a loopback", "60000000 0000 32 40 0064ff9b00000000000000007f000001 20010db8000100000000000000000464", errAddress},
		{"from ourselves", "60000000 0000 32 40 0064ff9b0000000000000000c0000001 20010db8000100000000000000000464", errAddress},
		{"echo from a router", "60000000 0008 3a 40 20010db8000200000000000000000001 20010db8000100000000000000000464 8000000000000000", errAddress},
		{"ICMPv4", "60000000 0008 01 40" + back6 + "0800f7ff 00000000", errProtocol},
		{"extension header cut", "60000000 0004 3c 40" + back6 + "11000000", errMalformed},
		{"extension header beyond the end", "60000000 0008 3c 40" + back6 + "11010000 00000000", errMalformed},
		{"extension header beyond the payload", "60000000 0008 3c 40" + back6 + "11010000 00000000 0000000000000000", errMalformed},
		{"extension header behind a fragment's", "60000000 0010 2c 40" + back6 + "3c000008 00000001 1100000000000000", errProtocol},
		{"two fragment headers", "60000000 0010 2c 40" + back6 + "2c000001 00000001 11000001 00000001", errMalformed},
		{"route not at its end", "60000000 0008 2b 40" + back6 + "11000001 00000000", errRoute},
		{"UDP, cut", "60000000 0007 11 40" + back6 + "11941194000800", errMalformed},
		{"ICMPv6, cut", "60000000 0007 3a 40" + back6 + "80000000000000", errMalformed},
		{"ICMPv6, fragment", "60000000 0010 2c 40" + back6 + "3a000001 00000001 8000000000000000", errFragment},
		{"router advertisement", "60000000 0010 3a ff" + back6 + "86000000000000000000000000000000", errICMP},
		{"neighbour solicitation", "60000000 0008 3a ff" + back6 + "8700000000000000", errICMP},
		{"policy", "60000000 0038 3a 40" + back6 + "01050000 00000000" + quotedUDP6, errICMP},
		{"pointer to the flow label", "60000000 0038 3a 40" + back6 + "04000000 00000002" + quotedUDP6, errICMP},
		{"pointer beyond the header", "60000000 0038 3a 40" + back6 + "04000000 00000028" + quotedUDP6, errICMP},
		{"error about nothing", "60000000 0008 3a 40" + back6 + "01040000 00000000", errMalformed},
		{"error about what we did not send", "60000000 0038 3a 40" + back6 + "01040000 00000000 60000000 0008 11 40" + back6 + "11941194 0008dead", errAddress},
		{"error about an error", "60000000 0038 3a 40" + back6 + "01040000 00000000 60000000 0008 3a 40" + sent6 + "0104000000000000", errICMP},
	} {
		if got, err := to4(translator(t, wkp), packet(t, test.packet)); !errors.Is(err, test.want) {
			t.Errorf("%s: %x, %v, want %v", test.name, got, err, test.want)
		}
	}
}

// TestTooLargeForIPv4: a payload of 65,535 octets has no room for a header.
func TestTooLargeForIPv4(t *testing.T) {
	p := append(packet(t, "60000000 ffff 32 40"+back6), make([]byte, 0xffff)...)
	if _, err := to4(translator(t, wkp), p); !errors.Is(err, errSize) {
		t.Errorf("err = %v, want %v", err, errSize)
	}
}

// TestErrorTables has each pair of type and code that RFC 7915, 4.2 and 5.2, name,
// with what is behind the checksum.
func TestErrorTables(t *testing.T) {
	for _, test := range []struct {
		sent       bool
		from, want string
	}{
		{true, "0300 00000000", "0100 00000000"},
		{true, "0301 00000000", "0100 00000000"},
		{true, "0302 00000000", "0401 00000006"},
		{true, "0303 00000000", "0104 00000000"},
		{true, "0305 00000000", "0100 00000000"},
		{true, "0306 00000000", "0100 00000000"},
		{true, "0307 00000000", "0100 00000000"},
		{true, "0308 00000000", "0100 00000000"},
		{true, "0309 00000000", "0101 00000000"},
		{true, "030a 00000000", "0101 00000000"},
		{true, "030b 00000000", "0100 00000000"},
		{true, "030c 00000000", "0100 00000000"},
		{true, "030d 00000000", "0101 00000000"},
		{true, "030f 00000000", "0101 00000000"},
		{true, "0304 0000 0578", "0200 0000058c"},
		{true, "0304 0000 05dc", "0200 000005dc"}, // not more than the link carries
		{true, "0304 0000 0000", "0200 00000500"}, // a router of old, about 28 octets
		{true, "0b00 00000000", "0300 00000000"},
		{true, "0b01 00000000", "0301 00000000"},
		{true, "0c00 00000000", "0400 00000000"},
		{true, "0c00 02000000", "0400 00000004"},
		{true, "0c02 08000000", "0400 00000007"},
		{true, "0c00 09000000", "0400 00000006"},
		{true, "0c00 0d000000", "0400 00000008"},
		{true, "0c00 10000000", "0400 00000018"},
		{false, "0100 00000000", "0301 00000000"},
		{false, "0101 00000000", "030a 00000000"},
		{false, "0102 00000000", "0301 00000000"},
		{false, "0103 00000000", "0301 00000000"},
		{false, "0104 00000000", "0303 00000000"},
		{false, "0200 00000500", "0304 000004ec"},
		{false, "0200 00000010", "0304 00000044"},
		{false, "0200 ffffffff", "0304 0000ffeb"},
		{false, "0300 00000000", "0b00 00000000"},
		{false, "0301 00000000", "0b01 00000000"},
		{false, "0400 00000001", "0c00 01000000"},
		{false, "0400 00000005", "0c00 02000000"},
		{false, "0400 00000006", "0c00 09000000"},
		{false, "0400 00000007", "0c00 08000000"},
		{false, "0400 00000008", "0c00 0c000000"},
		{false, "0400 00000027", "0c00 10000000"},
		{false, "0401 00000000", "0302 00000000"},
	} {
		said := packet(t, test.from)
		message := slices.Concat(said[:2], []byte{0, 0}, said[2:])
		var got []byte
		var err error
		if test.sent {
			got, err = to6(translator(t, wkp), slices.Concat(packet(t, "45000038 00000000 40010000"+sent4), message, packet(t, quotedUDP4)))
			got = got[min(len(got), header6):]
		} else {
			got, err = to4(translator(t, wkp), slices.Concat(packet(t, "60000000 0038 3a 40"+back6), message, packet(t, quotedUDP6)))
			got = got[min(len(got), header4):]
		}
		if err != nil || !bytes.Equal(slices.Concat(got[:2], got[4:8]), packet(t, test.want)) {
			t.Errorf("%s is %x, %v; want %s", test.from, got, err, test.want)
		}
	}
}

// TestErrorsAreCut: an error quotes as much as its own version lets it, and no
// extension (RFC 4884).
func TestErrorsAreCut(t *testing.T) {
	quote := slices.Concat(packet(t, "450005dc 00000000 40110000 c6336407 c0000001 11941194 05c8dead"), make([]byte, 1472))
	long := slices.Concat(packet(t, "450005f8 00000000 40010000"+sent4+"03030000 00000000"), quote)
	if got, err := to6(translator(t, wkp), long); err != nil || len(got) != maxError6 || !valid6(got) {
		t.Errorf("the error has %d octets, %v", len(got), err)
	}
	told := slices.Concat(packet(t, "450000b8 00000000 40010000"+sent4+"0b000000 00200000"), quote[:128], bytes.Repeat([]byte{0xee}, 28))
	if got, err := to6(translator(t, wkp), told); err != nil || len(got) != 40+8+40+108 || bytes.Contains(got, []byte{0xee}) || !valid6(got) {
		t.Errorf("with an extension it is %x, %v", got, err)
	}

	quote6 := slices.Concat(packet(t, "60000000 05c8 11 40"+sent6+"11941194 05c8dead"), make([]byte, 1472))
	long = slices.Concat(packet(t, "60000000 04d8 3a 40"+back6+"01040000 00000000"), quote6[:1232])
	if got, err := to4(translator(t, wkp), long); err != nil || len(got) != maxError4 || !valid4(got) {
		t.Errorf("the error has %d octets, %v", len(got), err)
	}
	told = slices.Concat(packet(t, "60000000 00a4 3a 40"+back6+"01040000 10000000"), quote6[:128], bytes.Repeat([]byte{0xee}, 28))
	if got, err := to4(translator(t, wkp), told); err != nil || len(got) != 20+8+20+88 || bytes.Contains(got, []byte{0xee}) || !valid4(got) {
		t.Errorf("with an extension it is %x, %v", got, err)
	}
}

// valid4 reports whether the checksums of a packet of IPv4 are right, by RFC 1071
// taken word by word.
func valid4(p []byte) bool {
	if onesComplement(p[:20]) != 0xffff {
		return false
	}
	payload := p[20:]
	switch p[9] {
	case icmp4:
		return onesComplement(payload) == 0xffff
	case tcp, udp:
		return p[9] == udp && payload[6] == 0 && payload[7] == 0 ||
			onesComplement(p[12:20], []byte{0, p[9]}, binary.BigEndian.AppendUint16(nil, uint16(len(payload))), payload) == 0xffff
	}
	return true
}

// valid6 is valid4 of IPv6, of packets without extension headers.
func valid6(p []byte) bool {
	switch p[6] {
	case tcp, udp, icmp6:
		return onesComplement(p[8:40], []byte{0, p[6]}, p[4:6], p[40:]) == 0xffff
	}
	return true
}

func onesComplement(parts ...[]byte) uint16 {
	total := 0
	all := slices.Concat(parts...)
	for i, octet := range all {
		if i%2 == 0 {
			total += int(octet) << 8
		} else {
			total += int(octet)
		}
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

// TestThereAndBack sends random packets by prefixes of all lengths to a translator
// with the roles exchanged, which is a network with one host. They come out as
// they went in, but for the identification and the flags of what is no fragment.
func TestThereAndBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, length := range []int{32, 40, 48, 56, 64, 96} {
		p := netip.PrefixFrom(netip.MustParseAddr("2001:db8:a1b2:c3d4::"), length).Masked()
		here := translator(t, p)
		there := translator(t, p)
		there.ours4 = far4.As4()
		there.ours6 = here.prefix.Embed(far4.As4())
		for range 2000 {
			sent := randomPacket(random)
			in6, err := to6(here, sent)
			if err != nil {
				t.Fatalf("%x: %v", sent, err)
			}
			if in6[6] != fragmentation && !valid6(in6) {
				t.Fatalf("%x is %x, whose checksum is wrong", sent, in6)
			}
			// In the network the packet is to the far host, and from an address
			// that the prefix has.
			from := here.prefix.Embed(here.ours4)
			readdressed(in6, [16]byte(in6[8:]), from)
			got, err := to4(there, in6)
			if err != nil {
				t.Fatalf("%x: %v", in6, err)
			}
			forgetIdentification(sent)
			forgetIdentification(got)
			if !bytes.Equal(got, sent) {
				t.Fatalf("length %d:\nsent %x\ngot  %x", length, sent, got)
			}
		}
	}
}

// readdressed exchanges the source of a packet, as a NAT does.
func readdressed(p []byte, from, to [16]byte) {
	h, _ := parse6(p)
	copy(p[8:], to[:])
	payload := p[h.start:]
	if h.protocol == icmp6 {
		binary.BigEndian.PutUint16(payload[2:], adjust(binary.BigEndian.Uint16(payload[2:]), sum(from[:]), sum(to[:])))
		return
	}
	_ = readdress(payload, &h.header, sum(from[:]), sum(to[:]), true)
}

// forgetIdentification removes from a packet what does not outlive two translations.
func forgetIdentification(p []byte) {
	if flags := binary.BigEndian.Uint16(p[6:]); flags&0x3fff == 0 {
		copy(p[4:8], []byte{0, 0, 0, 0})
	}
	p[10], p[11] = 0, 0
	binary.BigEndian.PutUint16(p[10:], ^onesComplement(p[:20]))
}

// randomPacket returns a valid packet that we send.
func randomPacket(random *rand.Rand) []byte {
	payload := make([]byte, 20+random.IntN(1400))
	for i := range payload {
		payload[i] = byte(random.Uint32())
	}
	h := packet4{header: header{
		class: byte(random.Uint32()), hops: byte(random.Uint32()), id: random.Uint32() & 0xffff, size: len(payload),
		protocol: []byte{tcp, udp, icmp4, 50, udplite, 132}[random.IntN(6)],
	}, from: ours4.As4(), to: far4.As4()}
	if h.protocol != icmp4 && random.IntN(4) == 0 {
		h.offset, h.more = uint16(random.IntN(8000)), random.IntN(2) == 0
	}
	switch {
	case h.protocol == icmp4:
		payload[0], payload[1], payload[2], payload[3] = []byte{echoRequest4, echoReply4}[random.IntN(2)], 0, 0, 0
		binary.BigEndian.PutUint16(payload[2:], ^onesComplement(payload))
	case h.first():
		pseudoHeader := slices.Concat(h.from[:], h.to[:], []byte{0, h.protocol}, binary.BigEndian.AppendUint16(nil, uint16(len(payload))))
		if at, _, ok := checksumAt(h.protocol); ok {
			payload[at], payload[at+1] = 0, 0
			checksum := ^onesComplement(pseudoHeader, payload)
			if checksum == 0 {
				checksum = 0xffff
			}
			binary.BigEndian.PutUint16(payload[at:], checksum)
		}
	}
	b := append(make([]byte, header4), payload...)
	put4(b, header4, h, !h.isFragment() && random.IntN(2) == 0)
	return b
}

// TestSum compares with the sum taken word by word, with all carries.
func TestSum(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for size := range 200 {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(random.Uint32()) | 0xf0
		}
		if got, want := fold(sum(b)), onesComplement(b); got != want {
			t.Errorf("sum of %x is %x, want %x", b, got, want)
		}
	}
	full := bytes.Repeat([]byte{0xff}, 1500)
	if got := fold(sum(full)); got != 0xffff {
		t.Errorf("sum of ones is %x", got)
	}
}
