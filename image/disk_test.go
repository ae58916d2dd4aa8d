package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/farspoke/farspoke/board"
	"github.com/farspoke/farspoke/image/fit"
	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/debian"
	"github.com/farspoke/farspoke/internal/gpt"
)

// TestDisk reads back what a disk is made of.
func TestDisk(t *testing.T) {
	signed := bytes.Repeat([]byte("signed "), 1000)
	onDisk := []board.DiskFile{{Name: "first", Offset: 64 * gpt.Sector}, {Name: "boot.fat", Offset: alignment, Partition: "boot"}}
	loader := []output{{"boot.fat", bytes.Repeat([]byte("f"), 2*alignment)}, {"flash.bin", []byte("elsewhere")}, {"first", []byte("first stage")}}
	pieces, size, err := diskPieces(signed, onDisk, loader)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "disk")
	if err := writeDisk(file, pieces, size); err != nil {
		t.Fatal(err)
	}
	disk, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	table, err := gpt.Read(bytes.NewReader(disk), uint64(size/gpt.Sector))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range table.Partitions {
		names = append(names, p.Name)
		if p.Offset()%alignment != 0 || p.Offset() < diskStart && p.Name != "boot" {
			t.Errorf("partition %s begins at octet %d", p.Name, p.Offset())
		}
	}
	if want := []string{"boot", "state", "slotA", "slotB"}; !slices.Equal(names, want) {
		t.Errorf("the partitions are %q, want %q", names, want)
	}
	if boot, _ := table.Find("boot"); boot.Type != gpt.BasicData || !bytes.Equal(disk[boot.Offset():][:boot.Size()], loader[0].data) {
		t.Errorf("the boot partition is %+v, or does not hold its file system", boot)
	}
	if !bytes.HasPrefix(disk[64*gpt.Sector:], loader[2].data) {
		t.Error("the first stage is not at sector 64")
	}
	state, _ := table.Find(bootstate.Partition)
	if r, err := bootstate.Unmarshal(disk[state.Offset():][:bootstate.Size]); err != nil || r != bootstate.Fresh() {
		t.Errorf("the record is %v, %v", r, err)
	}
	for _, slot := range []bootstate.Slot{bootstate.A, bootstate.B} {
		p, _ := table.Find(slot.Partition())
		if !bytes.HasPrefix(disk[p.Offset():], signed) {
			t.Errorf("slot %s does not hold the image", slot)
		}
	}
	checkBlockMap(t, bmap(pieces, size), disk)
}

func TestDiskHasRoomForTheBootLoader(t *testing.T) {
	file := func(offset int64) []board.DiskFile {
		return []board.DiskFile{{Name: "a", Offset: offset}, {Name: "b", Offset: alignment}}
	}
	loader := []output{{"a", make([]byte, 1000)}, {"b", make([]byte, 1000)}}
	for name, c := range map[string]struct {
		files  []board.DiskFile
		loader []output
		want   string
	}{
		"good":               {file(gpt.HeadSectors * gpt.Sector), loader, ""},
		"on the table":       {file(gpt.HeadSectors*gpt.Sector - 1), loader, "what is before it"},
		"on another":         {file(alignment - 999), loader, "what is before it"},
		"on the first slot":  {file(alignment / 2), []output{loader[0], {"b", make([]byte, diskStart)}}, "the first slot begins"},
		"nothing makes file": {file(alignment / 2), loader[:1], "no file b"},
	} {
		_, err := loaderPieces(c.files, c.loader)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// checkBlockMap reads a map as bmaptool does, and builds the disk from it.
func checkBlockMap(t *testing.T, text, disk []byte) {
	t.Helper()
	var m struct {
		ImageSize, BlockSize, MappedBlocksCount int64
		BmapFileChecksum                        string
		BlockMap                                struct {
			Range []struct {
				Checksum string `xml:"chksum,attr"`
				Blocks   string `xml:",chardata"`
			}
		}
	}
	if err := xml.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	zeroed := bytes.Replace(text, []byte(m.BmapFileChecksum), bytes.Repeat([]byte("0"), 64), 1)
	if sum := fmt.Sprintf("%x", sha256.Sum256(zeroed)); sum != m.BmapFileChecksum {
		t.Errorf("the map's checksum is %s, it says %s", sum, m.BmapFileChecksum)
	}
	rebuilt := make([]byte, m.ImageSize)
	var mapped int64
	for _, r := range m.BlockMap.Range {
		var first, last int64
		if _, err := fmt.Sscanf(r.Blocks, "%d-%d", &first, &last); err != nil {
			t.Fatal(err)
		}
		part := disk[first*m.BlockSize : (last+1)*m.BlockSize]
		if sum := fmt.Sprintf("%x", sha256.Sum256(part)); sum != r.Checksum {
			t.Errorf("blocks %s have checksum %s, the map says %s", r.Blocks, sum, r.Checksum)
		}
		copy(rebuilt[first*m.BlockSize:], part)
		mapped += last - first + 1
	}
	if mapped != m.MappedBlocksCount || !bytes.Equal(rebuilt, disk) {
		t.Errorf("the %d blocks of the map, which says %d, are not the disk", mapped, m.MappedBlocksCount)
	}
}

func TestReleasable(t *testing.T) {
	good := options{disk: true, release: true, keys: keys{file: "acme.pem"}}
	clean, dirty := source{version: "v1"}, source{version: "v1-dirty"}
	for name, c := range map[string]struct {
		change func(*options)
		source source
		want   string
	}{
		"good":            {func(*options) {}, clean, ""},
		"not a release":   {func(o *options) { *o = options{toolbox: true} }, dirty, ""},
		"toolbox":         {func(o *options) { o.toolbox = true }, clean, "toolbox"},
		"development key": {func(o *options) { o.keys = keys{} }, clean, "development key"},
		"dirty":           {func(*options) {}, dirty, "differ"},
		"no disk":         {func(o *options) { o.disk = false }, clean, "disk"},
	} {
		o := good
		c.change(&o)
		if err := o.releasable(c.source); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestSigner(t *testing.T) {
	cache, dir := debian.Cache(t.TempDir()), t.TempDir()
	var builds errgroup.Group // at once
	for range 4 {
		builds.Go(func() error { _, err := keys{}.signer(t.Context(), cache); return err })
	}
	if err := builds.Wait(); err != nil {
		t.Fatal(err)
	}
	development, err := keys{}.signer(t.Context(), cache)
	if err != nil || development.Name() != bootstate.DevelopmentKey {
		t.Fatalf("without a key: %v, %v", development, err)
	}
	again, err := keys{}.signer(t.Context(), cache)
	if err != nil {
		t.Fatal(err)
	}
	first, _ := development.Public()
	if second, _ := again.Public(); !first.Equal(second) {
		t.Error("the development key is another the second time")
	}
	for name, want := range map[string]string{"acme-2026": "", "development": "kept for keys", "a b": "cannot be called", "x=y": "cannot be called"} {
		file := filepath.Join(dir, name+".pem")
		if err := fit.Generate(file); err != nil {
			t.Fatal(err)
		}
		s, err := keys{file: file}.signer(t.Context(), cache)
		switch {
		case want == "" && (err != nil || s.Name() != name):
			t.Errorf("%s: %v", name, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if _, err := (keys{file: "a", command: "b"}).signer(t.Context(), cache); err == nil {
		t.Error("a file and a command sign together")
	}
	if _, err := (keys{command: "b"}).signer(t.Context(), cache); err == nil {
		t.Error("a command signs for no key")
	}
}
