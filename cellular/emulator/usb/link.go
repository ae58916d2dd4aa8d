package usb

// Notifications of CDC 1.2, table 20.
const networkConnection = 0x00

// link tells the host whether an ECM function has a network: the carrier of the
// host's interface.
type link struct {
	number   uint8 // the control interface's
	endpoint uint8 // for notifications
	up       bool
	told     bool
}

// setEthernetPacketFilter is a request of ECM 1.2, table 6, that drivers send. A
// function may pass on more than the filter lets through.
const setEthernetPacketFilter = 0x43

func (l *link) request(s Setup, _ []byte) (reply []byte, then func(), ok bool) {
	return nil, nil, uint8(s.Index) == l.number && s.Request == setEthernetPacketFilter
}

func (l *link) out(uint8, []byte) (then func(), ok bool) { return nil, false }

func (l *link) in(endpoint uint8, _ int) []byte {
	if endpoint != l.endpoint || l.told {
		return nil
	}
	l.told = true
	var value uint16
	if l.up {
		value = 1
	}
	return notification(networkConnection, value, l.number)
}

func (l *link) set(up bool) { l.up, l.told = up, false }

func (l *link) reset() { l.told = false }
