package vhci

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

// What the kernel sends: command, sequence number, device, direction, endpoint;
// flags, length, three fields of isochronous transfers, and the setup packet.
const (
	getDescriptorOctets = "00000001 00000007 00010002 00000001 00000000 00000200 00000040 00000000 00000000 00000000 80 06 0001 0000 4000"
	bulkOutOctets       = "00000001 00000008 00010002 00000000 00000002 00000000 00000003 00000000 00000000 00000000 00 00 0000 0000 0000 aabbcc"
	bulkInOctets        = "00000001 00000009 00010002 00000001 00000002 00000200 00004000 00000000 00000000 00000000 00 00 0000 0000 0000"
	unlinkOctets        = "00000002 0000000a 00010002 00000000 00000000 00000009 00000000 00000000 00000000 00000000 00 00 0000 0000 0000"
)

func TestCommands(t *testing.T) {
	for text, want := range map[string]command{
		getDescriptorOctets: {code: cmdSubmit, sequence: 7, in: true, length: 64, setup: [8]byte{0x80, 6, 0, 1, 0, 0, 0x40, 0}},
		bulkOutOctets:       {code: cmdSubmit, sequence: 8, endpoint: 2, length: 3, data: []byte{0xaa, 0xbb, 0xcc}},
		bulkInOctets:        {code: cmdSubmit, sequence: 9, in: true, endpoint: 2, length: 0x4000},
		unlinkOctets:        {code: cmdUnlink, sequence: 10, unlink: 9},
	} {
		b := octets(t, text)
		if got, err := readCommand(bytes.NewReader(b)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if _, err := readCommand(bytes.NewReader(b[:len(b)-1])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, cut short: %v", text, err)
		}
	}
}

func TestCommandsThatCannotBe(t *testing.T) {
	for name, change := range map[string]struct {
		place int
		octet byte
	}{
		"an answer": {3, 3}, "a direction": {15, 2}, "an endpoint": {19, 16}, "a length": {25, 0x11}, "a negative length": {24, 0xff},
	} {
		b := octets(t, bulkInOctets)
		b[change.place] = change.octet
		if _, err := readCommand(bytes.NewReader(b)); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	const rest = "00000000 00000000 00000000 0000000000000000"
	for name, test := range map[string]struct {
		got  []byte
		want string
	}{
		"received":  {submitted(7, 0, 2, []byte{1, 2}), "00000003 00000007 00000000 00000000 00000000 00000000 00000002" + rest + "0102"},
		"sent":      {submitted(8, 0, 3, nil), "00000003 00000008 00000000 00000000 00000000 00000000 00000003" + rest},
		"stalled":   {submitted(9, errPipe, 0, nil), "00000003 00000009 00000000 00000000 00000000 ffffffe0 00000000" + rest},
		"unlinked":  {unlinked(10, errReset), "00000004 0000000a 00000000 00000000 00000000 ffffff98 00000000" + rest},
		"too late":  {unlinked(10, 0), "00000004 0000000a 00000000 00000000 00000000 00000000 00000000" + rest},
		"shut down": {submitted(1, errShutdown, 0, nil), "00000003 00000001 00000000 00000000 00000000 ffffff94 00000000" + rest},
	} {
		if want := octets(t, test.want); !bytes.Equal(test.got, want) {
			t.Errorf("%s:\n% x, want\n% x", name, test.got, want)
		}
	}
}

// FuzzReadCommand: a command takes no more than it says, and no more than may be.
func FuzzReadCommand(f *testing.F) {
	for _, text := range []string{getDescriptorOctets, bulkOutOctets, bulkInOctets, unlinkOctets} {
		f.Add(octets(f, text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		c, err := readCommand(r)
		if err != nil {
			return
		}
		if got := len(b) - r.Len(); got != headerLen+len(c.data) {
			t.Errorf("%d octets read", got)
		}
		if c.length > maxLen || c.endpoint > 15 || c.in && c.data != nil {
			t.Errorf("%+v", c)
		}
	})
}
