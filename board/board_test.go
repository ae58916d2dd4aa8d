package board

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

func tree(compatible ...string) fstest.MapFS {
	text := strings.Join(compatible, "\x00") + "\x00"
	return fstest.MapFS{"device-tree/compatible": {Data: []byte(text)}}
}

func TestDetect(t *testing.T) {
	b, err := Detect(tree("linux,dummy-virt"))
	if err != nil || b.Name != "virt" {
		t.Errorf("got %q, %v", b.Name, err)
	}
	_, err = Detect(tree("acme,toaster-v2", "acme,toaster"))
	if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "acme,toaster-v2") {
		t.Errorf("got %v, want an error that says what the device tree says", err)
	}
	if _, err := Detect(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no device tree: got %v", err)
	}
}

// TestDetectInAFamily has the strings of three ESPRESSObins, of which we know two.
func TestDetectInAFamily(t *testing.T) {
	const family = "globalscale,espressobin"
	for _, test := range []struct {
		names []string
		want  string
	}{
		{[]string{"globalscale,espressobin-v7", family, "marvell,armada3720"}, "espressobin-v7"},
		{[]string{"globalscale,espressobin-v7-emmc", "globalscale,espressobin-v7", family, "marvell,armada3720"}, "espressobin-v7"},
		{[]string{"globalscale,espressobin-ultra", family, "marvell,armada3720"}, "espressobin-ultra"},
		{[]string{family, "marvell,armada3720"}, ""},
	} {
		if b, err := Detect(tree(test.names...)); b.Name != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q is taken for %q (%v), want %q", test.names, b.Name, err, test.want)
		}
	}
}

func TestPort(t *testing.T) {
	for device, want := range map[string]string{
		"/sys/devices/platform/4010000000.pcie/pci0000:00/0000:00:02.0/virtio0": "wan",
		"/devices/platform/3f000000.pcie/pci0000:00/0000:00:03.0/virtio4":       "lan1",
		"/devices/platform/4010000000.pcie/pci0000:00/0000:00:07.0/virtio3":     "",
		"/devices/platform/4010000000.pcie/pci0000:00/0000:00:02.0":             "",
		"/devices/virtual": "",
	} {
		if got, ok := virt.Port(device); got != want || ok != (want != "") {
			t.Errorf("Port(%q) = %q, %v, want %q", device, got, ok, want)
		}
	}
}

func TestModem(t *testing.T) {
	const controller = "platform/4010000000.pcie/pci0000:00/0000:00:0a.0/"
	for device, want := range map[string]string{
		controller + "usb1/1-1":                   "m2",
		"/sys/devices/" + controller + "usb2/2-1": "m2",
		controller + "usb1/1-2":                   "",
		controller + "usb1/1-1/1-1.1":             "",
		"platform/vhci_hcd.0/usb3/3-1":            "",
	} {
		if got, ok := virt.Modem(device); got != want || ok != (want != "") {
			t.Errorf("Modem(%q) = %q, %v, want %q", device, got, ok, want)
		}
	}
}

// TestFacts checks what every board file has to get right.
func TestFacts(t *testing.T) {
	for _, b := range All() {
		if found, err := Find(b.Name); err != nil || found.Name != b.Name {
			t.Errorf("Find(%q): %v", b.Name, err)
		}
		for name, pattern := range b.Ports {
			if _, err := path.Match(pattern, ""); err != nil {
				t.Errorf("%s: port %s: %v", b.Name, name, err)
			}
			if len(name) > 15 {
				t.Errorf("%s: port %s: the kernel takes 15 characters", b.Name, name)
			}
		}
		for name, m := range b.Modems {
			if _, err := path.Match(m.Device, ""); err != nil || m.Device == "" {
				t.Errorf("%s: modem %s: pattern %q, %v", b.Name, name, m.Device, err)
			}
			if m.Slot == "" || m.SIMs < 1 {
				t.Errorf("%s: modem %s has no slot or no SIM", b.Name, name)
			}
			if _, taken := b.Ports[name]; taken {
				t.Errorf("%s: %s is a port and a modem", b.Name, name)
			}
		}
		if b.Watchdog.Timeout < time.Second || b.Watchdog.Timeout%time.Second != 0 {
			t.Errorf("%s: watchdog timeout %v is not in whole seconds", b.Name, b.Watchdog.Timeout)
		}
		if b.Watchdog.Module != "" && !slices.Contains(b.Modules, b.Watchdog.Module) {
			t.Errorf("%s: the image will lack the watchdog's module %s", b.Name, b.Watchdog.Module)
		}
		for _, m := range []string{RamoopsModule, LinesModule} {
			if b.Ramoops != (Ramoops{}) && !slices.Contains(b.Modules, m) {
				t.Errorf("%s: the image will lack %s", b.Name, m)
			}
			if slices.Contains(b.Drivers(), m) {
				t.Errorf("%s: the boot waits for %s", b.Name, m)
			}
		}
		if b.LED != "" && !slices.Contains(b.OnDemand, LEDModule) {
			t.Errorf("%s: the image will lack %s, and the LED will not blink", b.Name, LEDModule)
		}
		if at := b.Boot.KernelAddress; at == 0 || at%(2<<20) != 0 {
			t.Errorf("%s: the kernel goes to %#x, want a multiple of 2 MiB", b.Name, at)
		}
		if b.Button != (Button{}) && !slices.Contains(b.OnDemand, ButtonModule) {
			t.Errorf("%s: the image will lack %s, and the button is not heard", b.Name, ButtonModule)
		}
		if !slices.ContainsFunc(b.KernelArgs, func(a string) bool {
			return a == "console="+b.Console || strings.HasPrefix(a, "console="+b.Console+",")
		}) {
			t.Errorf("%s: the kernel's console is not %s", b.Name, b.Console)
		}
	}
	if _, err := Find("toaster"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v, want %v", err, ErrUnknown)
	}
}
