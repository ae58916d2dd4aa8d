package pid1

import (
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/farspoke/farspoke/board"
)

const pcie = "/devices/platform/4010000000.pcie/pci0000:00/"

// virtPorts returns QEMU's ports and the list of renames.
func virtPorts(t *testing.T) (ports, *[]string) {
	t.Helper()
	b, err := board.Find("virt")
	if err != nil {
		t.Fatal(err)
	}
	renamed := new([]string)
	return ports{board: b, log: slog.New(slog.DiscardHandler), rename: func(link, port string) error {
		if port == "lan2" {
			return errors.New("device or resource busy")
		}
		*renamed = append(*renamed, link+" "+port)
		return nil
	}}, renamed
}

func TestNameAll(t *testing.T) {
	link := func(device string) *fstest.MapFile {
		return &fstest.MapFile{Mode: fs.ModeSymlink, Data: []byte("../.." + device)}
	}
	sys := fstest.MapFS{
		"class/net/eth0": link(pcie + "0000:00:03.0/virtio1/net/eth0"),
		"class/net/eth1": link(pcie + "0000:00:04.0/virtio2/net/eth1"),
		"class/net/eth2": link(pcie + "0000:00:02.0/virtio0/net/eth2"),
		"class/net/lan3": link(pcie + "0000:00:05.0/virtio3/net/lan3"),
		"class/net/lo":   link("/devices/virtual/net/lo"),
	}
	p, renamed := virtPorts(t)
	err := p.nameAll(sys)
	if err == nil || !strings.Contains(err.Error(), "busy") {
		t.Errorf("got %v, want the failure of lan2", err)
	}
	if want := []string{"eth0 lan1", "eth2 wan"}; !slices.Equal(*renamed, want) {
		t.Errorf("renamed %q, want %q", *renamed, want)
	}
	if err := p.nameAll(fstest.MapFS{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no /sys: %v", err)
	}
}

func TestNameOfAHotPluggedLink(t *testing.T) {
	p, renamed := virtPorts(t)
	for _, path := range []string{
		pcie + "0000:00:06.0/virtio4/net/eth7",
		pcie + "0000:00:06.0/virtio4",
		pcie + "0000:00:1f.0/usb1/1-1/1-1:1.0/net/wwan0",
	} {
		if err := p.name(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if want := []string{"eth7 lan4"}; !slices.Equal(*renamed, want) {
		t.Errorf("renamed %q, want %q", *renamed, want)
	}
}
