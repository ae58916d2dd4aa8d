package xfrm

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("198.51.100.7")
)

// inbound is a plain SA behind NAT with everything on it.
func inbound() SA {
	return SA{
		Src: there, Dst: here, SPI: 0xc0ffee01, ReqID: 7, In: true,
		Encap:        &Encap{SrcPort: 61000, DstPort: 4500},
		Crypt:        &Algorithm{Name: "cbc(aes)", Key: sequence(32)},
		Auth:         &Algorithm{Name: "hmac(sha256)", Key: sequence(32), ICVBits: 128},
		ReplayWindow: 128,
		SoftPackets:  1 << 30, HardPackets: 1 << 31,
		SoftBytes: 1 << 40, HardBytes: 1 << 41,
	}
}

// outbound is an AEAD SA without NAT.
func outbound() SA {
	return SA{
		Src: here, Dst: there, SPI: 0xabad1dea, ReqID: 7,
		AEAD: &Algorithm{Name: "rfc4106(gcm(aes))", Key: sequence(20), ICVBits: 128},
	}
}

func sequence(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// goldenBytes joins lines of hexadecimal; a word "NxHH" repeats an octet, and
// what follows "#" is a remark.
func goldenBytes(t *testing.T, text string) []byte {
	t.Helper()
	var b []byte
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		for word := range strings.FieldsSeq(line) {
			var count, octet int
			if n, _ := fmt.Sscanf(word, "%dx%x", &count, &octet); n == 2 {
				b = append(b, slices.Repeat([]byte{byte(octet)}, count)...)
				continue
			}
			raw, err := hex.DecodeString(word)
			if err != nil {
				t.Fatalf("golden word %q: %v", word, err)
			}
			b = append(b, raw...)
		}
	}
	return b
}

const goldenInbound = `
	16x00 16x00 00000000 00000000 0200 00 00 2f 3x00 00000000 00000000 # selector: proto 47
	c0000201 12x00 c0ffee01 32 3x00                                    # to, SPI, ESP
	c6336407 12x00                                                     # from
	0000000000010000 0000000000020000                                  # byte limits
	0000004000000000 0000008000000000                                  # packet limits
	32x00                                                              # time limits: none
	32x00 12x00                                                        # counters
	00000000 07000000 0200 00 00 00 7x00                               # seq, reqid, IPv4, transport
	6c00 1400 686d616328736861323536 29 52x00 00010000 80000000
	000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f   # hmac(sha256), 128 bits
	6800 0200 63626328616573 29 56x00 00010000
	000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f   # cbc(aes)
	1c00 0400 0200 ee48 1194 0000 16x00                                # ESP in UDP, 61000 to 4500
	0800 2000 01000000                                                 # a mapping event a second
	0500 2100 01 3x00                                                  # direction in
	2c00 1700 04000000 00000000 00000000 00000000 00000000 80000000 16x00 # window 128
`

const goldenOutbound = `
	16x00 16x00 00000000 00000000 0200 00 00 2f 3x00 00000000 00000000
	c6336407 12x00 abad1dea 32 3x00
	c0000201 12x00
	32xff 32x00
	32x00 12x00
	00000000 07000000 0200 00 00 00 7x00
	6000 1200 72666334313036 2867636d28616573 2929 47x00 a0000000 80000000
	000102030405060708090a0b0c0d0e0f10111213                           # rfc4106(gcm(aes)), 128 bits
	0500 2100 02 3x00                                                  # direction out
	1c00 1700 00000000 00000000 00000000 00000000 00000000 00000000    # no window
`

func TestSABytes(t *testing.T) {
	tests := []struct {
		name   string
		sa     SA
		golden string
	}{
		{"inbound", inbound(), goldenInbound},
		{"outbound", outbound(), goldenOutbound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := goldenBytes(t, test.golden)
			got, err := test.sa.marshal(replay{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(hex.Dump(want), hex.Dump(got)); diff != "" {
				t.Errorf("bytes (-want +got):\n%s", diff)
			}
			state, ours, err := parseState(want)
			if err != nil || !ours {
				t.Fatalf("parseState: ours %v, %v", ours, err)
			}
			if diff := cmp.Diff(test.sa, state.SA, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("parsed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestESN(t *testing.T) {
	for _, sa := range []SA{inbound(), outbound()} {
		sa.ESN = true
		r := replay{in: 3 << 32, bitmap: []uint32{1, 2, 3, 4}}
		want := r.in
		if !sa.In {
			r = replay{out: 5<<32 | 6}
			want = r.out
		}
		b, err := sa.marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		state, ours, err := parseState(b)
		if err != nil || !ours {
			t.Fatalf("parseState: ours %v, %v", ours, err)
		}
		if diff := cmp.Diff(sa, state.SA, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("parsed (-want +got):\n%s", diff)
		}
		if state.LastSequence != want {
			t.Errorf("last sequence number %#x, want %#x", state.LastSequence, want)
		}
		if sa.In && !slices.Equal(state.replay.bitmap, r.bitmap) {
			t.Errorf("bitmap = %v, want %v", state.replay.bitmap, r.bitmap)
		}
	}
}

func TestCountersAreRead(t *testing.T) {
	b := goldenBytes(t, goldenOutbound)
	native.PutUint64(b[160:], 1400) // octets
	native.PutUint64(b[168:], 2)    // packets
	native.PutUint32(b[196:], 3)    // replayed
	native.PutUint32(b[200:], 4)    // not authentic
	state, _, err := parseState(b)
	want := Counters{Bytes: 1400, Packets: 2, ReplayErrors: 3, BadICV: 4}
	if err != nil || state.Counters != want {
		t.Errorf("counters = %+v, %v; want %+v", state.Counters, err, want)
	}
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name   string
		change func(*SA)
		want   string
	}{
		{"IPv6", func(sa *SA) { sa.Dst = netip.IPv6Loopback() }, "IPv4"},
		{"no source", func(sa *SA) { sa.Src = netip.IPv4Unspecified() }, "IPv4"},
		{"reserved SPI", func(sa *SA) { sa.SPI = 255 }, "reserved"},
		{"no ReqID", func(sa *SA) { sa.ReqID = 0 }, "ReqID"},
		{"no window", func(sa *SA) { sa.ReplayWindow = 0 }, "replay window"},
		{"huge window", func(sa *SA) { sa.ReplayWindow = maxWindow + 1 }, "replay window"},
		{"window on the way out", func(sa *SA) { sa.In = false }, "want 0"},
		{"AEAD and cipher", func(sa *SA) { sa.AEAD = outbound().AEAD }, "both"},
		{"cipher alone", func(sa *SA) { sa.Auth = nil }, "integrity"},
		{"nothing", func(sa *SA) { sa.Auth, sa.Crypt = nil, nil }, "AEAD"},
		{"ICV left to the kernel", func(sa *SA) { sa.Auth.ICVBits = 0 }, "ICV"},
		{"nameless cipher", func(sa *SA) { sa.Crypt.Name = "" }, "name"},
		{"name too long", func(sa *SA) { sa.Crypt.Name = strings.Repeat("x", 64) }, "name"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			sa := inbound()
			test.change(&sa)
			if err := sa.check(); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want one about %q", err, test.want)
			}
		})
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	a := Algorithm{Name: "cbc(aes)", Key: []byte("hunter2hunter2hu")}
	forms := []string{"hunter2", "68756e74", "68 75 6e", "104 117 110", "0x68, 0x75"}
	sa := SA{Crypt: &a}
	state := State{SA: sa}
	var printed strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "% x"} {
		fmt.Fprintf(&printed, verb, a)
		fmt.Fprintf(&printed, verb, &a)
		fmt.Fprintf(&printed, verb, []Algorithm{a})
		fmt.Fprintf(&printed, verb, sa)
		fmt.Fprintf(&printed, verb, state)
	}
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("installed", "crypt", a, "pointer", &a)
	for _, form := range forms {
		if strings.Contains(strings.ToLower(printed.String()), form) {
			t.Errorf("key shows as %q in %s", form, printed.String())
		}
	}
	b, err := json.Marshal(a)
	var back Algorithm
	if err != nil || json.Unmarshal(b, &back) != nil || string(back.Key) != string(a.Key) {
		t.Errorf("a checkpoint loses the key: %s, %v", b, err)
	}
}

func FuzzParseState(f *testing.F) {
	for _, sa := range []SA{inbound(), outbound()} {
		b, err := sa.marshal(replay{})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		state, ours, err := parseState(b)
		if err != nil || !ours || state.check() != nil {
			return
		}
		again, err := state.marshal(state.replay)
		if err != nil {
			t.Fatal(err)
		}
		back, ours, err := parseState(again)
		if err != nil || !ours {
			t.Fatalf("own bytes: ours %v, %v", ours, err)
		}
		if diff := cmp.Diff(state.SA, back.SA, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("SA changes on the way (-first +second):\n%s", diff)
		}
	})
}
