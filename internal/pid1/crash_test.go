package pid1

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/farspoke/farspoke/board"
)

func TestKeepCrash(t *testing.T) {
	root, dir := t.TempDir(), filepath.Join(t.TempDir(), "crash")
	for name, text := range map[string]string{
		"dmesg-ramoops-0": "Panic#1 Part1\n<30>[    7.100000] router: ready\n<6>[    7.200000] [U] panic: no way\n",
		"dmesg-ramoops-1": "Emergency#2 Part1\n<6>[    7.200000] [U] panic: no way\n",
		"dmesg-ramoops-2": "Shutdown#3 Part1\n<5>[    9.000000] reboot: Restarting system\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	log := slog.New(slog.NewTextHandler(&out, nil))
	if err := keepCrash(log, root, dir); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "level=ERROR msg=\"the previous run ended in a crash: panic: no way\"") ||
		!strings.Contains(out.String(), "level=INFO msg=\"the previous run ended in order\"") {
		t.Errorf("log:\n%s", &out)
	}
	if strings.Count(out.String(), "panic: no way") != 1 {
		t.Errorf("one crash is reported more than once:\n%s", &out)
	}
	if left, _ := os.ReadDir(root); len(left) != 0 {
		t.Errorf("records are left: %v", left)
	}
	got, err := os.ReadFile(filepath.Join(dir, "panic-1.txt"))
	if err != nil || !strings.HasSuffix(string(got), "panic: no way\n") {
		t.Errorf("kept %q, %v", got, err)
	}

	out.Reset()
	if err := keepCrash(log, root, dir); err != nil || out.Len() != 0 {
		t.Errorf("nothing to keep: %v, %q", err, &out)
	}
}

// TestRamoopsStaysOutOfTheKernelsMemory: without a reservation, where it goes is other
// data of the kernel, unless that has been told to stay below.
func TestRamoopsStaysOutOfTheKernelsMemory(t *testing.T) {
	r := board.Ramoops{Address: 0x1800_0000, Size: 0x10_0000, RecordSize: 0x1_0000}
	reserved := fstest.MapFS{"device-tree/reserved-memory/ramoops@18000000/reg": {}}
	if params, err := ramoopsParams(r, reserved); params != "" || err != nil {
		t.Errorf("reserved: %q, %v", params, err)
	}
	if params, err := ramoopsParams(r, fstest.MapFS{}); err == nil {
		t.Errorf("not reserved: the driver is loaded with %q", params)
	}
	r.Spare = true
	want := "mem_address=0x18000000 mem_size=0x100000 record_size=0x10000 ecc=16 max_reason=4"
	if params, err := ramoopsParams(r, fstest.MapFS{}); params != want || err != nil {
		t.Errorf("spare: %q, %v, want %q", params, err, want)
	}
}
