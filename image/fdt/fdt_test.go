package fdt

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
)

func sample() *Node {
	root := &Node{}
	root.SetString("model", "x")
	child := root.Add("a")
	child.SetCells("reg", 7)
	child.Set("flag", nil)
	child.SetString("model", "b", "cc")
	return root
}

// sampleOctets are the sample, octet by octet.
var sampleOctets = strings.Join([]string{
	"d00dfeed", "000000a3", "00000038", "00000094", "00000028", "00000011", "00000010", "00000000", "0000000f", "0000005c",
	"0000000000000000", "0000000000000000",
	"00000001", "00000000",
	"00000003", "00000002", "00000000", "78000000",
	"00000001", "61000000",
	"00000003", "00000004", "00000006", "00000007",
	"00000003", "00000000", "0000000a",
	"00000003", "00000005", "00000000", "6200636300000000",
	"00000002", "00000002", "00000009",
	hex.EncodeToString([]byte("model\x00reg\x00flag\x00")),
}, "")

func TestMarshal(t *testing.T) {
	if got := hex.EncodeToString(Marshal(sample())); got != sampleOctets {
		t.Errorf("got\n%s\nwant\n%s", got, sampleOctets)
	}
}

func TestPosition(t *testing.T) {
	octets := Marshal(sample())
	for _, c := range []struct{ node, property, value string }{
		{"/", "model", "x\x00"}, {"/a", "reg", "\x00\x00\x00\x07"}, {"/a", "model", "b\x00cc\x00"},
	} {
		at, ok := Position(sample(), c.node, c.property)
		if !ok || !bytes.HasPrefix(octets[at:], []byte(c.value)) {
			t.Errorf("%s of %s is at %d (%v), and there is %q", c.property, c.node, at, ok, octets[at:])
		}
	}
	if at, ok := Position(sample(), "/a", "compatible"); ok {
		t.Errorf("what is not there is at %d", at)
	}
}

func TestWithRoom(t *testing.T) {
	tree := Marshal(sample())
	roomy := WithRoom(tree, 16)
	if len(roomy) != len(tree)+16 || roomy[7] != tree[7]+16 {
		t.Errorf("%d octets, and it says %d", len(roomy), roomy[7])
	}
	if got, err := Parse(roomy); err != nil || !bytes.Equal(Marshal(got), tree) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParse(t *testing.T) {
	octets, err := hex.DecodeString(sampleOctets)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(octets)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(Marshal(got), octets) {
		t.Errorf("got %+v", got)
	}
	if value, ok := got.Child("a").Property("model"); !ok || string(value) != "b\x00cc\x00" {
		t.Errorf("model of a is %q", value)
	}
	for n := range octets {
		if _, err := Parse(octets[:n]); err == nil {
			t.Errorf("%d octets of %d are a tree", n, len(octets))
		}
	}
}

func TestSetAndUnset(t *testing.T) {
	n := sample()
	n.SetString("model", "y")
	n.Set("other", []byte{1})
	n.Unset("other")
	if want := []Property{{"model", []byte("y\x00")}}; !reflect.DeepEqual(n.Properties, want) {
		t.Errorf("got %q, want %q", n.Properties, want)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(Marshal(sample()))
	f.Add(Marshal(&Node{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		root, err := Parse(data)
		if err != nil {
			return
		}
		again, err := Parse(Marshal(root))
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if !reflect.DeepEqual(again, root) {
			t.Errorf("got %+v, want %+v", again, root)
		}
	})
}
