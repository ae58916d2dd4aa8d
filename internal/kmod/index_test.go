package kmod

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// debian is a part of the index of Debian's arm64 kernel.
var debian = fstest.MapFS{
	"modules.dep": {Data: []byte(`kernel/drivers/virtio/virtio_pci_modern_dev.ko:
kernel/drivers/virtio/virtio_pci_legacy_dev.ko:
kernel/drivers/virtio/virtio_pci.ko: kernel/drivers/virtio/virtio_pci_legacy_dev.ko kernel/drivers/virtio/virtio_pci_modern_dev.ko
kernel/net/core/failover.ko:
kernel/drivers/net/net_failover.ko: kernel/net/core/failover.ko
kernel/drivers/net/virtio_net.ko: kernel/drivers/net/net_failover.ko kernel/net/core/failover.ko
kernel/crypto/crc32c_generic.ko:
kernel/lib/libcrc32c.ko:
kernel/net/netfilter/nf_tables.ko: kernel/lib/libcrc32c.ko
kernel/drivers/watchdog/i6300esb.ko:
kernel/drivers/net/usb/cdc-wdm.ko.xz:
`)},
	"modules.builtin": {Data: []byte("kernel/drivers/tty/serial/amba-pl011.ko\nkernel/net/ipv4/ip_tunnel.ko\n")},
	"modules.softdep": {Data: []byte("# Soft dependencies extracted from modules themselves.\nsoftdep libcrc32c pre: crc32c\nsoftdep i6300esb post: absent\n")},
	"modules.alias": {Data: []byte(`# Aliases extracted from modules themselves.
alias crc32c crc32c_generic
alias virtio:d00000001v* virtio_net
alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci
alias pci:v00008086d000025ABsv*sd*bc*sc*i* i6300esb
alias usb:v*p*d*dc*dsc*dp*ic02isc[0-9a-e]9ip??in* cdc_wdm
`)},
}

func readIndex(t *testing.T, fsys fs.FS) *Index {
	t.Helper()
	index, err := ReadIndex(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return index
}

func TestClosureOrdersDependenciesFirst(t *testing.T) {
	for _, test := range []struct {
		names []string
		want  string
	}{
		{[]string{"virtio_net"}, "failover net_failover virtio_net"},
		{[]string{"virtio_pci", "virtio_net", "virtio_pci"},
			"virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover virtio_net"},
		{[]string{"nf_tables"}, "crc32c_generic libcrc32c nf_tables"},
		{[]string{"cdc-wdm"}, "cdc_wdm"},
		{[]string{"ip_tunnel", "amba-pl011"}, ""},
		{nil, ""},
	} {
		paths, err := readIndex(t, debian).Closure(test.names...)
		if err != nil {
			t.Errorf("Closure(%q): %v", test.names, err)
		}
		var got []string
		for _, p := range paths {
			got = append(got, Name(p))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("Closure(%q) = %q, want %q", test.names, got, test.want)
		}
	}
}

func TestClosureNamesEveryUnknownModule(t *testing.T) {
	_, err := readIndex(t, debian).Closure("vrf", "virtio_net", "ip_gre")
	if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), `["vrf" "ip_gre"]`) {
		t.Errorf("got %v, want an error that names vrf and ip_gre", err)
	}
}

func TestMatch(t *testing.T) {
	index, err := ReadIndex(debian)
	if err != nil {
		t.Fatal(err)
	}
	for modalias, want := range map[string]string{
		"pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00": "virtio_pci",
		"pci:v00008086d000025ABsv00001AF4sd00001100bc08sc80i00": "i6300esb",
		"virtio:d00000001v00001AF4":                             "virtio_net",
		"usb:v1199p9071d0006dc00dsc00dp00ic02isc09ip05in0C":     "cdc_wdm",
		"usb:v1199p9071d0006dc00dsc00dp00ic02iscF9ip05in0C":     "",
		"crc32c":                         "crc32c_generic",
		"pci:v00001B36d0000000Csv*":      "",
		"of:NpmuT(null)Carm,armv8-pmuv3": "",
		"":                               "",
	} {
		if got := strings.Join(index.Match(modalias), " "); got != want {
			t.Errorf("Match(%q) = %q, want %q", modalias, got, want)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, test := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true},
		{"*", "anything/at all", true},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXbYbZ", false},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"v[0-9A]x", "v7x", true},
		{"v[0-9A]x", "vAx", true},
		{"v[0-9A]x", "vBx", false},
		{"v[0-9", "v[0-9", true},
		{"abc", "abcd", false},
		{"abcd", "abc", false},
		{"", "", true},
	} {
		if got := match(test.pattern, test.s); got != test.want {
			t.Errorf("match(%q, %q) = %v", test.pattern, test.s, got)
		}
	}
}

func TestReadIndexSaysWhere(t *testing.T) {
	for name, text := range map[string]string{
		"modules.dep":     "kernel/a.ko:\nkernel/b.ko\n",
		"modules.alias":   "# comment\nalias too short by one\n",
		"modules.softdep": "\npre: a\n",
	} {
		fsys := fstest.MapFS{"modules.dep": {}, name: {Data: []byte(text)}}
		_, err := ReadIndex(fsys)
		if err == nil || !strings.Contains(err.Error(), name+" line 2") {
			t.Errorf("%s: got %v, want an error at line 2", name, err)
		}
	}
	if _, err := ReadIndex(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no index: got %v", err)
	}
}

func TestSubsetIsAnIndexOfItsOwn(t *testing.T) {
	index, err := ReadIndex(debian)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := index.Closure("nf_tables", "virtio_net")
	if err != nil {
		t.Fatal(err)
	}
	image := make(fstest.MapFS)
	for name, data := range index.Subset(paths) {
		image[name] = &fstest.MapFile{Data: data}
	}
	again, err := readIndex(t, image).Closure("nf_tables", "virtio_net", "ip_tunnel")
	if err != nil || !slices.Equal(again, paths) {
		t.Errorf("got %q, %v, want %q", again, err, paths)
	}
	small, err := ReadIndex(image)
	if err != nil {
		t.Fatal(err)
	}
	if got := small.Match("pci:v00008086d000025ABsv0sd0bc0sc0i0"); got != nil {
		t.Errorf("the driver that was left out matches: %q", got)
	}
}

func TestSubsetKeepsOtherPaths(t *testing.T) {
	image := make(fstest.MapFS)
	for name, data := range readIndex(t, debian).Subset([]string{"kernel/net/core/failover.ko", "kernel/drivers/net/net_failover.ko.gz"}) {
		image[name] = &fstest.MapFile{Data: data}
	}
	got, err := readIndex(t, image).Closure("net_failover")
	if want := []string{"kernel/net/core/failover.ko", "kernel/drivers/net/net_failover.ko.gz"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
