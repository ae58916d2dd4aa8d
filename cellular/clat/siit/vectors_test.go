package siit

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/cellular/clat/nat64"
)

var (
	ours4 = netip.MustParseAddr("192.0.0.1")
	ours6 = netip.MustParseAddr("2001:db8:1::464")
	far4  = netip.MustParseAddr("198.51.100.7")
	wkp   = netip.MustParsePrefix("64:ff9b::/96")
)

// translator returns a new Translator to the network with the prefix.
func translator(t testing.TB, prefix netip.Prefix) *Translator {
	t.Helper()
	p, err := nat64.NewPrefix(prefix)
	if err != nil {
		t.Fatal(err)
	}
	return New(ours4, ours6, p, 1500)
}

// to6 translates a packet of IPv4 without changing it.
func to6(t *Translator, packet []byte) ([]byte, error) {
	b := make([]byte, Headroom+len(packet))
	copy(b[Headroom:], packet)
	return t.ToIPv6(b, len(packet))
}

// to4 translates a packet of IPv6 without changing it.
func to4(t *Translator, packet []byte) ([]byte, error) { return t.ToIPv4(bytes.Clone(packet)) }

// vector is a packet in both versions. We send it, or it is sent to us.
type vector struct {
	name   string
	sent   bool
	v4, v6 []byte
}

// vectors reads what testdata/vectors.py has written.
func vectors(t testing.TB) (all []vector) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		v4, err4 := hex.DecodeString(fields[2])
		v6, err6 := hex.DecodeString(fields[3])
		if err4 != nil || err6 != nil {
			t.Fatal(err4, err6)
		}
		all = append(all, vector{fields[0] + " " + fields[1], fields[1] == ">", v4, v6})
	}
	return all
}

// TestVectors translates packets that another program has made, and compares with
// what it made of them in the other version.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.name, func(t *testing.T) {
			from, to, translate := v.v6, v.v4, to4
			if v.sent {
				from, to, translate = v.v4, v.v6, to6
			}
			got, err := translate(translator(t, wkp), from)
			if err != nil || !bytes.Equal(got, to) {
				t.Errorf("%x\nis %x, %v\nwant %x", from, got, err, to)
			}
		})
	}
}
