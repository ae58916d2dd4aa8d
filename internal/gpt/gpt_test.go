package gpt

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func sample() Table {
	return Table{Disk: GUID{1}, Partitions: []Partition{
		{Name: "state", Type: LinuxData, ID: GUID{2}, First: 2048, Last: 4095},
		{Name: "slotA", Type: LinuxData, ID: GUID{3}, First: 4096, Last: 8191},
	}}
}

const sectors = 16384

// disk returns a disk with the sample's table.
func disk(t testing.TB) []byte {
	t.Helper()
	head, tail, err := sample().Marshal(sectors)
	if err != nil {
		t.Fatal(err)
	}
	d := make([]byte, sectors*Sector)
	copy(d, head)
	copy(d[len(d)-len(tail):], tail)
	return d
}

func TestReadBack(t *testing.T) {
	for name, damage := range map[string]func([]byte){
		"whole":         func([]byte) {},
		"no beginning":  func(d []byte) { clear(d[:HeadSectors*Sector]) },
		"no end":        func(d []byte) { clear(d[len(d)-Sector:]) },
		"broken entry":  func(d []byte) { d[2*Sector+40]++ },
		"broken header": func(d []byte) { d[Sector+40]++ },
	} {
		d := disk(t)
		damage(d)
		if got, err := Read(bytes.NewReader(d), sectors); err != nil || !reflect.DeepEqual(got, sample()) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if got, want := HeadIsWhole(bytes.NewReader(d), sectors), name == "whole" || name == "no end"; got != want {
			t.Errorf("%s: the beginning is whole: %v", name, got)
		}
	}
	d := disk(t)
	clear(d[:HeadSectors*Sector])
	clear(d[len(d)-Sector:])
	if got, err := Read(bytes.NewReader(d), sectors); err == nil {
		t.Errorf("a disk without a table has %+v", got)
	}
}

func TestValidate(t *testing.T) {
	for want, change := range map[string]func(*Table){
		"overlap":     func(t *Table) { t.Partitions[1].First = 4095 },
		"of a disk":   func(t *Table) { t.Partitions[1].Last = sectors - TailSectors },
		"too long":    func(t *Table) { t.Partitions[0].Name = strings.Repeat("x", nameUnits+1) },
		"at most 128": func(t *Table) { t.Partitions = make([]Partition, entries+1) },
		"sectors 33":  func(t *Table) { t.Partitions[0].First = HeadSectors - 1 },
	} {
		table := sample()
		change(&table)
		if _, _, err := table.Marshal(sectors); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// TestOthersReadIt asks blkid, which is in every Debian, for the partitions.
func TestOthersReadIt(t *testing.T) {
	blkid, err := exec.LookPath("blkid")
	if err != nil {
		blkid = "/sbin/blkid"
	}
	file := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(file, disk(t), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(blkid, "-p", "-o", "value", "-s", "PTTYPE", file).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "gpt" {
		t.Errorf("blkid says %q, %v", out, err)
	}
}

func FuzzRead(f *testing.F) {
	d := disk(f)
	f.Add(d[:HeadSectors*Sector])
	f.Add(d[len(d)-TailSectors*Sector:])
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := Read(bytes.NewReader(data), sectors)
		if err != nil {
			return
		}
		head, _, err := table.Marshal(sectors)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if again, err := Read(bytes.NewReader(head), sectors); err != nil || !reflect.DeepEqual(again, table) {
			t.Errorf("got %+v, %v, want %+v", again, err, table)
		}
	})
}
