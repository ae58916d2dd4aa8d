package usb

// control answers a control transfer at once, unless the function is frozen.
func (d *Device) control(t *Transfer) (then func()) {
	if d.function.faults.Freeze {
		d.pending[t.Endpoint] = append(d.pending[t.Endpoint], t)
		return nil
	}
	var reply []byte
	var ok bool
	switch t.Setup.Type & typeMask {
	case toDevice, toInterface, toEndpoint:
		reply, then, ok = d.standard(t.Setup)
	case classToInterface:
		reply, then, ok = d.class(t.Setup, t.Data)
	}
	if !ok {
		t.Done(nil, Stalled)
		return nil
	}
	t.Done(reply[:min(len(reply), int(t.Setup.Length))], Good)
	d.pump()
	return then
}

func (d *Device) class(s Setup, data []byte) (reply []byte, then func(), ok bool) {
	if d.function.faults.StallControl {
		return nil, nil, false
	}
	for _, p := range d.parts {
		if reply, then, ok := p.request(s, data); ok {
			return reply, then, true
		}
	}
	return nil, nil, false
}

// standard answers the requests of USB 2.0, section 9.4.
func (d *Device) standard(s Setup) (reply []byte, then func(), ok bool) {
	switch s.Request {
	case getDescriptor:
		reply = d.descriptor(uint8(s.Value>>8), uint8(s.Value))
		return reply, nil, reply != nil
	case getStatus:
		return []byte{0, 0}, nil, true
	case setAddress, clearFeature, setFeature:
		return nil, nil, true
	case getConfiguration:
		return []byte{d.configuration()}, nil, true
	case setConfiguration:
		then, ok = d.configure(uint8(s.Value))
		return nil, then, ok
	case getInterface:
		return []byte{d.alternates[uint8(s.Index)]}, nil, true
	case setInterface:
		return nil, nil, d.alternate(uint8(s.Index), uint8(s.Value))
	}
	return nil, nil, false
}

func (d *Device) descriptor(kind, index uint8) []byte {
	switch kind {
	case descriptorDevice:
		return d.identity.descriptor()
	case descriptorQualifier:
		return qualifier()
	case descriptorConfig:
		if index == 0 {
			return configuration(d.groups)
		}
	case descriptorString:
		return d.text(index)
	}
	return nil
}

func (d *Device) text(index uint8) []byte {
	switch index {
	case stringLanguages:
		return []byte{4, descriptorString, languageEnglish & 0xff, languageEnglish >> 8}
	case stringManufacturer:
		return text(d.identity.Manufacturer)
	case stringProduct:
		return text(d.identity.Name)
	case stringSerial:
		return text(d.identity.SerialNum)
	case stringHostMAC:
		return text(hostMAC)
	}
	return nil
}

// configure takes all settings back.
func (d *Device) configure(value uint8) (then func(), ok bool) {
	if value > configurationValue {
		return nil, false
	}
	d.configured = value == configurationValue
	clear(d.alternates)
	d.cancelAll(Cancelled)
	d.reset()
	return func() { d.function.restart(Configuration) }, true
}

// alternate chooses a setting of an interface, whose endpoints begin anew.
func (d *Device) alternate(number, value uint8) bool {
	for _, g := range d.groups {
		for _, i := range g {
			if i.Number != number || i.Alternate != value {
				continue
			}
			for _, old := range d.interfaces() {
				if old.Number != number {
					continue
				}
				for _, e := range old.Endpoints {
					d.cancel(e.Address, Cancelled)
				}
			}
			d.alternates[number] = value
			return true
		}
	}
	return false
}
