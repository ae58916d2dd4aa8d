package pstore

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

const goPanic = `<6>[    7.100000] [U] panic: runtime error: index out of range [3] with length 3
<6>[    7.100100] [U] goroutine 1 [running]:
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
	const killed = "<0>[    7.200000] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000200\n"
	for _, test := range []struct{ name, text, want string }{
		{"PID 1", goPanic, "panic: runtime error: index out of range [3] with length 3"},
		{"a program's own words", "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\n",
			"fatal error: all goroutines are asleep - deadlock!"},
		{"PID 1, long after the router",
			"<28>[    3.000000] router stderr: panic: no way\n<6>[    7.100000] [U] SIGQUIT: quit\n" + killed, "SIGQUIT: quit"},
		{"PID 1 took its time", "<30>[    7.100000] init: panic: no way\n" + killed, "panic: no way"},
		{"nobody said why", killed, "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000200"},
		{"kernel, long after the router", `<28>[    3.000000] router stderr: panic: no way
<1>[    9.000000] Unable to handle kernel paging request at virtual address dfff800000000001
<0>[    9.000100] Internal error: Oops: 96000004 [#1] SMP
<0>[    9.000200] Kernel panic - not syncing: Oops: Fatal exception
`, "Unable to handle kernel paging request at virtual address dfff800000000001"},
		{"watchdog of the kernel", "[ 9.0] Kernel panic - not syncing: softlockup: hung tasks\n", "Kernel panic - not syncing: softlockup: hung tasks"},
		{"orderly, with a report of an earlier crash",
			"<27>[    3.000000] init: the previous run ended in a crash: panic: no way\n<5>[    9.000000] reboot: Restarting system\n", ""},
		{"empty", "", ""},
	} {
		if got := Headline(test.text); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
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
