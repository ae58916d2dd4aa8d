package port

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/farspoke/farspoke/cellular/modem"
)

func TestPlanLinks(t *testing.T) {
	type sessions = map[int]string
	for name, test := range map[string]struct {
		limits  limits
		wanted  []int
		present sessions
		names   []string
		add     sessions
		remove  sessions
	}{
		"the modem's own": {
			limits: limits{1, 255}, wanted: []int{0}, names: []string{"wwan0"},
		},
		"others beside it": {
			limits: limits{1, 255}, wanted: []int{5, 0}, names: []string{"wwan0.5", "wwan0"}, add: sessions{5: "wwan0.5"},
		},
		"what is there stays, by its name": {
			limits: limits{1, 255}, wanted: []int{0, 5}, present: sessions{5: "ims"}, names: []string{"wwan0", "ims"},
		},
		"what is left over goes": {
			limits: limits{1, 255}, wanted: []int{0, 5}, present: sessions{5: "wwan0.5", 6: "wwan0.6"},
			names: []string{"wwan0", "wwan0.5"}, remove: sessions{6: "wwan0.6"},
		},
		"no session": {
			limits: limits{1, 255}, present: sessions{5: "wwan0.5"}, remove: sessions{5: "wwan0.5"},
		},
		"a channel each": {
			limits: limits{0, 253}, wanted: []int{0, 1}, present: sessions{1: "wwan0.1"},
			names: []string{"wwan0.0", "wwan0.1"}, add: sessions{0: "wwan0.0"},
		},
		"channels no more": {
			limits: limits{1, 253}, wanted: []int{0}, present: sessions{0: "wwan0.0", 1: "wwan0.1"},
			names: []string{"wwan0"}, remove: sessions{0: "wwan0.0", 1: "wwan0.1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := planLinks("wwan0", test.limits, test.wanted, test.present)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(p.names, test.names) || !maps.Equal(p.add, test.add) || !maps.Equal(p.remove, test.remove) {
				t.Errorf("got %+v", p)
			}
		})
	}
	for _, session := range []int{-1, 256} {
		if _, err := planLinks("wwan0", limits{1, 255}, []int{session}, nil); !errors.Is(err, modem.ErrUnsupported) {
			t.Errorf("session %d: %v", session, err)
		}
	}
}

// TestDataLinksNeedAModem asks for what no kernel need be asked for.
func TestDataLinksNeedAModem(t *testing.T) {
	root := files(t, map[string]string{"sys/devices/usb1/1-1/1-1:1.6/net/lte/ifindex": "4\n"})
	serial := Found{ID: "usb1/1-1", Controls: []Control{{"/dev/ttyUSB0", AT}}, Links: []Link{{"usb0", "cdc_ether"}}}
	if names, err := dataLinks(root, serial, []int{0}); err != nil || !slices.Equal(names, []string{"lte"}) {
		t.Errorf("%v, %v, want the name that it has now", names, err)
	}
	if _, err := dataLinks(root, serial, []int{1}); !errors.Is(err, modem.ErrUnsupported) {
		t.Errorf("a second session: %v", err)
	}
	onPCI := Found{ID: "pci0000:00/0000:01:00.0", Controls: []Control{{"/dev/wwan0qmi0", QMI}}, WWAN: "wwan0"}
	if _, err := DataLinks(onPCI, 0); !errors.Is(err, modem.ErrUnsupported) {
		t.Errorf("QMI on PCI: %v", err)
	}
	for name, f := range map[string]Found{
		"no ports":    {ID: "usb1/1-1"},
		"off the bus": {ID: "gone/usb1/1-1", Controls: []Control{{"/dev/cdc-wdm0", MBIM}}, Links: []Link{{"wwan0", "cdc_mbim"}}},
	} {
		if _, err := DataLinks(f, 0); !errors.Is(err, modem.ErrGone) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestMuxReadsAndWritesTheDriver on a copy of what the kernel has in
// /sys/class/net for two channels, and a VRF that the device is in.
func TestMuxReadsAndWritesTheDriver(t *testing.T) {
	class := t.TempDir()
	for file, text := range map[string]string{
		"wwan0/qmi/raw_ip": "Y\n", "wwan0/qmi/add_mux": "0x01\n0x06\n", "wwan0/qmi/del_mux": "", "wwan0/upper_qmimux0/x": "", "wwan0/upper_wwan0.5/x": "", "wwan0/upper_front/x": "",
		"qmimux0/qmap/mux_id": "0x01\n", "wwan0.5/qmap/mux_id": "0x06\n", "front/ifindex": "9\n",
	} {
		file = filepath.Join(class, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := mux{base: "wwan0", class: class, channels: true}
	present, err := m.list()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int]string{0: "qmimux0", 5: "wwan0.5"}, present); diff != "" {
		t.Error(diff)
	}
	if err := m.remove(5, "wwan0.5"); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(class, "wwan0/qmi/del_mux")); err != nil || string(text) != "6" {
		t.Errorf("the driver was told %q, %v", text, err)
	}
}

// TestFrameworkRequest compares with the layout of include/uapi/linux/wwan.h.
func TestFrameworkRequest(t *testing.T) {
	r := framework{"wwan0"}.request(5, "wwan0.5")
	got := r.Serialize()[unix.SizeofNlMsghdr+unix.SizeofIfInfomsg:]
	want := []byte("" +
		"\x0c\x00\x03\x00wwan0.5\x00" + // IFLA_IFNAME
		"\x0a\x00\x38\x00wwan0\x00\x00\x00" + // IFLA_PARENT_DEV_NAME
		"\x18\x00\x12\x00" + // IFLA_LINKINFO
		"\x08\x00\x01\x00wwan" + // IFLA_INFO_KIND
		"\x0c\x00\x02\x00\x08\x00\x01\x00\x05\x00\x00\x00") // IFLA_INFO_DATA, IFLA_WWAN_LINK_ID
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestParseFrameworkLink reads what the kernel says of a device: that of the
// request above among others, and one of another kind.
func TestParseFrameworkLink(t *testing.T) {
	header := string(make([]byte, unix.SizeofIfInfomsg))
	request := string(framework{"wwan0"}.request(5, "ims").Serialize()[unix.SizeofNlMsghdr:])
	l, is, err := parseFrameworkLink([]byte(request))
	if want := (frameworkLink{modem: "wwan0", name: "ims", session: 5}); err != nil || !is || l != want {
		t.Errorf("%+v, %v, %v, want %+v", l, is, err, want)
	}
	for name, message := range map[string]string{
		"no info":      header + "\x08\x00\x03\x00lo\x00\x00",
		"another kind": header + "\x0c\x00\x12\x00\x08\x00\x01\x00vlan",
		"no link id":   header + "\x0c\x00\x12\x00\x08\x00\x01\x00wwan",
	} {
		if l, is, err := parseFrameworkLink([]byte(message)); is || err != nil {
			t.Errorf("%s: %+v, %v", name, l, err)
		}
	}
	for _, message := range []string{"", header[1:], header + "\x03\x00\x03\x00"} {
		if l, is, err := parseFrameworkLink([]byte(message)); is || err == nil {
			t.Errorf("%q was taken for %+v", message, l)
		}
	}
}
