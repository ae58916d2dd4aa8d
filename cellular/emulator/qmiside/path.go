package qmiside

import "github.com/farspoke/farspoke/cellular/qmi"

// Path is how packets go between the host and the modem.
type Path struct {
	// Link is LinkEthernet or LinkRawIP.
	Link qmi.LinkLayer
	// Channels: it is divided by QMAP, and carries IP packets as they are.
	Channels bool
	// DownPackets and DownSize are how many packets and octets the host takes at a
	// time, if it has said so.
	DownPackets, DownSize uint32
}

// Frame has f called with how packets go: now, and whenever that changes. It must
// not wait.
func (s *Side) Frame(f func(Path)) {
	s.modem.Do(func() {
		s.framing = f
		s.setPath(s.path)
	})
}

func (s *Side) setPath(p Path) {
	s.path = p
	s.framing(p)
}

// wda answers what concerns the data path.
func (s *Side) wda(request qmi.Body) qmi.Body {
	switch r := request.(type) {
	case *qmi.SetDataFormatRequest:
		p, ok := s.path.changed(r.Format)
		if !ok {
			return &qmi.SetDataFormatResponse{Result: no(qmi.ErrInvalidArgument)}
		}
		s.setPath(p)
		return &qmi.SetDataFormatResponse{Format: p.format()}
	case *qmi.GetDataFormatRequest:
		return &qmi.GetDataFormatResponse{Format: s.path.format()}
	}
	return nil
}

// changed returns the path that a host asks for, in which what it does not mention
// stays as it is. It is not ok if the modem has no such path.
func (p Path) changed(f qmi.DataFormat) (Path, bool) {
	if f.Link != nil {
		p.Link = *f.Link
	}
	up, down := p.aggregation(), p.aggregation()
	if f.Up != nil {
		up = *f.Up
	}
	if f.Down != nil {
		down = *f.Down
	}
	if up != down || up != qmi.AggregationNone && up != qmi.AggregationQMAP {
		return Path{}, false
	}
	p.Channels = up == qmi.AggregationQMAP
	if f.DownPackets != nil {
		p.DownPackets = *f.DownPackets
	}
	if f.DownSize != nil {
		p.DownSize = *f.DownSize
	}
	known := p.Link == qmi.LinkRawIP || p.Link == qmi.LinkEthernet && !p.Channels
	return p, known
}

func (p Path) aggregation() qmi.Aggregation {
	if p.Channels {
		return qmi.AggregationQMAP
	}
	return qmi.AggregationNone
}

func (p Path) format() qmi.DataFormat {
	return qmi.DataFormat{
		QoS: new(false), Link: &p.Link, Up: new(p.aggregation()), Down: new(p.aggregation()),
		DownPackets: &p.DownPackets, DownSize: &p.DownSize,
	}
}

// Number is that of the connection for a packet on a channel.
func Number(channel uint8, packet []byte) int {
	if len(packet) > 0 && packet[0]>>4 == 6 {
		return callNumber(channel, qmi.FamilyIPv6)
	}
	return callNumber(channel, qmi.FamilyIPv4)
}

// Channel is that of a connection: 0 if the host has not bound it to one.
func Channel(number int) uint8 { return uint8(number / 2) }
