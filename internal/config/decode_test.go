package config

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/farspoke/farspoke/internal/invalid"
	"github.com/farspoke/farspoke/internal/secret"
)

// shape has one field of every kind that a component may use.
type shape struct {
	Name     string              `json:"name"`
	Enabled  bool                `json:"enabled,omitempty"`
	Count    int                 `json:"count,omitempty"`
	Small    uint8               `json:"small,omitempty"`
	Key      *uint32             `json:"key,omitempty"`
	Hold     time.Duration       `json:"hold,omitempty"`
	Peer     netip.Addr          `json:"peer,omitzero"`
	Subnet   netip.Prefix        `json:"subnet,omitzero"`
	Level    level               `json:"level,omitempty"`
	PSK      secret.Secret       `json:"psk,omitzero"`
	List     []part              `json:"list,omitempty"`
	Parts    map[string]part     `json:"parts,omitempty"`
	Words    []string            `json:"words,omitempty"`
	Numbers  map[string]int      `json:"numbers,omitempty"`
	Empty    map[string]struct{} `json:"empty,omitempty"`
	Internal string              `json:"-"`
	broken   error
}

func (s *shape) Validate() error { return s.broken }
func (s *shape) Check() error    { return nil }

type part struct {
	Port uint16 `json:"port"`
	Open bool   `json:"open,omitempty"`
}

// level is a type with a notation of its own.
type level int

func (l *level) UnmarshalText(text []byte) error {
	switch string(text) {
	case "low":
		*l = 1
	case "high":
		*l = 2
	default:
		return &invalid.Error{Problem: "is no level", Fix: "write low or high"}
	}
	return nil
}

func TestDecodeEveryKind(t *testing.T) {
	const text = `
name: "17"
enabled: true
count: -5
small: 255
key: 0
hold: 1h30m
peer: 2001:db8::1
subnet: 192.0.2.17/24
level: high
psk: {secret: ike-hq}
list: [{port: 500}, {port: 4500, open: true}]
parts:
  a: {port: 22}
words: [x, "true"]
numbers: {one: 1}
empty: {e: {}}
`
	var got shape
	doc, err := read("test.yaml", []byte(text), Secrets{"ike-hq": "value"}, &got)
	if err != nil {
		t.Fatal(err)
	}
	want := shape{
		Name: "17", Enabled: true, Count: -5, Small: 255, Key: new(uint32), Hold: 90 * time.Minute,
		Peer: netip.MustParseAddr("2001:db8::1"), Subnet: netip.MustParsePrefix("192.0.2.17/24"),
		Level: 2, PSK: secret.New("ike-hq", "value"),
		List:  []part{{Port: 500}, {Port: 4500, Open: true}},
		Parts: map[string]part{"a": {Port: 22}},
		Words: []string{"x", "true"}, Numbers: map[string]int{"one": 1}, Empty: map[string]struct{}{"e": {}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, secret.Secret{}), cmpopts.IgnoreUnexported(shape{})); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ike-hq"}, doc.secrets); diff != "" {
		t.Errorf("secrets used (-want +got):\n%s", diff)
	}
}

// TestDecodeErrors has one case per way to go wrong, each with the place and
// the words.
func TestDecodeErrors(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"unknown key", "name: a\nenabeld: true", `2:1: there is no key "enabeld" here; write "enabled"`},
		{"swapped letters", "nmae: a", `1:1: there is no key "nmae" here; write "name"`},
		{"unknown key without neighbour", "name: a\nparts: {x: {port: 1, speed: 2}}",
			`2:22: parts.x: there is no key "speed" here; the keys here are port, open`},
		{"unknown key of an empty entry", "name: a\nempty: {x: {y: 1}}", `2:13: empty.x: there is no key "y" here; no keys belong here; write {}`},
		{"duplicate key", "name: a\ncount: 1\nname: b", `3:1: the key "name" was given in line 1 already; merge the two or remove one`},
		{"missing key", "count: 1", "1:1: the key \"name\" is missing; add `name: …` below"},
		{"missing key in a list", "name: a\nlist: [{port: 1}, {open: true}]", "2:19: list.1: the key \"port\" is missing; add `port: …` below"},
		{"text for list", "name: a\nwords: x", "2:8: words: is a text where a list belongs; write [x]"},
		{"keys for list", "name: a\nwords: {x: 1}", "2:8: words: is a group of keys where a list belongs; write `- ` before each entry"},
		{"list for text", "name: [a]", "1:7: name: is a list where a single value belongs; write one value after the colon"},
		{"list for duration", "name: a\nhold: [5s]", "2:7: hold: is a list where a single value belongs; write one value after the colon"},
		{"text for keys", "name: a\nparts: {x: open}", "2:12: parts.x: is a text where keys belong; write port, open as keys below it"},
		{"list for map", "name: a\nparts: [x]", "2:8: parts: is a list where named entries belong; write `name: …` lines below it"},
		{"number for text", "name: 17", `1:7: name: is a number where a text belongs; put quotes around it: "17"`},
		{"truth for text", "name: true", `1:7: name: is true or false where a text belongs; put quotes around it: "true"`},
		{"no value", "name:", "1:1: name: has no value; write the value after the colon, or remove the line"},
		{"no list", "name: a\nwords:", "2:1: words: has no value; write a list, such as [first, second]"},
		{"no keys", "name: a\nparts: {x: }", "2:9: parts.x: has no value; write the keys below it, indented; write {} for none"},
		{"yes", "name: a\nenabled: yes", `2:10: enabled: "yes" is neither true nor false; write true`},
		{"off", "name: a\nenabled: off", `2:10: enabled: "off" is neither true nor false; write false`},
		{"maybe", "name: a\nenabled: maybe", `2:10: enabled: "maybe" is neither true nor false; write true or false`},
		{"octal", "name: a\ncount: 010", `2:8: count: "010" is not a plain number; write it as a plain decimal number: 8`},
		{"hexadecimal", "name: a\ncount: 0x10", `2:8: count: "0x10" is not a plain number; write it as a plain decimal number: 16`},
		{"underscore", "name: a\ncount: 1_0", `2:8: count: "1_0" is not a plain number; write it as a plain decimal number: 10`},
		{"quoted number", "name: a\ncount: \"1\"", `2:8: count: "1" is not a plain number; write it as a plain decimal number: 1`},
		{"word for number", "name: a\ncount: many", `2:8: count: "many" is not a plain number; write a plain decimal number`},
		{"too large", "name: a\nsmall: 256", "2:8: small: 256 is out of range; write a number from 0 to 255"},
		{"negative", "name: a\nsmall: -1", "2:8: small: -1 is out of range; write a number from 0 to 255"},
		{"far too large", "name: a\ncount: 99999999999999999999", "2:8: count: 99999999999999999999 is out of range; write a smaller number"},
		{"duration without unit", "name: a\nhold: 300", "2:7: hold: 300 has no unit; write 300s if seconds are meant"},
		{"negative duration", "name: a\nhold: -5s", "2:7: hold: -5s is negative; write a duration such as 300s"},
		{"duration in words", "name: a\nhold: 5 minutes", `2:7: hold: "5 minutes" is not a duration; write numbers with units, such as 90s, 5m or 1h30m`},
		{"bad address", "name: a\npeer: 10.0.0.256", `2:7: peer: "10.0.0.256" is not an IP address; write an address such as 192.0.2.1`},
		{"address with zone", "name: a\npeer: fe80::1%eth0", `2:7: peer: "fe80::1%eth0" is not an IP address; write an address such as 192.0.2.1`},
		{"prefix for address", "name: a\npeer: 10.0.0.1/24", "2:7: peer: 10.0.0.1/24 has a prefix length where a single address belongs; write 10.0.0.1"},
		{"address for prefix", "name: a\nsubnet: 10.0.0.1", "2:9: subnet: 10.0.0.1 has no prefix length; write 10.0.0.1/24, with the length of the subnet"},
		{"mask", "name: a\nsubnet: 10.0.0.1 255.255.255.0", `2:9: subnet: "10.0.0.1 255.255.255.0" is not an address with prefix length; write 10.0.0.1/24`},
		{"broken mask", "name: a\nsubnet: 10.0.0.1 255.0.255.0", `2:9: subnet: "10.0.0.1 255.0.255.0" is not an address with prefix length; write an address such as 192.0.2.1/24`},
		{"bad prefix", "name: a\nsubnet: 10.0.0.1/33", `2:9: subnet: "10.0.0.1/33" is not an address with prefix length; write an address such as 192.0.2.1/24`},
		{"own notation", "name: a\nlevel: middle", "2:8: level: is no level; write low or high"},
		{"secret in the open", "name: a\npsk: hunter2", "2:6: psk: is not the name of a secret, and secrets are not kept in this file; write {secret: NAME} here and `NAME: the value` in the file secrets.yaml"},
		{"unknown secret", "name: a\npsk: {secret: ike-hp}", "2:15: psk: the file secrets.yaml has no secret ike-hp; write ike-hq, or add `ike-hp: …` to it"},
		{"alias", "name: &x a\nwords: [*x]", "1:7: name: anchors and aliases (& and *) are not used here; write the value itself, in quotes if it begins with & or *"},
		{"tag", "name: !!str 1", "1:7: name: tags (!!str) are not used here; write the value alone, in quotes if it begins with !"},
		{"merge key", "name: a\n<<: {count: 1}", "2:1: this is not a plain key; write `key: value`"},
		{"list as key", "name: a\n? [x]\n: 1", "2:3: this is not a plain key; write `key: value`"},
		{"IKEv1", "name: a\nikev1: {}", `2:1: there is no key "ikev1" here; this box speaks IKEv2 alone: describe the peer under ipsec with ike, esp, local and remote`},
		{"IKE version", "name: a\nparts: {x: {port: 1, version: 1}}", `2:22: parts.x: there is no key "version" here; no version is chosen: IKE is always IKEv2; remove the line and set the hub to IKEv2`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := read("f", []byte(tt.text), Secrets{"ike-hq": "value"}, &shape{})
			all, ok := errors.AsType[*Errors](err)
			if !ok {
				t.Fatalf("read returned %v, want an *Errors", err)
			}
			if got := strings.TrimPrefix(all.List[0].Error(), "f:"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestValidationErrorsAreLocated(t *testing.T) {
	const text = "name: a\nlist:\n  - port: 1\n  - port: 2\nparts:\n  x: {port: 3}\n"
	for _, tt := range []struct {
		path []string
		want string
	}{
		{[]string{"list", "1", "port"}, "4:11: list.1.port: is bad; mend it"},
		{[]string{"list", "1"}, "4:5: list.1: is bad; mend it"},
		{[]string{"list", "7"}, "2:1: list.7: is bad; mend it"},
		{[]string{"parts", "x", "open"}, "6:3: parts.x.open: is bad; mend it"},
		{[]string{"parts", "x"}, "6:3: parts.x: is bad; mend it"},
		{[]string{"count"}, "1:1: count: is bad; mend it"},
		{nil, "1:1: is bad; mend it"},
	} {
		_, err := read("f", []byte(text), nil, &shape{broken: &invalid.Error{Path: tt.path, Problem: "is bad", Fix: "mend it"}})
		all, ok := errors.AsType[*Errors](err)
		if !ok || len(all.List) != 1 {
			t.Fatalf("%v: read returned %v, want one error", tt.path, err)
		}
		if got := strings.TrimPrefix(all.List[0].Error(), "f:"); got != tt.want {
			t.Errorf("%v: got %s, want %s", tt.path, got, tt.want)
		}
	}
}

func TestConsequencesAreNotReported(t *testing.T) {
	for _, tt := range []struct {
		text string
		path []string
	}{
		{"name: a\nhold: soon", []string{"hold"}},                                      // the same value
		{"name: a\nparts: {x: {port: 1, opne: true}}", []string{"parts", "x", "open"}}, // the key is misspelt
		{"name: a\nparts: [x]", []string{"parts", "x", "port"}},                        // the whole is wrong
		{"name: a\nparts: {x: {port: no}}", []string{"parts", "x"}},                    // a part is wrong
		{"nmae: a", []string{"name"}},
	} {
		_, err := read("f", []byte(tt.text), nil, &shape{broken: &invalid.Error{Path: tt.path, Problem: "is bad"}})
		if all, ok := errors.AsType[*Errors](err); !ok || len(all.List) != 1 || strings.Contains(all.Error(), "is bad") {
			t.Errorf("%q: got %v, want the cause alone", tt.text, err)
		}
	}
}

// TestReferencesIntoALostSectionAreNotJudged leaves out a section in ways that
// keep it from being read; what refers into it is not to blame.
func TestReferencesIntoALostSectionAreNotJudged(t *testing.T) {
	for _, vrfs := range []string{"vrfs:", "vrfs: [front]", "vrfs: &x {front: {}}", "vrfs: front"} {
		_, err := Parse("f", []byte("hostname: a\n"+vrfs+"\ninterfaces: {wan: {port: wan, vrf: front, ipv4: {dhcp: true}}}\n"), nil)
		if all, ok := errors.AsType[*Errors](err); !ok || len(all.List) != 1 || all.List[0].Path != "vrfs" {
			t.Errorf("%s: got %v, want one error about vrfs", vrfs, err)
		}
	}
}

func TestReportIsSortedAndBounded(t *testing.T) {
	text := "count: x\n" + strings.Repeat("z: 1\n", 1000) + "enabled: 5\n"
	_, err := read("f", []byte(text), nil, &shape{})
	all, ok := errors.AsType[*Errors](err)
	if !ok {
		t.Fatal(err)
	}
	if len(all.List) != maxErrors || all.More != 1003-maxErrors {
		t.Errorf("got %d errors and %d more, want %d and %d", len(all.List), all.More, maxErrors, 1003-maxErrors)
	}
	for i, e := range all.List[1:] {
		if e.Line < all.List[i].Line {
			t.Errorf("line %d is reported after line %d", e.Line, all.List[i].Line)
		}
	}
	if !strings.HasSuffix(err.Error(), "and 983 more") {
		t.Errorf("the report ends with %q", err.Error()[len(err.Error())-40:])
	}
}
