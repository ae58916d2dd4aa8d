package pstore

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const goPanic = `<28>[    7.100000] panic: runtime error: index out of range [3] with length 3
<28>[    7.100100] goroutine 1 [running]:
<0>[    7.100200] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000200
`

func TestReadJoinsTheParts(t *testing.T) {
	fsys := fstest.MapFS{
		"dmesg-ramoops-0": {Data: []byte("Panic#2 Part1\n" + goPanic)},
		"dmesg-ramoops-1": {Data: []byte("Panic#2 Part2\n<6>[    1.000000] earlier\n")},
		"dmesg-ramoops-2": {Data: []byte("Oops#1 Part1\n<1>[    0.900000] Unable to handle kernel NULL pointer dereference\n")},
		"console-ramoops": {Data: []byte("not a dump")},
	}
	got, err := Read(fsys)
	if err != nil {
		t.Fatal(err)
	}
	want := []Dump{
		{Reason: "Oops", Count: 1, Text: "<1>[    0.900000] Unable to handle kernel NULL pointer dereference\n", Files: []string{"dmesg-ramoops-2"}},
		{Reason: "Panic", Count: 2, Text: "<6>[    1.000000] earlier\n" + goPanic, Files: []string{"dmesg-ramoops-1", "dmesg-ramoops-0"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadGoesOnAfterABadRecord(t *testing.T) {
	fsys := fstest.MapFS{
		"dmesg-ramoops-0.enc.z": {Data: []byte("\x78\xda\x01")},
		"dmesg-ramoops-1":       {Data: []byte("Shutdown#1 Part1\nreboot: Restarting system\n")},
	}
	got, err := Read(fsys)
	if err == nil || !strings.Contains(err.Error(), "dmesg-ramoops-0.enc.z") {
		t.Errorf("got %v, want an error that names the record", err)
	}
	if len(got) != 1 || got[0].Crash() {
		t.Errorf("got %+v, want the record of the shutdown", got)
	}
}

func TestHeadline(t *testing.T) {
	for text, want := range map[string]string{
		goPanic: "panic: runtime error: index out of range [3] with length 3",
		"fatal error: all goroutines are asleep - deadlock!\n":                                   "fatal error: all goroutines are asleep - deadlock!",
		"[ 1.0] Kernel panic - not syncing: softlockup: hung tasks\n":                            "Kernel panic - not syncing: softlockup: hung tasks",
		"[ 1.0] Unable to handle kernel paging request\n[ 1.1] Kernel panic - not syncing: Oops": "Unable to handle kernel paging request",
		"reboot: Restarting system\n":                                                            "",
	} {
		if got := Headline(text); got != want {
			t.Errorf("Headline(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("Panic#1 Part1\ntext\n")
	f.Add("Panic#-1 Part\n")
	f.Fuzz(func(t *testing.T, record string) {
		p, err := parse(record)
		if err == nil && (p.reason == "" || p.count < 0 || p.number < 0) {
			t.Errorf("%q became %+v", record, p)
		}
	})
}
