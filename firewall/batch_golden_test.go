package firewall

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// TestBatch pins what is sent to the kernel for the documented policy, message
// by message. The bytes are those of a machine that is little-endian, as all
// boards and builders are.
func TestBatch(t *testing.T) {
	b, _, err := encode(rulesets(t)["branch"], contents{})
	if err != nil {
		t.Fatal(err)
	}
	got := dumpMessages(t, b, b.bytes(7, true))
	path := filepath.Join("testdata", "branch.batch")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the batch differs from %s (-want +got):\n%s", path, diff)
	}
}

// dumpMessages shows each message: what it is about, its header, its attributes.
func dumpMessages(t *testing.T, b *batch, data []byte) string {
	t.Helper()
	var text strings.Builder
	for len(data) > 0 {
		length := int(binary.NativeEndian.Uint32(data))
		sequence := binary.NativeEndian.Uint32(data[8:])
		about := "begin or end"
		if sequence > 0 && int(sequence) <= len(b.messages) {
			about = b.messages[sequence-1].String()
		}
		fmt.Fprintf(&text, "%s\n\t%x\n", about, data[:unix.NLMSG_HDRLEN+4])
		for attrs := data[unix.NLMSG_HDRLEN+4 : length]; len(attrs) > 0; {
			size := (int(binary.NativeEndian.Uint16(attrs)) + 3) &^ 3
			fmt.Fprintf(&text, "\t%s\n", hex.EncodeToString(attrs[:size]))
			attrs = attrs[size:]
		}
		data = data[length:]
	}
	return text.String()
}

// TestTranslationStays has a policy that translates replaced by one that does
// not: the last NAT chain may not go while connections are translated.
func TestTranslationStays(t *testing.T) {
	all := rulesets(t)
	b, _, err := encode(all["zbfw"], holding(all["branch"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range b.messages {
		if m.kind == unix.NFT_MSG_DELCHAIN && strings.HasSuffix(m.about, " postrouting") {
			t.Errorf("%s, and with it of the translation of live connections", m.about)
		}
	}
}

// FuzzVerdict gives arbitrary answers to a batch that was refused.
func FuzzVerdict(f *testing.F) {
	b := &batch{}
	b.table()
	b.rule("input", rule{layer4(protoGRE), accept})
	answer := func(errno unix.Errno, sequence uint32, flags uint16, attrs ...byte) []byte {
		out := binary.NativeEndian.AppendUint32(nil, uint32(unix.NLMSG_HDRLEN*2+4+len(attrs)))
		out = binary.NativeEndian.AppendUint16(out, unix.NLMSG_ERROR)
		out = binary.NativeEndian.AppendUint16(out, flags)
		out = binary.NativeEndian.AppendUint32(out, sequence)
		out = binary.NativeEndian.AppendUint32(out, 0)
		out = binary.NativeEndian.AppendUint32(out, uint32(-int32(errno)))
		return append(append(out, make([]byte, unix.NLMSG_HDRLEN)...), attrs...)
	}
	f.Add(answer(0, 2, 0))
	f.Add(answer(unix.ENOENT, 2, unix.NLM_F_ACK_TLVS, 8, 0, unix.NLMSGERR_ATTR_OFFS, 0, 60, 0, 0, 0))
	f.Add(answer(unix.EINVAL, 1, unix.NLM_F_ACK_TLVS, 8, 0, unix.NLMSGERR_ATTR_MSG, 0, 'n', 'o', '!', 0))
	f.Add(answer(unix.EPERM, 99, unix.NLM_F_ACK_TLVS, 255, 255))
	f.Fuzz(func(t *testing.T, data []byte) {
		// What answer guarantees of a message.
		if len(data) < unix.NLMSG_HDRLEN+4 {
			return
		}
		err, about := b.verdict(data)
		if err != nil && (!about || len(err.Error()) > 200+len(data)+len(b.messages[1].String())) {
			t.Errorf("verdict says %v, %t", err, about)
		}
	})
}

// FuzzAttributeAt looks for any octet in arbitrary attributes.
func FuzzAttributeAt(f *testing.F) {
	b := &batch{}
	b.rule("input", rule{layer4(protoGRE), accept})
	f.Add(b.messages[0].attrs, uint32(60))
	f.Add([]byte{3, 0, 1, 0}, uint32(20))
	f.Add([]byte{255, 255, 1, 0}, uint32(22))
	f.Fuzz(func(t *testing.T, attrs []byte, offset uint32) {
		value, start := attributeAt(attrs, int(offset))
		if start+len(value) > len(attrs) {
			t.Errorf("the value is at %d to %d of %d octets", start, start+len(value), len(attrs))
		}
		m := &message{kind: unix.NFT_MSG_NEWRULE, attrs: attrs}
		if name := m.expressionAt(offset); len(name) > len(attrs) {
			t.Errorf("the name %q is longer than what it is in", name)
		}
	})
}

// FuzzDecode reads arbitrary objects of a table.
func FuzzDecode(f *testing.F) {
	for _, m := range []func(b *batch){
		func(b *batch) { b.chain("input", hookInput) },
		func(b *batch) { b.set(&set{name: "s", keys: []keyType{keyDevice}, verdicts: true}) },
		func(b *batch) { b.counter("c") },
		func(b *batch) { b.helper(helper{"ftp", protoTCP}) },
	} {
		b := &batch{}
		m(b)
		f.Add(append([]byte{unix.NFPROTO_INET, 0, 0, 0}, b.messages[0].attrs...))
	}
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, decode := range []func(*netlink.AttributeDecoder) string{
			func(d *netlink.AttributeDecoder) string { name, _ := decodeChain(d); return name },
			func(d *netlink.AttributeDecoder) string { name, _ := decodeSet(d); return name },
			func(d *netlink.AttributeDecoder) string { return decodeObject(d).name },
		} {
			d, err := decoder(netlink.Message{Data: data})
			if err != nil {
				continue
			}
			if name := decode(d); len(name) > len(data) {
				t.Errorf("the name %q is longer than what it is in", name)
			}
		}
	})
}
