package at

import (
	"reflect"
	"strings"
	"testing"
)

// vectors are parameters as modems write them, from the examples of 3GPP TS 27.007
// and of the makers' manuals.
var vectors = []struct {
	text    string
	params  Params
	written string // empty: as text
}{
	{text: ``},
	{text: `0,1`, params: Params{Int(0), Int(1)}},
	{text: `2,5,"1F00","79D903",7`, params: Params{Int(2), Int(5), Text("1F00"), Text("79D903"), Int(7)}},
	{text: `2,3,,,,0,11`, params: Params{Int(2), Int(3), {}, {}, {}, Int(0), Int(11)}},
	{text: ` 0, "Telekom.de, D" ,7`, params: Params{Int(0), Text("Telekom.de, D"), Int(7)}, written: `0,"Telekom.de, D",7`},
	{
		text: `(2,"Telekom.de","TDG","26201",7),(1,"o2 - de","o2-de","26203",7),,(0-4),(0-2)`,
		params: Params{
			Of(Int(2), Text("Telekom.de"), Text("TDG"), Text("26201"), Int(7)),
			Of(Int(1), Text("o2 - de"), Text("o2-de"), Text("26203"), Int(7)),
			{}, Of(Bare("0-4")), Of(Bare("0-2")),
		},
	},
	{text: `("IP",(0,1),"a(b)")`, params: Params{Of(Text("IP"), Of(Int(0), Int(1)), Text("a(b)"))}},
	{text: `1,,,"IPV4"`, params: Params{Int(1), {}, {}, Text("IPV4")}},
	{text: `SIM PIN,3,10`, params: Params{Bare("SIM PIN"), Int(3), Int(10)}},
	{text: `,`, params: Params{{}, {}}},
	{text: `(1,"46.157.32.246")(2,"46.157.32.243")`, params: Params{Of(Int(1), Text("46.157.32.246")), Of(Int(2), Text("46.157.32.243"))}, written: `(1,"46.157.32.246"),(2,"46.157.32.243")`},
	{text: `()`, params: Params{Of(Value{})}},
	{text: `EPS (27`, params: Params{Bare("EPS (27")}, written: "no"},
}

func TestParams(t *testing.T) {
	for _, v := range vectors {
		got, err := ParseParams(v.text)
		if err != nil || !reflect.DeepEqual(got, v.params) {
			t.Errorf("%s: %+v, %v", v.text, got, err)
		}
		want := v.written
		if want == "" {
			want = v.text
		}
		if text, err := v.params.Format(); text != want && (want != "no" || err == nil) {
			t.Errorf("written %q, %v, want %q", text, err, want)
		}
	}
}

func TestBadParams(t *testing.T) {
	for text, want := range map[string]string{
		`1,"open`:                "a quotation mark is not closed",
		`(1,2`:                   "a parenthesis is not closed",
		`"a"b`:                   "no comma",
		`((((((1))))))`:          "nested",
		strings.Repeat(",", 1e5): "more than",
	} {
		if _, err := ParseParams(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20s: %v, want %s", text, err, want)
		}
	}
	for _, v := range []Value{Text(`a"b`), Text("a\rAT+CFUN=0"), Bare("a,b"), Bare(""), Bare("1;+CFUN=0"), Bare(" a"), Of(), Of(Of(Of(Of(Of(Int(1))))))} {
		if text, err := (Params{v}).Format(); err == nil {
			t.Errorf("%+v is written as %s", v, text)
		}
	}
}

func TestValues(t *testing.T) {
	p, err := ParseParams(`12,"1F00",x,(0-2,5),7-9`)
	if err != nil {
		t.Fatal(err)
	}
	if n, ok := p.Int(0); n != 12 || !ok {
		t.Errorf("%d, %v", n, ok)
	}
	if n, ok := p.At(1).Hex(); n != 0x1f00 || !ok {
		t.Errorf("%x, %v", n, ok)
	}
	for _, i := range []int{1, 2, 3, 9, -1} {
		if n, ok := p.Int(i); ok {
			t.Errorf("parameter %d is the number %d", i, n)
		}
	}
	for n, want := range map[int]bool{0: true, 2: true, 3: false, 5: true} {
		if p.At(3).Includes(n) != want {
			t.Errorf("(0-2,5) includes %d: %v", n, !want)
		}
	}
	if !p.At(4).Includes(8) || p.At(4).Includes(10) || p.At(2).Includes(0) {
		t.Error("a range without parentheses is not read")
	}
}
