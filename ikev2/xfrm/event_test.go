package xfrm

import (
	"net/netip"
	"testing"

	"github.com/mdlayher/netlink"
)

const (
	goldenAcquire = `
	c6336407 12x00 00000000 32 3x00 c0000201 12x00                     # to, ESP, from
	c6336407 12x00 c0000201 12x00 00000000 00000000 0200 20 20 2f 3x00 00000000 00000000
	56x00 96x00 e8030000 09000000 01 00 00 00 4x00                     # the policy
	12xff 01000000                                                     # algorithms, seq
	4400 0500 16x00 00000000 32 3x00 0200 0000 16x00 07000000 00 00 00 00 12xff
`
	goldenMapping = `
	c0000201 12x00 c0ffee01 0200 32 00 07000000                        # SA, reqid
	c6336407 12x00 cb007109 12x00 ee48 eea0                            # old, new
`
)

func message(kind netlink.HeaderType, body []byte) netlink.Message {
	return netlink.Message{Header: netlink.Header{Type: kind}, Data: body}
}

func TestEventBytes(t *testing.T) {
	expire := append(goldenBytes(t, goldenInbound)[:224], 1, 0, 0, 0, 0, 0, 0, 0)
	id := ID{Dst: here, SPI: 0xc0ffee01}
	tests := []struct {
		name string
		kind netlink.HeaderType
		body []byte
		want Event
	}{
		{"acquire", msgAcquire, goldenBytes(t, goldenAcquire), Acquire{Src: here, Dst: there, Proto: 47, ReqID: 7}},
		{"expire", msgExpire, expire, Expire{ID: id, ReqID: 7, Hard: true}},
		{"mapping", msgMapping, goldenBytes(t, goldenMapping), Mapping{
			ID: id, ReqID: 7,
			Old: netip.AddrPortFrom(there, 61000),
			New: netip.MustParseAddrPort("203.0.113.9:61088"),
		}},
		{"expire of a larval SA", msgExpire, make([]byte, 232), nil},
		{"another message", msgNewSA, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := parseEvent(message(test.kind, test.body))
			if err != nil || got != test.want {
				t.Errorf("event = %+v, %v; want %+v", got, err, test.want)
			}
			if test.want == nil {
				return
			}
			if _, err := parseEvent(message(test.kind, test.body[:60])); err == nil {
				t.Error("a message cut short is accepted")
			}
		})
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add(uint16(msgAcquire), make([]byte, 280))
	f.Add(uint16(msgExpire), make([]byte, 232))
	f.Add(uint16(msgMapping), make([]byte, 64))
	f.Fuzz(func(t *testing.T, kind uint16, body []byte) {
		event, err := parseEvent(message(netlink.HeaderType(kind), body))
		if err != nil && event != nil {
			t.Errorf("both event %+v and error %v", event, err)
		}
	})
}
