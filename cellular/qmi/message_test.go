package qmi

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

func TestParseSaysWhatIsWrong(t *testing.T) {
	for _, bad := range []struct{ name, octets, want string }{
		{"nothing", "", "QMUX header needs 6 octets, 0 are there"},
		{"another interface", "02 0b00 00 00 00 00 01 2700 0000", "QMUX starts with 0x02"},
		{"frame cut", "01 0400 00 00", "QMUX header needs 6 octets, 5 are there"},
		{"length short", "01 0a00 00 00 00 00 01 2700 0000", "QMUX length at offset 1 is for 11 octets, 12 are there"},
		{"length long", "01 0c00 00 00 00 00 01 2700 0000", "QMUX length at offset 1 is for 13 octets, 12 are there"},
		{"header cut", "01 0900 00 01 01 00 0100 22", "header of a WDS message at offset 6 needs 7 octets, 4 are left"},
		{"class of CTL", "01 0b00 00 00 00 04 01 2700 0000", "control flags 0x04 at offset 6"},
		{"class of a service", "01 0c00 00 01 01 01 0100 2200 0000", "control flags 0x01 at offset 6"},
		{"both bits", "01 0c00 00 01 01 06 0100 2200 0000", "control flags 0x06 at offset 6"},
		{"inner length", "01 0c00 00 01 01 00 0100 2200 0100", "WDS 0x0022 request: length at offset 11 is for 1 octets, 0 are left"},
		{"TLV header cut", "01 0e00 00 01 01 00 0100 2200 0200 01 01", "TLV at offset 13 needs 3 octets, 2 are left"},
		{"TLV value cut", "01 1000 00 01 01 00 0100 2200 0400 01 0200 01", "value of TLV 0x01 at offset 16 has 2 octets, 1 are left"},
	} {
		if _, err := Parse(octetsOf(t, bad.octets)); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v, want %q", bad.name, err, bad.want)
		}
	}
}

func TestDecodeSaysWhatIsWrong(t *testing.T) {
	for _, bad := range []struct {
		name string
		tlvs []TLV
		body Body
		want string
	}{
		{"no result", nil, &SyncResponse{}, "SyncResponse: result (TLV 0x02) is missing"},
		{"result cut", []TLV{{2, []byte{0, 0, 0}}}, &SyncResponse{}, "result (TLV 0x02): 2 octets are needed where 1 are left"},
		{"no reason", []TLV{{2, []byte{1, 0, 0, 0}}}, &SyncResponse{}, "a failure without an error code"},
		{"lacks a field", []TLV{{2, []byte{0, 0, 0, 0}}}, &GetClientIDResponse{}, "GetClientIDResponse: client id (TLV 0x01) is missing"},
		{"list cut", []TLV{{2, []byte{0, 0, 0, 0}}, {1, []byte{255, 1}}}, &GetVersionInfoResponse{}, "services (TLV 0x01): 2 octets are needed where 0 are left"},
		{"optional cut", []TLV{{1, []byte{0}}, {0x10, []byte{2}}}, &SetLinkFormatRequest{}, "link protocol (TLV 0x10)"},
	} {
		err := Message{Kind: bad.body.Kind(), TLVs: bad.tlvs}.Decode(bad.body)
		if err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v, want %q", bad.name, err, bad.want)
		}
		if code, refused := Refused(err); refused {
			t.Errorf("%s: taken for a refusal: %v", bad.name, code)
		}
	}
	if err := (Message{Kind: Kind{WDS, 0x20, Request}}).Decode(&SyncRequest{}); err == nil {
		t.Error("a message was decoded as one of another kind")
	}
}

func TestRefusalIsAnErrorInWords(t *testing.T) {
	err := Message{Kind: Kind{CTL, 0x22, Response}, TLVs: []TLV{{2, []byte{1, 0, 5, 0}}}}.Decode(&GetClientIDResponse{})
	if !errors.Is(err, ErrClientIDsExhausted) {
		t.Errorf("%v is not ErrClientIDsExhausted", err)
	}
	if want := "GetClientIDResponse: the modem has no free client id (QMI error 5)"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if code, refused := Refused(err); !refused || code != ErrClientIDsExhausted {
		t.Errorf("Refused says %v, %v", code, refused)
	}
	if got := ErrorCode(0xf001).Error(); got != "QMI error 61441" {
		t.Errorf("an unknown code reads %q", got)
	}
}

// TestResultDecides: some modems leave an error code beside a success.
func TestResultDecides(t *testing.T) {
	if err := (Message{Kind: Kind{CTL, 0x27, Response}, TLVs: []TLV{{2, []byte{0, 0, 3, 0}}}}).Decode(&SyncResponse{}); err != nil {
		t.Error(err)
	}
}

func TestUnknownTLVsKeepTheirOrder(t *testing.T) {
	octets := octetsOf(t, "01 1c00 00 01 07 00 0201 2200 1000  f0 0100 aa  01 0000  f0 0200 bb cc  10 0100 00")
	m, err := Parse(octets)
	if err != nil {
		t.Fatal(err)
	}
	want := Message{Kind: Kind{WDS, 0x22, Request}, Client: 7, Transaction: 0x0102, TLVs: []TLV{
		{0xf0, []byte{0xaa}}, {1, []byte{}}, {0xf0, []byte{0xbb, 0xcc}}, {0x10, []byte{0}},
	}}
	if !reflect.DeepEqual(m, want) {
		t.Errorf("read %v", m)
	}
	if written, err := m.Marshal(); err != nil || !reflect.DeepEqual(written, octets) {
		t.Errorf("written % x, %v", written, err)
	}
}

func TestMarshalRefusesWhatDoesNotFit(t *testing.T) {
	for _, bad := range []struct {
		name string
		m    Message
		want string
	}{
		{"transaction", Message{Kind: Kind{CTL, 0x27, Request}, Transaction: 256}, "more than CTL's one octet"},
		{"class", Message{Kind: Kind{WDS, 0x22, 3}}, "no such class"},
		{"length", Message{Kind: Kind{WDS, 0x22, Request}, TLVs: []TLV{{1, make([]byte, 0xffff)}}}, "more than the 65536 of a message"},
	} {
		if _, err := bad.m.Marshal(); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: %v, want %q", bad.name, err, bad.want)
		}
	}
	full := Message{Kind: Kind{WDS, 0x22, Request}, TLVs: []TLV{{1, make([]byte, MaxLen-frameLen-headerLen-tlvHeaderLen)}}}
	octets, err := full.Marshal()
	if err != nil || len(octets) != MaxLen {
		t.Fatalf("the longest message: %d octets, %v", len(octets), err)
	}
	if again, err := Parse(octets); err != nil || !reflect.DeepEqual(again, full) {
		t.Errorf("the longest message is not read: %v", err)
	}
}

func TestSizeInAStream(t *testing.T) {
	for _, c := range []struct {
		octets string
		want   int
	}{{"", 0}, {"01", 0}, {"01 0b", 0}, {"01 0b00", 12}, {"01 ffff 00", MaxLen}} {
		if got, err := Size(octetsOf(t, c.octets)); got != c.want || err != nil {
			t.Errorf("Size(%s) = %d, %v, want %d", c.octets, got, err, c.want)
		}
	}
	if _, err := Size([]byte{0x7e}); err == nil {
		t.Error("what is no QMUX has a size")
	}
}

func TestMessageHidesValues(t *testing.T) {
	m := Message{Kind: Kind{UIM, 0x26, Request}, Client: 1, Transaction: 2, TLVs: []TLV{{2, []byte("1234")}}}
	for _, text := range []string{fmt.Sprint(m), fmt.Sprintf("%+v %#v", m, m), fmt.Sprintf("%v %#v", &m, m.TLVs)} {
		if strings.Contains(text, "1234") || strings.Contains(text, "49") {
			t.Errorf("the value shows in %q", text)
		}
	}
	if want := "UIM 0x0026 request, client 1, transaction 2: 0x02[4]"; m.String() != want {
		t.Errorf("%q, want %q", m, want)
	}
}

func TestParseAllocatesLittle(t *testing.T) {
	m := Message{Kind: Kind{WDS, 0x22, Request}, TLVs: make([]TLV, 20000)}
	octets, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Parse(octets); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if cost, most := after.TotalAlloc-before.TotalAlloc, uint64(64*len(octets)); cost > most {
		t.Errorf("%d octets of TLV headers cost %d of memory", len(octets), cost)
	}
}

func TestSpokenKinds(t *testing.T) {
	tested := make(map[Kind]bool)
	for _, v := range vectors() {
		kind := v.body.Kind()
		tested[kind] = true
		if got := Empty(kind); reflect.TypeOf(got) != reflect.TypeOf(v.body) {
			t.Errorf("Empty(%v) is a %T, the vector a %T", kind, got, v.body)
		}
	}
	for kind, maker := range bodies {
		if !tested[kind] {
			t.Errorf("no vector for %s", name(maker()))
		}
	}
	if got := Empty(Kind{WDS, 0xffff, Request}); got != nil {
		t.Errorf("an unknown kind is a %T", got)
	}
}
