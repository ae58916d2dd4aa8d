package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/farspoke/farspoke/cellular"
	"github.com/farspoke/farspoke/internal/invalid"
)

var (
	// hostLabel is a label of a host name (RFC 1123, 2.1).
	hostLabel = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	// entryName is what the kernel takes as the name of a device and every
	// file system as part of a file's name.
	entryName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,14}$`)
	// taken are names of devices and of settings for all devices.
	taken = []string{"lo", "all", "default", "gre0", "gretap0", "erspan0"}
)

// maxModemName leaves room for what names a modem's second device.
const maxModemName = 10

// maxHostname is Linux's HOST_NAME_MAX.
const maxHostname = 64

// checkNames reports names that the kernel would refuse, and those of two
// devices that would be the same.
func (f *File) checkNames() error {
	var errs []error
	if !isHostname(f.Hostname) {
		errs = append(errs, invalid.Field("hostname", "is not a host name", "write letters, digits and hyphens, such as branch-17"))
	}
	refuse := func(section, name, problem, fix string) {
		errs = append(errs, &invalid.Error{Path: []string{section, name}, Problem: problem, Fix: fix})
	}
	devices := map[string]string{}
	for _, c := range sorted(f.Interfaces) {
		devices[c.Port] = "interfaces, as a port,"
	}
	device := func(section, name string) {
		other, used := devices[name]
		switch {
		case slices.Contains(taken, name):
			refuse(section, name, "is a name of the system's own", "choose another name")
		case used:
			refuse(section, name, "is a name in "+other+" already, and both would name a device", "choose another name for one of them")
		}
		devices[name] = section
	}
	for section, names := range map[string][]string{
		"vrfs":       slices.Collect(maps.Keys(f.VRFs)),
		"interfaces": slices.Collect(maps.Keys(f.Interfaces)),
		"modems":     slices.Collect(maps.Keys(f.Modems)),
		"tunnels":    slices.Collect(maps.Keys(f.Tunnels)),
		"ipsec":      slices.Collect(maps.Keys(f.IPsec)),
	} {
		for _, name := range names {
			if !entryName.MatchString(name) {
				refuse(section, name, "cannot be a name", "write up to 15 letters, digits, - and _, beginning with a letter or digit")
			}
		}
	}
	for name, c := range sorted(f.Interfaces) {
		if c.Modem == "" {
			continue
		}
		device("interfaces", name)
		device("interfaces", cellular.CLATName(name))
		if len(name) > maxModemName {
			refuse("interfaces", name, "is too long for the devices of a modem", fmt.Sprintf("write up to %d characters, such as lte", maxModemName))
		}
	}
	for name := range sorted(f.VRFs) {
		device("vrfs", name)
	}
	for name := range sorted(f.Tunnels) {
		device("tunnels", name)
	}
	return errors.Join(errs...)
}

func isHostname(name string) bool {
	for label := range strings.SplitSeq(name, ".") {
		if !hostLabel.MatchString(label) {
			return false
		}
	}
	return len(name) <= maxHostname
}
