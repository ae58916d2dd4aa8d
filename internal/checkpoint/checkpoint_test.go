package checkpoint

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

type lease struct{ Address string }

func TestSaveLoadRemove(t *testing.T) {
	d, err := Open(filepath.Join(t.TempDir(), "state"))
	if err != nil {
		t.Fatal(err)
	}
	var got lease
	if found, err := d.Load("dhcp-wan", &got); found || err != nil {
		t.Fatalf("Load of nothing = %v, %v", found, err)
	}
	for _, want := range []lease{{"192.0.2.1"}, {"192.0.2.2"}} {
		if err := d.Save("dhcp-wan", want); err != nil {
			t.Fatal(err)
		}
		if found, err := d.Load("dhcp-wan", &got); !found || err != nil || got != want {
			t.Fatalf("Load = %v, %v, %v; want %v", got, found, err, want)
		}
	}
	encoded := json.RawMessage(`{"Address":"192.0.2.3"}`)
	if err := d.Save("dhcp-wan", encoded); err != nil {
		t.Fatal(err)
	}
	if found, err := d.Load("dhcp-wan", &got); !found || err != nil || got != (lease{"192.0.2.3"}) {
		t.Fatalf("Load of what was saved encoded = %v, %v, %v", got, found, err)
	}
	if err := d.Remove("dhcp-wan"); err != nil {
		t.Fatal(err)
	}
	if found, _ := d.Load("dhcp-wan", &got); found {
		t.Error("record is there after Remove")
	}
	if err := d.Remove("dhcp-wan"); err != nil {
		t.Errorf("second Remove: %v", err)
	}
}

func TestOnlyOwnerReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Save("ike", lease{}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{path: 0o700, filepath.Join(path, "ike.json"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %o, want %o", path, got, want)
		}
	}
}

func TestDamagedRecordIsReportedOnce(t *testing.T) {
	d, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.path("ike"), []byte(`{"Address":`), 0o600); err != nil {
		t.Fatal(err)
	}
	var got lease
	if _, err := d.Load("ike", &got); err == nil {
		t.Error("Load of a damaged record reports nothing")
	}
	if found, err := d.Load("ike", &got); found || err != nil {
		t.Errorf("second Load = %v, %v; want a fresh start", found, err)
	}
}

func TestNamesAreOfWholeRecordsOnly(t *testing.T) {
	d, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ike:10.0.0.1", "ike:10.0.0.2", "nhrp"} {
		if err := d.Save(name, lease{}); err != nil {
			t.Fatal(err)
		}
	}
	// What a killed process leaves of a write.
	if err := os.WriteFile(filepath.Join(string(d), ".ike:10.0.0.3.json1234"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	names, err := d.Names("ike:")
	if want := []string{"ike:10.0.0.1", "ike:10.0.0.2"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("Names = %q, %v; want %q", names, err, want)
	}
}
