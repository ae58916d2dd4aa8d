package port

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// tree reads a description of /sys: "[DIR]" says where what follows is, "FILE =
// TEXT" is an attribute, "LINK -> TARGET" a symbolic link.
func tree(t testing.TB, file string) fstest.MapFS {
	t.Helper()
	text, err := os.ReadFile(path.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	sys, dir := fstest.MapFS{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		name, content, isFile := strings.Cut(line, " = ")
		link, target, isLink := strings.Cut(line, " -> ")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			dir = strings.Trim(line, "[]")
		case isLink:
			sys[path.Join(dir, link)] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
		case isFile:
			sys[path.Join(dir, name)] = &fstest.MapFile{Data: []byte(content + "\n"), Mode: 0o444}
		default:
			t.Fatalf("%s: %q is no line of a tree", file, line)
		}
	}
	return sys
}

func TestDiscover(t *testing.T) {
	for file, want := range map[string][]Found{
		"em7455.txt": {{
			ID: "platform/soc/38200000.usb/xhci-hcd.1.auto/usb1/1-2", Bus: USB, Vendor: 0x1199, Product: 0x9079,
			Manufacturer: "Sierra Wireless, Incorporated", Model: "Sierra Wireless EM7455 Qualcomm Snapdragon X7 LTE-A", Serial: "LQ650551830105",
			Controls: []Control{{"/dev/cdc-wdm0", MBIM}, {"/dev/ttyUSB0", AT}},
			Links:    []Link{{"wwan0", "cdc_mbim"}},
		}},
		"ec25.txt": {{
			ID: "platform/4010000000.pcie/pci0000:00/0000:00:0a.0/usb1/1-1", Bus: USB, Vendor: 0x2c7c, Product: 0x0125,
			Manufacturer: "Quectel", Model: "EG25-G",
			Controls: []Control{{"/dev/cdc-wdm1", QMI}, {"/dev/ttyUSB1", AT}, {"/dev/ttyUSB2", AT}, {"/dev/ttyUSB3", AT}, {"/dev/ttyUSB0", AT}},
			Links:    []Link{{"wwan1", "qmi_wwan"}},
		}},
		"rm520n.txt": {{
			ID: "platform/soc/33800000.pcie/pci0001:00/0001:00:00.0/0001:01:00.0", Bus: PCI, Vendor: 0x17cb, Product: 0x0308,
			Controls: []Control{{"/dev/wwan0mbim0", MBIM}, {"/dev/wwan0at0", AT}},
			WWAN:     "wwan0",
		}},
		"huawei-ecm.txt": {{
			ID: "platform/soc/3f980000.usb/usb1/1-1/1-1.3", Bus: USB, Vendor: 0x12d1, Product: 0x1573,
			Manufacturer: "Huawei Technologies Co., Ltd.", Model: "HUAWEI Mobile V7R11", Serial: "0123456789ABCDEF",
			Controls: []Control{{"/dev/ttyUSB0", AT}, {"/dev/ttyUSB2", AT}, {"/dev/ttyUSB3", AT}, {"/dev/ttyUSB1", AT}},
			Links:    []Link{{"usb0", "cdc_ether"}},
		}},
		"emulator.txt": {{
			ID: "platform/vhci_hcd.0/usb3/3-1", Bus: USB, Vendor: 0x1209, Product: 1,
			Controls: []Control{{"/dev/cdc-wdm0", MBIM}}, Links: []Link{{"wwan0", "cdc_mbim"}},
		}},
		"none.txt": nil,
	} {
		got, err := Discover(tree(t, file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", file, diff)
		}
		for _, f := range got {
			if !f.Complete() {
				t.Errorf("%s is not complete", file)
			}
		}
	}
}

// TestDiscoverOnTheWay looks at modems whose drivers are at work.
func TestDiscoverOnTheWay(t *testing.T) {
	const device = "devices/platform/vhci_hcd.0/usb3/3-1/3-1:1.0"
	sys := tree(t, "emulator.txt")
	delete(sys, device+"/net/wwan0/ifindex")
	if got := only(t, sys); got.Complete() || len(got.Controls) != 1 {
		t.Errorf("without its link: %+v", got)
	}
	delete(sys, device+"/usbmisc/cdc-wdm0/dev")
	if got, err := Discover(sys); err != nil || got != nil {
		t.Errorf("without any node: %+v, %v", got, err)
	}
	framework := tree(t, "rm520n.txt")
	const port = "devices/platform/soc/33800000.pcie/pci0001:00/0001:00:00.0/0001:01:00.0/mhi0/wwan/wwan0/"
	delete(framework, port+"wwan0mbim0/type")
	delete(framework, port+"wwan0at0/type")
	if got := only(t, framework); got.Complete() {
		t.Errorf("without ports: %+v", got)
	}
}

// TestDiscoverWithoutBuses is a kernel without USB and WWAN.
func TestDiscoverWithoutBuses(t *testing.T) {
	if got, err := Discover(fstest.MapFS{}); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := Discover(broken{}); err == nil {
		t.Errorf("%v of a /sys that cannot be read", got)
	}
}

// TestTextOfADevice: what a device says of itself ends on somebody's screen.
func TestTextOfADevice(t *testing.T) {
	sys := tree(t, "emulator.txt")
	sys["devices/platform/vhci_hcd.0/usb3/3-1/product"] = &fstest.MapFile{Data: []byte("Ev\x1b[2Jil\xff\u202e\x00 Módem\n")}
	if got := only(t, sys).Model; got != "Ev[2Jil Módem" {
		t.Errorf("%q", got)
	}
}

// only returns the one modem.
func only(t *testing.T, sys fs.FS) Found {
	t.Helper()
	all, err := Discover(sys)
	if err != nil || len(all) != 1 {
		t.Fatalf("%+v, %v, want one modem", all, err)
	}
	return all[0]
}

// broken is a file system that cannot be read.
type broken struct{}

func (broken) Open(string) (fs.File, error) { return nil, errors.New("input/output error") }
