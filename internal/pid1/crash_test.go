package pid1

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
