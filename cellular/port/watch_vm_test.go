//go:build vm

package port

import (
	"os"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/farspoke/farspoke/cellular/emulator/usb"
	"github.com/farspoke/farspoke/internal/uevent"
)

func TestProfiles(t *testing.T) {
	for name, test := range map[string]struct {
		profile usb.Profile
		want    Found
	}{
		"MBIM": {usb.MBIM, Found{
			Vendor: 0x1209, Product: 1, Manufacturer: "Farspoke", Model: "Emulated MBIM modem", Serial: "1209fa57",
			Controls: []Control{{"/dev/cdc-wdm0", MBIM}}, Links: []Link{{"wwan0", "cdc_mbim"}},
		}},
		"QMI": {usb.QMI, Found{
			Vendor: 0x2c7c, Product: 0x0125, Manufacturer: "Quectel", Model: "EC25-EU", Serial: "0125fa57",
			Controls: []Control{{"/dev/cdc-wdm0", QMI}, {"/dev/ttyUSB1", AT}, {"/dev/ttyUSB2", AT}, {"/dev/ttyUSB3", AT}, {"/dev/ttyUSB0", AT}},
			Links:    []Link{{"wwan0", "qmi_wwan"}},
		}},
		"ECM": {usb.ECM, Found{
			Vendor: 0x1546, Product: 0x1143, Manufacturer: "u-blox AG", Model: "u-blox Modem", Serial: "1143fa57",
			Controls: []Control{{"/dev/ttyACM0", AT}}, Links: []Link{{"wwan0", "cdc_ether"}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.modem(test.profile).Plug(0)
			got := l.at("-1")
			test.want.ID, test.want.Bus = got.ID, USB
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if matched, err := path.Match("platform/vhci_hcd.0/usb*/*-1", got.ID); err != nil || !matched {
				t.Errorf("ID %s", got.ID)
			}
			// Every port is there and opens: what was reported is usable.
			for _, c := range got.Controls {
				p, err := Open(c)
				if err != nil {
					t.Error(err)
					continue
				}
				if want := map[bool]int{true: 0, false: 4096}[c.Protocol == AT]; p.MaxMessage() != want {
					t.Errorf("%s takes %d octets, want %d", c.Node, p.MaxMessage(), want)
				}
				must(t, p.Close())
			}
		})
	}
}

// TestTimeToReport measures from the kernel's word about the last of the modem's
// nodes to the list with the modem. It takes no longer than to finish the look that
// is on its way, and to look once more. The fastest of some turns counts, and of more
// if the machine has other things to do.
func TestTimeToReport(t *testing.T) {
	l := newLab(t)
	f := l.modem(usb.MBIM)
	socket, err := uevent.Listen()
	must(t, err)
	defer socket.Close()
	const few, turns = 10, 100
	told := make(chan time.Time, turns)
	go func() {
		for {
			e, err := socket.Receive(t.Context())
			if err != nil {
				return
			}
			if e.Action == "add" && e.Vars["SUBSYSTEM"] == "net" {
				told <- time.Now()
			}
		}
	}()
	var took, looks []time.Duration
	for turn := range turns {
		f.Plug(0)
		l.at("-1")
		reported := time.Now()
		select {
		case at := <-told:
			if at.Before(reported) { // else the watch has heard it long before us
				took = append(took, reported.Sub(at))
			}
		case <-time.After(patience):
			t.Fatal("the kernel tells nothing")
		}
		start := time.Now()
		_, err := Discover(os.DirFS("/sys"))
		must(t, err)
		looks = append(looks, time.Since(start))
		f.Unplug()
		l.gone("-1")
		if turn+1 >= few && len(took) > 0 && slices.Min(took) <= 4*slices.Min(looks) {
			t.Logf("from event to report: %v; a look: %v", took, looks)
			return
		}
	}
	t.Errorf("a report takes %v, a look %v", took, looks)
}

// TestRenamed: two modems come back in the other order, so that each has the
// other's names, and are known all the same.
func TestRenamed(t *testing.T) {
	l := newLab(t)
	a, b := l.modem(usb.MBIM), l.modem(usb.MBIM)
	a.Plug(0)
	first := l.at("-1")
	b.Plug(1)
	second := l.at("-2")
	a.Unplug()
	b.Unplug()
	l.await("the end of both", func(all []Found) bool { return len(all) == 0 })
	b.Plug(1)
	secondAgain := l.at("-2")
	a.Plug(0)
	firstAgain := l.at("-1")
	if firstAgain.ID != first.ID || secondAgain.ID != second.ID {
		t.Errorf("%s is %s, %s is %s", first.ID, firstAgain.ID, second.ID, secondAgain.ID)
	}
	if firstAgain.Controls[0] != second.Controls[0] || secondAgain.Controls[0] != first.Controls[0] {
		t.Errorf("the nodes have not changed: %v, %v", firstAgain.Controls, secondAgain.Controls)
	}
}
