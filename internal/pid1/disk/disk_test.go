package disk

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/internal/bootstate"
	"github.com/farspoke/farspoke/internal/gpt"
)

func TestParseOrigin(t *testing.T) {
	for line, want := range map[string]Origin{
		"console=ttyAMA0 quiet":                             {},
		"farspoke.slot=B farspoke.verified=key-development": {Slot: "B", Key: "development"},
		"farspoke.slot=A farspoke.verified=":                {Slot: "A"},
		"farspoke.slot=A":                                   {Slot: "A"},
		"farspoke.slot=C farspoke.verified=key-x":           {Slot: "C", Key: "x"},
	} {
		got, ok := ParseOrigin(line)
		if got != want || ok != (want.Slot == "A" || want.Slot == "B") {
			t.Errorf("%q: %+v, %v", line, got, ok)
		}
	}
}

const sectors = 64 << 20 / gpt.Sector

func table() gpt.Table {
	return gpt.Table{Disk: gpt.GUID{1}, Partitions: []gpt.Partition{
		{Name: "state", Type: gpt.LinuxData, ID: gpt.GUID{2}, First: 2048, Last: 4095},
	}}
}

// newDisk returns a disk with a partition for the record and nothing in it.
func newDisk(t *testing.T) string {
	t.Helper()
	head, tail, err := table().Marshal(sectors)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "disk")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	_, err1 := file.WriteAt(head, 0)
	_, err2 := file.WriteAt(tail, sectors*gpt.Sector-int64(len(tail)))
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpenByPattern(t *testing.T) {
	path := newDisk(t)
	d, err := Open(t.Context(), filepath.Join(filepath.Dir(path), "d?sk"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := d.partitionPath(1); got != path+"1" {
		t.Errorf("the first partition is %s, want %s1", got, path)
	}
}

func TestSettle(t *testing.T) {
	d, err := Open(t.Context(), newDisk(t))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if r, err := d.Record(); err == nil || r.Good != bootstate.A {
		t.Errorf("an empty partition holds %+v", r)
	}
	// Each goes to the copy that is older.
	for i, s := range []bootstate.Slot{bootstate.B, bootstate.A, bootstate.B} {
		if err := d.Settle(s); err != nil {
			t.Fatal(err)
		}
		if r, err := d.Record(); err != nil || r.Good != s || r.Sequence != uint32(i+1) {
			t.Errorf("after %d: %+v, %v", i+1, r, err)
		}
	}
	var garbage [bootstate.Size]byte
	if _, err := d.file.WriteAt(garbage[:], 2048*gpt.Sector+bootstate.Offsets[0]); err != nil {
		t.Fatal(err)
	}
	if r, err := d.Record(); err != nil || r.Sequence != 2 {
		t.Errorf("without the newest: %+v, %v", r, err)
	}
}

func TestGiveUpKeepsTheStarts(t *testing.T) {
	d, err := Open(t.Context(), newDisk(t))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	failed := bootstate.Record{Sequence: 9, Good: bootstate.B, Starts: 2, Trial: bootstate.A}
	if _, err := d.file.WriteAt(failed.Marshal(), 2048*gpt.Sector+bootstate.Offsets[1]); err != nil {
		t.Fatal(err)
	}
	if err := d.GiveUp(); err != nil {
		t.Fatal(err)
	}
	if r, err := d.Record(); err != nil || r != failed.GiveUp() {
		t.Errorf("the record is %+v, %v", r, err)
	}
}

func TestOpenWaitsForTheDisk(t *testing.T) {
	path := newDisk(t)
	hidden := path + ".later"
	if err := os.Rename(path, hidden); err != nil {
		t.Fatal(err)
	}
	opened := make(chan error)
	go func() {
		d, err := Open(t.Context(), path)
		if err == nil {
			err = d.Close()
		}
		opened <- err
	}()
	if err := os.Rename(hidden, path); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func TestWithData(t *testing.T) {
	with, number, made := withData(table(), sectors)
	if number != 2 || !made || with.Partitions[1].First != 3*alignment || with.Partitions[1].Last != (sectors-gpt.TailSectors)/2048*2048-1 {
		t.Errorf("number %d of %+v", number, with)
	}
	if err := with.Validate(sectors); err != nil {
		t.Error(err)
	}
	grown, number, made := withData(with, 2*sectors)
	if number != 2 || made || grown.Partitions[1].Last <= with.Partitions[1].Last {
		t.Errorf("on a disk twice as large: number %d, made %v, %+v", number, made, grown)
	}
	if same, _, _ := withData(grown, 2*sectors); !equal(same, grown) {
		t.Errorf("a second time it changes to %+v", same)
	}
	behind := with
	behind.Partitions = append(behind.Partitions, gpt.Partition{Name: "other", First: 2 * sectors, Last: 2*sectors + 1})
	if same, _, _ := withData(behind, 4*sectors); !equal(same, behind) {
		t.Errorf("a partition grows into the one behind it: %+v", same)
	}
	if _, number, _ := withData(table(), 3*alignment+gpt.TailSectors+minimum-1); number != 0 {
		t.Error("a disk that is too small gets a data partition")
	}
}

// TestThePartitionFollowsItsFileSystem cuts the power before the table is written:
// what is half filled then is no partition yet, and is filled again.
func TestThePartitionFollowsItsFileSystem(t *testing.T) {
	path := newDisk(t)
	d, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.ensurePartition("no such file"); err == nil {
		t.Fatal("there is a partition without a file system")
	}
	with, number, _ := withData(d.table, d.sectors)
	begin := with.Partitions[number-1].Offset()
	if _, err := d.file.WriteAt([]byte("half of it"), begin+blockSize); err != nil {
		t.Fatal(err)
	}
	if err := d.read(); err != nil || len(d.table.Partitions) != 1 {
		t.Fatalf("the table has %+v, %v", d.table.Partitions, err)
	}
	// It is a file, and so the kernel reads no table.
	if _, err := d.ensurePartition(template(t)); !errors.Is(err, unix.ENOTTY) {
		t.Fatal(err)
	}
	if err := d.read(); err != nil || len(d.table.Partitions) != 2 {
		t.Fatalf("the table has %+v, %v", d.table.Partitions, err)
	}
	head := make([]byte, 2*blockSize)
	if _, err := d.file.ReadAt(head, begin); err != nil || !isExt4(head) || bytes.Contains(head, []byte("half")) {
		t.Errorf("the partition begins with %.20q…, %v", head, err)
	}
}

// TestATableThatLinuxDoesNotHeedIsMended has only the copy at the end.
func TestATableThatLinuxDoesNotHeedIsMended(t *testing.T) {
	d, err := Open(t.Context(), newDisk(t))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	file := template(t)
	if _, err := d.ensurePartition(file); !errors.Is(err, unix.ENOTTY) {
		t.Fatal(err)
	}
	if _, err := d.file.WriteAt(make([]byte, gpt.Sector), 2*gpt.Sector); err != nil {
		t.Fatal(err)
	}
	if err := d.read(); err != nil || !d.headless || len(d.table.Partitions) != 2 {
		t.Fatalf("headless: %v, %+v, %v", d.headless, d.table.Partitions, err)
	}
	if _, err := d.ensurePartition(file); !errors.Is(err, unix.ENOTTY) || !gpt.HeadIsWhole(d.file, d.sectors) {
		t.Errorf("the table is not mended, %v", err)
	}
}

func TestPartitionPath(t *testing.T) {
	for path, want := range map[string]string{"/dev/vda": "/dev/vda4", "/dev/mmcblk0": "/dev/mmcblk0p4", "/dev/nvme0n1": "/dev/nvme0n1p4"} {
		if got := (&Disk{path: path}).partitionPath(4); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// plate is a device in memory that can fail after some writes.
type plate struct {
	data   []byte
	writes int
}

func (p *plate) ReadAt(b []byte, at int64) (int, error) { return copy(b, p.data[at:]), nil }

func (p *plate) WriteAt(b []byte, at int64) (int, error) {
	if p.writes--; p.writes < 0 {
		return 0, errors.New("power cut")
	}
	return copy(p.data[at:], b), nil
}

func (p *plate) Sync() error { return nil }

// template returns the path of what passes for an empty file system.
func template(t *testing.T) string {
	t.Helper()
	system := bytes.Repeat([]byte("x"), 3*blockSize)
	system[1080], system[1081] = 0x53, 0xef
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(system)
	path := filepath.Join(t.TempDir(), "data.gz")
	if err := errors.Join(err, z.Close(), os.WriteFile(path, packed.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFileSystemIsMadeOnce(t *testing.T) {
	file := template(t)
	for name, c := range map[string]struct {
		first          byte
		made, ok, kept bool
	}{
		"new and empty":   {0, true, true, false},
		"wiped":           {0, false, true, false},
		"new on old data": {'o', true, true, false},
		"damaged":         {'o', false, false, true},
	} {
		p := &plate{data: make([]byte, 128<<10), writes: 100}
		p.data[0] = c.first
		if err := ensureFileSystem(p, file, c.made); (err == nil) != c.ok || isExt4(p.data) == c.kept {
			t.Errorf("%s: %v", name, err)
		}
		if !c.ok {
			continue
		}
		copy(p.data[2000:], "precious")
		if err := ensureFileSystem(p, file, true); err != nil || !bytes.Contains(p.data, []byte("precious")) {
			t.Errorf("%s: a file system that is there is not kept, %v", name, err)
		}
	}
}

func TestPowerCutLeavesNoHalfFileSystem(t *testing.T) {
	file := template(t)
	for cut := range 3 {
		p := &plate{data: make([]byte, 128<<10), writes: cut}
		if err := ensureFileSystem(p, file, true); err == nil || isExt4(p.data) {
			t.Errorf("cut after %d writes: %v, and it passes for whole: %v", cut, err, isExt4(p.data))
		}
	}
}

func TestSeed(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "config")
	if err := Seed(from, to); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(to); err == nil {
		t.Error("an image without a site has left one")
	}
	for name, text := range map[string]string{"farspoke.yaml": "one", "secrets.yaml": "two", "build-date": "three"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := Seed(from, to); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, "farspoke.yaml"), []byte("ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Seed(from, to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"farspoke.yaml": "ours", "secrets.yaml": "two", "build-date": ""} {
		if got, _ := os.ReadFile(filepath.Join(to, name)); string(got) != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	if info, err := os.Stat(filepath.Join(to, "secrets.yaml")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the secrets' mode: %v, %v", info, err)
	}
}
