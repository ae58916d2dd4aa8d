package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fip"
)

func TestJoinStages(t *testing.T) {
	rest := &fip.Package{Images: []fip.Image{{ID: fip.BL33, Data: []byte("boot loader")}}}
	image, err := joinStages([]byte("first"), rest)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(image, []byte("first\x00")) {
		t.Errorf("it begins with %q", image[:6])
	}
	if p, err := fip.Parse(image[0x20000:]); err != nil || string(p.Find(fip.BL33).Data) != "boot loader" {
		t.Errorf("at 0x20000 is %+v, %v", p, err)
	}
	if _, err := joinStages(make([]byte, 0x20001), rest); err == nil {
		t.Error("the first stage lies over the next")
	}
}

func TestReplaceBootLoader(t *testing.T) {
	stock := &fip.Package{Flags: 3, Images: []fip.Image{
		{ID: fip.BL31, Data: []byte("secure")},
		{ID: fip.BL33, Data: []byte("stock boot loader")},
		{ID: fip.ID{1}, Flags: 5, Data: []byte("more")},
	}}
	dump := append(stock.Marshal(1), bytes.Repeat([]byte{0xff}, 5000)...)
	got, err := replaceBootLoader(dump, []byte("ours"))
	if err != nil {
		t.Fatal(err)
	}
	stock.Images[1].Data = []byte("ours")
	if !bytes.Equal(got, stock.Marshal(packageAlign)) {
		t.Errorf("got %x", got)
	}

	stock.Images[2].ID = fip.BL33Certificate
	if _, err := replaceBootLoader(stock.Marshal(1), []byte("ours")); err == nil || !strings.Contains(err.Error(), "signed") {
		t.Errorf("a signed one: %v", err)
	}
	stock.Images = stock.Images[:1]
	if _, err := replaceBootLoader(stock.Marshal(1), []byte("ours")); err == nil {
		t.Error("one without a boot loader is taken")
	}
	if _, err := replaceBootLoader(dump[1:], []byte("ours")); err == nil {
		t.Error("what is no package is taken")
	}
}

func TestFits(t *testing.T) {
	b := board.Board{Boot: board.Boot{Loader: board.Loader{Room: 4}}}
	if err := fits(make([]byte, 4), b); err != nil {
		t.Error(err)
	}
	if err := fits(make([]byte, 5), b); err == nil {
		t.Error("5 octets fit into 4")
	}
}

func TestReadStock(t *testing.T) {
	file := filepath.Join(t.TempDir(), "stock.bin")
	if err := os.WriteFile(file, []byte("stock"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, takes := range map[string]bool{"espressobin-v7": true, "ten64": true, "turris-mox": false, "virt": false} {
		b, err := board.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		m := &manifest{}
		data, err := options{board: b, stock: file}.readStock(m)
		if takes && (err != nil || string(data) != "stock" || m.Stock == nil || m.Stock.Name != "stock.bin") {
			t.Errorf("%s: %q, %v, %+v", name, data, err, m.Stock)
		}
		if !takes && err == nil {
			t.Errorf("%s takes what it has no use for", name)
		}
		if data, err := (options{board: b}).readStock(m); data != nil || err != nil {
			t.Errorf("%s: %q, %v without a file", name, data, err)
		}
	}
}
