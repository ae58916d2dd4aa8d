package port

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Discover lists the modems, complete or not, in the order of their places. The
// root of sys is /sys.
func Discover(sys fs.FS) ([]Found, error) {
	s := sysfs{sys}
	onUSB, err := s.modemsOnUSB()
	if err != nil {
		return nil, fmt.Errorf("look for modems on USB: %w", err)
	}
	others, err := s.modemsOfFramework()
	if err != nil {
		return nil, fmt.Errorf("look for modems of the WWAN framework: %w", err)
	}
	all := append(onUSB, others...)
	slices.SortFunc(all, func(a, b Found) int { return strings.Compare(a.ID, b.ID) })
	return all, nil
}

// candidate is a control port while it is compared with others of its modem.
type candidate struct {
	Control
	// tty is a serial port, whose answers come as a stream and on one of several.
	tty bool
	// mute is a port that most likely takes no commands.
	mute bool
	// place orders what is equal otherwise: the number of the USB interface.
	place uint16
}

// preferred returns the ports, the preferred first.
func preferred(all []candidate) []Control {
	slices.SortStableFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), falseFirst(a.tty, b.tty), falseFirst(a.mute, b.mute), cmp.Compare(a.place, b.place))
	})
	controls := make([]Control, 0, len(all))
	for _, c := range all {
		controls = append(controls, c.Control)
	}
	return controls
}

func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// linksOf returns the network devices right below a device.
func (s sysfs) linksOf(device, driver string) ([]Link, error) {
	names, err := s.list(path.Join(device, "net"))
	var links []Link
	for _, name := range names {
		links = append(links, Link{name, driver})
	}
	return links, err
}
