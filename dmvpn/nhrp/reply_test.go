package nhrp

import (
	"encoding/hex"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReply answers a purge request, which needs nothing but another type.
func TestReply(t *testing.T) {
	request, err := Parse(fromHex(t, `0001 0800 0000000000 07 005b XXXX 003c 01 05 04 00
		04 04 0000 00000007 64400003 0aff000d 0aff0001
		00 18 0000 0000 0000 04 00 04 00 cb007101 c0a80100
		0033 0002 abcd
		0008 0004 00000c 67
		8007 0005 00000001 78
		8004 0000
		8000 0000`))
	if err != nil {
		t.Fatal(err)
	}
	before, err := request.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	reply := request.Reply()
	reply.SetExtension(NewAuthentication("yz"))
	got, err := reply.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := fromHex(t, `0001 0800 0000000000 ff 005c XXXX 003c 01 06 04 00
		04 04 0000 00000007 64400003 0aff000d 0aff0001
		00 18 0000 0000 0000 04 00 04 00 cb007101 c0a80100
		0033 0002 abcd
		0008 0004 00000c 67
		8007 0006 00000001 797a
		8004 0000
		8000 0000`)
	if diff := cmp.Diff(hex.EncodeToString(want), hex.EncodeToString(got)); diff != "" {
		t.Errorf("reply (-want +got):\n%s", diff)
	}
	reply.CIEs[0].Code = NoBinding
	after, err := request.Marshal()
	if err != nil || hex.EncodeToString(before) != hex.EncodeToString(after) {
		t.Errorf("the request has changed with the reply: %v", err)
	}
}

func TestReplyTypes(t *testing.T) {
	for request, reply := range map[Type]Type{
		ResolutionRequest: ResolutionReply, RegistrationRequest: RegistrationReply, PurgeRequest: PurgeReply,
	} {
		if got := (&Packet{Type: request}).Reply().Type; got != reply {
			t.Errorf("%s is answered by %s", request, got)
		}
	}
}

// TestSetExtension: a type is there once, where it was.
func TestSetExtension(t *testing.T) {
	first, second, other := Extension{Type: 7, Value: []byte{1}}, Extension{Type: 7, Value: []byte{2}}, Extension{Type: 3}
	for _, test := range []struct{ before, want []Extension }{
		{nil, []Extension{second}},
		{[]Extension{other}, []Extension{other, second}},
		{[]Extension{first, other}, []Extension{second, other}},
		{[]Extension{other, first, other, first}, []Extension{other, second, other}},
	} {
		p := Packet{Extensions: test.before}
		p.SetExtension(second)
		if diff := cmp.Diff(test.want, p.Extensions); diff != "" {
			t.Errorf("extensions (-want +got):\n%s", diff)
		}
	}
}

func TestPrefix(t *testing.T) {
	lan, lan6 := netip.MustParseAddr("192.168.2.129"), netip.MustParseAddr("2001:db8:0:1::1")
	for _, test := range []struct {
		length uint8
		of     netip.Addr
		want   string
	}{
		{24, lan, "192.168.2.0/24"},
		{32, lan, "192.168.2.129/32"},
		{1, lan, "128.0.0.0/1"},
		{64, lan6, "2001:db8:0:1::/64"},
		{128, lan6, "2001:db8:0:1::1/128"},
		// None of these is a length, the first and last by the RFC's own word.
		{0, lan, "192.168.2.129/32"},
		{33, lan, "192.168.2.129/32"},
		{0xff, lan, "192.168.2.129/32"},
		{0, lan6, "2001:db8:0:1::1/128"},
		{0xff, lan6, "2001:db8:0:1::1/128"},
		{24, netip.Addr{}, "invalid Prefix"},
	} {
		if got := (CIE{PrefixLen: test.length}).Prefix(test.of).String(); got != test.want {
			t.Errorf("length %d of %v = %s, want %s", test.length, test.of, got, test.want)
		}
	}
}
