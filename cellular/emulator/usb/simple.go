package usb

// Framing is how packets go between the host and a QMI function, which a modem is
// told by WDA.
type Framing uint8

const (
	// Ethernet puts each packet into a frame.
	Ethernet Framing = iota
	// RawIP sends each packet as it is.
	RawIP
	// QMAP sends several packets at a time, each on a channel, whose number is the
	// packet's session.
	QMAP
)

// simple is a data path that the transfers of a bulk endpoint make by themselves.
type simple struct {
	data
	framing Framing
	deliver func(session uint8, packet []byte)
	station station
	// answers are frames that the function itself sends.
	answers [][]byte
}

func (s *simple) request(Setup, []byte) (reply []byte, then func(), ok bool) {
	return nil, nil, false
}

func (s *simple) out(endpoint uint8, b []byte) (then func(), ok bool) {
	if endpoint != s.onward {
		return nil, false
	}
	var packets []Packet
	switch s.framing {
	case Ethernet:
		packet, answer := s.station.receive(b)
		if answer != nil && len(s.answers) < maxPackets {
			s.answers = append(s.answers, answer)
		}
		packets = []Packet{{Data: packet}}
	case RawIP:
		packets = []Packet{{Data: b}}
	case QMAP:
		packets = parseQMAP(b)
	}
	return func() {
		for _, p := range packets {
			if packet, isIP := trim(p.Data); isIP {
				s.deliver(p.Session, packet)
			}
		}
	}, true
}

func (s *simple) in(endpoint uint8, limit int) []byte {
	if endpoint != s.inward {
		return nil
	}
	if len(s.answers) > 0 {
		answer := s.answers[0]
		s.answers = s.answers[1:]
		return answer
	}
	if s.framing == QMAP {
		return s.several(limit)
	}
	for {
		p, ok := s.next()
		if !ok {
			return nil
		}
		if b := s.single(p); len(b) > 0 && len(b) <= limit {
			return b
		}
	}
}

// single is a transfer of one packet, nil if there is none for it.
func (s *simple) single(p Packet) []byte {
	switch {
	case p.Session != 0:
		return nil
	case s.framing == RawIP:
		return p.Data
	}
	return s.station.frame(p.Data)
}

// several is a transfer of as many packets as fit. One that never fits is lost.
func (s *simple) several(limit int) (b []byte) {
	for len(s.waiting) > 0 {
		n := qmapLen(s.waiting[0])
		if n <= limit && len(b)+n > limit {
			break
		}
		if p, _ := s.next(); n <= limit {
			b = appendQMAP(b, p)
		}
	}
	return b
}

func (s *simple) reset() {
	s.data.reset()
	s.answers = nil
}

// frame changes the framing. What waits in the other one is forgotten.
func (s *simple) frame(framing Framing) {
	s.reset()
	s.framing = framing
}
