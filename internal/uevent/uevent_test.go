package uevent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const virtio = "add@/devices/platform/4010000000.pcie/pci0000:00/0000:00:02.0/virtio0\x00" +
	"ACTION=add\x00DEVPATH=/devices/platform/4010000000.pcie/pci0000:00/0000:00:02.0/virtio0\x00" +
	"SUBSYSTEM=virtio\x00MODALIAS=virtio:d00000001v00001AF4\x00SEQNUM=1207\x00"

func TestParse(t *testing.T) {
	got, err := parse([]byte(virtio))
	if err != nil {
		t.Fatal(err)
	}
	const path = "/devices/platform/4010000000.pcie/pci0000:00/0000:00:02.0/virtio0"
	want := Event{Action: "add", Path: path, Vars: map[string]string{
		"ACTION": "add", "DEVPATH": path, "SUBSYSTEM": "virtio",
		"MODALIAS": "virtio:d00000001v00001AF4", "SEQNUM": "1207",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, message := range []string{"", "libudev\x00\xfe\xed\xca\xfe", "add@", "@/devices/x", "add@relative\x00A=b"} {
		if e, err := parse([]byte(message)); err == nil {
			t.Errorf("%q was taken for %+v", message, e)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(virtio))
	f.Add([]byte("remove@/devices/x\x00\x00=\x00A\x00"))
	f.Fuzz(func(t *testing.T, message []byte) {
		e, err := parse(message)
		if err == nil && (e.Action == "" || !strings.HasPrefix(e.Path, "/")) {
			t.Errorf("%q became %+v", message, e)
		}
	})
}

func TestColdplugAsksEveryDevice(t *testing.T) {
	root := t.TempDir()
	for _, device := range []string{"platform", "platform/pcie/0000:00:02.0", "virtual/net/lo"} {
		dir := filepath.Join(root, device)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{"uevent", "modalias"} {
			if err := os.WriteFile(filepath.Join(dir, file), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := Coldplug(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"platform/uevent": "add", "platform/pcie/0000:00:02.0/uevent": "add", "virtual/net/lo/uevent": "add",
		"platform/modalias": "",
	} {
		if got, err := os.ReadFile(filepath.Join(root, file)); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v, want %q", file, got, err, want)
		}
	}
}
