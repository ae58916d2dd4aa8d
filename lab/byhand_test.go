package main

import (
	"strings"
	"testing"
)

const twoKernelSAs = `src 100.64.0.84 dst 203.0.113.1
	proto esp spi 0xc5aa0001(3316252673) reqid 1718841345(0x66737001) mode transport
	replay-window 0 seq 0x00000000 flag  (0x00000000)
	aead rfc4106(gcm(aes)) 0x00112233 (288 bits) 128
	encap type espinudp sport 4500 dport 4501 addr 0.0.0.0
	anti-replay esn context:
	 seq-hi 0x0, seq 0x0, oseq-hi 0x0, oseq 0x1c
	 replay_window 0, bitmap-length 0
	sel src 0.0.0.0/0 dst 0.0.0.0/0 proto 47 uid 0
	stats:
	  replay-window 0 replay 0 failed 0
src 203.0.113.1 dst 100.64.0.84
	proto esp spi 0x09945d51(160718161) reqid 1718841345(0x66737001) mode transport
	replay-window 0 seq 0x00000000 flag  (0x00000000)
	aead rfc4106(gcm(aes)) 0x44556677 (288 bits) 128
	encap type espinudp sport 4501 dport 4500 addr 0.0.0.0
	anti-replay esn context:
	 seq-hi 0x0, seq 0x12, oseq-hi 0x0, oseq 0x0
	 replay_window 256, bitmap-length 8
	 00000000 00000000 00000000 00000000 00000000 00000000 00000000 0003ffff
	sel src 0.0.0.0/0 dst 0.0.0.0/0 proto 47 uid 0
`

func TestReplaceKernelSA(t *testing.T) {
	sas, err := parseKernelSAs(twoKernelSAs)
	if err != nil {
		t.Fatal(err)
	}
	if len(sas) != 2 {
		t.Fatalf("%d SAs, want 2: %+v", len(sas), sas)
	}
	for i, want := range []string{
		"src 100.64.0.84 dst 203.0.113.1 proto esp spi 0xc5aa0001 reqid 1718841345 mode transport replay-window 0 replay-oseq 65564 aead 'rfc4106(gcm(aes))' 0x00112233 128 encap espinudp 4500 4501 0.0.0.0",
		"src 203.0.113.1 dst 100.64.0.84 proto esp spi 0x09945d51 reqid 1718841345 mode transport replay-window 256 aead 'rfc4106(gcm(aes))' 0x44556677 128 encap espinudp 4501 4500 0.0.0.0",
	} {
		if got := sas[i].replace(); !strings.HasSuffix(got, " xfrm state add "+want) {
			t.Errorf("got  %s\nwant … %s", got, want)
		}
	}
	if _, err := parseKernelSAs(strings.ReplaceAll(twoKernelSAs, "aead", "enc")); err == nil {
		t.Error("an SA of other algorithms is taken")
	}
}
