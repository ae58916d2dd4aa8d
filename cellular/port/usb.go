package port

import (
	"path"
	"strings"
)

// devices is where the kernel keeps devices by their place, below /sys.
const devices = "devices"

// The drivers of USB interfaces that matter here (kernel: drivers/net/usb,
// drivers/usb/serial, drivers/usb/class).
var (
	// messageDrivers give a cdc-wdm node, with this protocol. That of
	// huawei_cdc_ncm and of cdc_wdm alone, the class "device management", is AT.
	messageDrivers = map[string]Protocol{
		"cdc_mbim": MBIM, "qmi_wwan": QMI, "qmi_wwan_q": QMI, "huawei_cdc_ncm": AT, "cdc_wdm": AT,
	}
	// modemTTYs are the drivers of serial ports that only modems have.
	modemTTYs = map[string]bool{"option": true, "qcserial": true, "sierra": true}
)

// modemsOnUSB lists the devices that have a control port. It is on the way between
// a modem and its network, so it reads no more than it must: a list of all
// interfaces, a list of what each has, and the rest for modems alone.
func (s sysfs) modemsOnUSB() ([]Found, error) {
	const bus = "bus/usb/devices"
	names, err := s.list(bus)
	if err != nil {
		return nil, err
	}
	interfaces := make(map[string][]usbInterface) // by their device
	for _, name := range names {
		if !strings.Contains(name, ":") || strings.HasSuffix(name, "-0:1.0") {
			continue // a device; a controller's own hub
		}
		if target, ok := s.follow(path.Join(bus, name)); ok {
			device := path.Dir(target)
			interfaces[device] = append(interfaces[device], usbInterface{s, target})
		}
	}
	var all []Found
	for device, parts := range interfaces {
		f, is, err := s.usbModem(device, parts)
		if err != nil {
			return nil, err
		}
		if is {
			all = append(all, f)
		}
	}
	return all, nil
}

// usbModem looks at one device.
func (s sysfs) usbModem(device string, interfaces []usbInterface) (f Found, is bool, err error) {
	var controls []candidate
	modem := false // has a port that nothing but modems have
	for _, i := range interfaces {
		part, err := i.look()
		if err != nil {
			return Found{}, false, err
		}
		controls, f.Links = append(controls, part.controls...), append(f.Links, part.links...)
		modem = modem || part.modem
	}
	// Microcontrollers have a serial port of the class's driver too, and network
	// adapters a link: it takes both.
	if len(controls) == 0 || !modem && len(f.Links) == 0 {
		return Found{}, false, nil
	}
	f.ID, f.Bus, f.Controls = strings.TrimPrefix(device, devices+"/"), USB, preferred(controls)
	f.Vendor, f.Product = s.number(device, "idVendor"), s.number(device, "idProduct")
	f.Manufacturer, f.Model, f.Serial = s.text(device, "manufacturer"), s.text(device, "product"), s.text(device, "serial")
	return f, true, nil
}

// usbInterface is one function of a USB device, such as ".../1-1/1-1:1.4".
type usbInterface struct {
	sysfs
	path string
}

// usbPart is what an interface adds to a modem.
type usbPart struct {
	controls []candidate
	links    []Link
	// modem: only modems have such an interface.
	modem bool
}

// look finds the nodes of an interface. USB's serial drivers have theirs below a
// device of the serial bus (ttyUSB0/tty/ttyUSB0), cdc_acm right here (tty/ttyACM0).
func (i usbInterface) look() (p usbPart, err error) {
	entries, err := i.list(i.path)
	if err != nil {
		return p, err
	}
	var messages, ttys []string
	for _, entry := range entries {
		switch {
		case entry == "net":
			p.links, err = i.linksOf(i.path, i.driver(i.path))
		case entry == "usbmisc":
			messages, err = i.list(path.Join(i.path, entry))
		case entry == "tty":
			ttys, err = i.list(path.Join(i.path, entry))
		case strings.HasPrefix(entry, "ttyUSB"):
			ttys, err = i.list(path.Join(i.path, entry, "tty"))
		}
		if err != nil {
			return p, err
		}
	}
	if len(messages) == 0 && len(ttys) == 0 {
		return p, nil
	}
	driver := i.driver(i.path)
	protocol, isMessages := messageDrivers[driver]
	p.modem = isMessages || modemTTYs[driver]
	place := i.number(i.path, "bInterfaceNumber")
	for _, name := range messages {
		if isMessages {
			p.controls = append(p.controls, candidate{Control: Control{"/dev/" + name, protocol}, place: place})
		}
	}
	for _, name := range ttys {
		// The diagnostic port of Qualcomm's chips has no interrupt endpoint by which
		// a modem says that it rings; those that take commands do.
		mute := driver != "cdc_acm" && i.number(i.path, "bNumEndpoints") < 3
		p.controls = append(p.controls, candidate{Control: Control{"/dev/" + name, AT}, tty: true, mute: mute, place: place})
	}
	return p, nil
}
