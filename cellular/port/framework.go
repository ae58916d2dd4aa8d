package port

import (
	"path"
	"strings"
)

// portTypes are the types of ports of the WWAN framework that carry a protocol we
// speak (kernel: drivers/net/wwan/wwan_core.c). The others lead to firmware loaders
// and diagnostics.
var portTypes = map[string]Protocol{"MBIM": MBIM, "QMI": QMI, "AT": AT}

// modemsOfFramework lists the modems of the kernel's WWAN framework but those on
// USB, whose ports have nodes of their driver as well: Qualcomm's on PCIe (MHI),
// MediaTek's (t7xx), Intel's (iosm), and those within a processor.
//
// The class holds modems and ports alike: wwan0, and wwan0mbim0 below it. Only the
// latter have a node.
func (s sysfs) modemsOfFramework() ([]Found, error) {
	const class = "class/wwan"
	names, err := s.list(class)
	if err != nil {
		return nil, err
	}
	var all []Found
	for _, name := range names {
		device, ok := s.follow(path.Join(class, name))
		if !ok || s.attribute(device, "dev") != "" {
			continue
		}
		owner, bus := s.owner(device)
		if bus == USB {
			continue
		}
		controls, err := s.frameworkPorts(device)
		if err != nil {
			return nil, err
		}
		all = append(all, Found{
			ID: strings.TrimPrefix(owner, devices+"/"), Bus: bus,
			Vendor: s.number(owner, "vendor"), Product: s.number(owner, "device"),
			Controls: controls, WWAN: name,
		})
	}
	return all, nil
}

// frameworkPorts lists the control ports below a modem's device.
func (s sysfs) frameworkPorts(device string) ([]Control, error) {
	names, err := s.list(device)
	var ports []candidate
	for _, name := range names {
		protocol, ok := portTypes[s.attribute(path.Join(device, name), "type")]
		if ok {
			ports = append(ports, candidate{Control: Control{Node: "/dev/" + name, Protocol: protocol}})
		}
	}
	return preferred(ports), err
}

// owner returns the device on a bus to which a device of the framework belongs, by
// way of what its driver puts in between, such as mhi0, whose number changes.
func (s sysfs) owner(device string) (owner string, bus Bus) {
	for owner = path.Dir(device); owner != devices && owner != "."; owner = path.Dir(owner) {
		switch s.subsystem(owner) {
		case "pci":
			return owner, PCI
		case "usb":
			return owner, USB
		}
	}
	return path.Dir(path.Dir(device)), Other // past the directory of the class
}
