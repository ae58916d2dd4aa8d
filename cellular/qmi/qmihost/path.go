package qmihost

import (
	"context"
	"fmt"

	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Path is the way of packets between host and modem. The zero Path is a whole one,
// of a modem that has no other.
type Path struct {
	// Channels: it is divided by QMAP, for the packets of session 0 on channel 1 and
	// so on. Else session 0 is the only one.
	Channels bool
	// Endpoint is the modem's name for the path. Those on PCI, and of late on USB,
	// may have to be told; nil leaves it out.
	Endpoint *qmi.Endpoint
}

const (
	// channelSessions is how many connections a modem is taken to have room for, as it
	// does not tell. What is too much for it, it refuses.
	channelSessions = 8
	// aggregate is how many octets of packets the modem may send at a time: no more
	// than the kernel reads, which is the MTU of the network device below the channels.
	// Not every kernel lets that be raised.
	aggregate = 1500
	// aggregatePackets is how many packets these may be.
	aggregatePackets = 16
	// qmapHeader is how many octets QMAP puts before a packet.
	qmapHeader = 4
)

// fit returns mtu, which is 0 if it is not known, as far as packets fit on the path.
func (p Path) fit(mtu int) int {
	const room = aggregate - qmapHeader
	if p.Channels && (mtu == 0 || mtu > room) {
		return room
	}
	return mtu
}

// sessions is how many connections there can be.
func (p Path) sessions() int {
	if p.Channels {
		return channelSessions
	}
	return 1
}

// check refuses a session that has no place on the path.
func (p Path) check(session int) error {
	if session < 0 || session >= p.sessions() {
		return fmt.Errorf("%w: session %d of %d", modem.ErrUnsupported, session, p.sessions())
	}
	return nil
}

// channel is that of a session.
func channel(session int) uint8 { return uint8(session + 1) }

// format is how packets go.
func (p Path) format() qmi.DataFormat {
	f := qmi.DataFormat{QoS: new(false), Link: new(qmi.LinkRawIP), Up: new(qmi.AggregationNone), Down: new(qmi.AggregationNone)}
	if p.Channels {
		f.Up, f.Down = new(qmi.AggregationQMAP), new(qmi.AggregationQMAP)
		f.DownPackets, f.DownSize = new(uint32(aggregatePackets)), new(uint32(aggregate))
	}
	return f
}

// setFraming has the modem give and take IP packets without Ethernet around them.
// Very old ones cannot; they have no channels either.
func (m *Modem) setFraming(ctx context.Context) error {
	var set qmi.SetDataFormatResponse
	err := m.ask(ctx, answerLimit, &qmi.SetDataFormatRequest{Format: m.path.format(), Endpoint: m.path.Endpoint}, &set)
	switch {
	case err == nil:
		m.rawIP = set.Format.Link == nil || *set.Format.Link == qmi.LinkRawIP
		if m.path.Channels && !(m.rawIP && isQMAP(set.Format.Up) && isQMAP(set.Format.Down)) {
			return fmt.Errorf("%w: its data path cannot be divided", modem.ErrUnsupported)
		}
		return nil
	case !saidNo(err) || m.path.Channels:
		return err
	}
	return m.setOldFraming(ctx)
}

// isQMAP reports whether an answer is, or leaves it at, QMAP.
func isQMAP(a *qmi.Aggregation) bool { return a == nil || *a == qmi.AggregationQMAP }

// setOldFraming does the same with a modem that has no WDA.
func (m *Modem) setOldFraming(ctx context.Context) error {
	var set qmi.SetLinkFormatResponse
	err := m.talk.ask(ctx, 0, answerLimit, &qmi.SetLinkFormatRequest{Protocol: new(qmi.LinkProtocolIP)}, &set)
	m.rawIP = err == nil && (set.Protocol == nil || *set.Protocol == qmi.LinkProtocolIP)
	return exceptNo(err)
}

// RawIP reports whether the modem gives and takes bare IP packets. The kernel's
// network interface must be told before it is set up: Y or N, as this says, to
// /sys/class/net/NAME/qmi/raw_ip.
func (m *Modem) RawIP() bool { return m.rawIP }
