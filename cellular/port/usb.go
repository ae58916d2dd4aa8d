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

// modemsOnUSB lists the devices that have a control port.
func (s sysfs) modemsOnUSB() ([]Found, error) {
	const bus = "bus/usb/devices"
	names, err := s.list(bus)
	if err != nil {
		return nil, err
	}
	var all []Found
	for _, name := range names {
		if strings.Contains(name, ":") {
			continue // an interface
		}
		device, ok := s.follow(path.Join(bus, name))
		if !ok {
			continue
		}
		f, is, err := s.usbModem(device)
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
func (s sysfs) usbModem(device string) (f Found, is bool, err error) {
	names, err := s.list(device)
	if err != nil {
		return Found{}, false, err
	}
	var controls []candidate
	modem := false // has a port that nothing but modems have
	for _, name := range names {
		if !strings.Contains(name, ":") {
			continue
		}
		i := usbInterface{s, path.Join(device, name)}
		ports, certain, err := i.controls()
		if err != nil {
			return Found{}, false, err
		}
		links, err := s.linksOf(i.path, s.driver(i.path))
		if err != nil {
			return Found{}, false, err
		}
		controls, f.Links = append(controls, ports...), append(f.Links, links...)
		modem = modem || certain
	}
	// Microcontrollers have a serial port of the class's driver too, and network
	// adapters a link: it takes both.
	if len(controls) == 0 || !modem && len(f.Links) == 0 {
		return Found{}, false, nil
	}
	f.ID, f.Bus, f.Controls = strings.TrimPrefix(device, devices+"/"), USB, preferred(controls)
	f.Vendor, f.Product = s.number(device, "idVendor"), s.number(device, "idProduct")
	f.Manufacturer, f.Model, f.Serial = s.attribute(device, "manufacturer"), s.attribute(device, "product"), s.attribute(device, "serial")
	return f, true, nil
}

// usbInterface is one function of a USB device, such as ".../1-1/1-1:1.4".
type usbInterface struct {
	sysfs
	path string
}

// controls lists the control ports and says whether only a modem can have them.
func (i usbInterface) controls() (ports []candidate, certain bool, err error) {
	driver, place := i.driver(i.path), i.number(i.path, "bInterfaceNumber")
	if protocol, ok := messageDrivers[driver]; ok {
		names, err := i.list(path.Join(i.path, "usbmisc"))
		for _, name := range names {
			ports = append(ports, candidate{Control: Control{"/dev/" + name, protocol}, place: place})
		}
		return ports, true, err
	}
	ttys, err := i.ttys()
	for _, name := range ttys {
		// The diagnostic port of Qualcomm's chips has no interrupt endpoint by which
		// a modem says that it rings; those that take commands do.
		mute := i.number(i.path, "bNumEndpoints") < 3 && driver != "cdc_acm"
		ports = append(ports, candidate{Control: Control{"/dev/" + name, AT}, tty: true, mute: mute, place: place})
	}
	return ports, modemTTYs[driver], err
}

// ttys lists serial ports, which USB's serial drivers put below a device of the
// serial bus (ttyUSB0/tty/ttyUSB0) and cdc_acm right here (tty/ttyACM0).
func (i usbInterface) ttys() ([]string, error) {
	ttys, err := i.list(path.Join(i.path, "tty"))
	if err != nil {
		return nil, err
	}
	names, err := i.list(i.path)
	for _, name := range names {
		if !strings.HasPrefix(name, "ttyUSB") {
			continue
		}
		below, err := i.list(path.Join(i.path, name, "tty"))
		if err != nil {
			return nil, err
		}
		ttys = append(ttys, below...)
	}
	return ttys, err
}
