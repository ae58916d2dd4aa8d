package usb

// singles carries a packet in a transfer of its own: as it is, or as an Ethernet
// frame.
type singles struct {
	data
	raw     bool // no Ethernet
	deliver func(session uint8, packet []byte)
	station station
	// answers are frames that the function itself sends.
	answers [][]byte
}

func (s *singles) request(Setup, []byte) (reply []byte, then func(), ok bool) {
	return nil, nil, false
}

func (s *singles) out(endpoint uint8, b []byte) (then func(), ok bool) {
	if endpoint != s.onward {
		return nil, false
	}
	if !s.raw {
		var answer []byte
		if b, answer = s.station.receive(b); answer != nil && len(s.answers) < maxPackets {
			s.answers = append(s.answers, answer)
		}
	}
	packet, isIP := trim(b)
	if !isIP {
		return nil, true
	}
	return func() { s.deliver(0, packet) }, true
}

func (s *singles) in(endpoint uint8, limit int) []byte {
	if endpoint != s.inward {
		return nil
	}
	if len(s.answers) > 0 {
		answer := s.answers[0]
		s.answers = s.answers[1:]
		return answer
	}
	for {
		p, ok := s.next()
		if !ok {
			return nil
		}
		frame := p.Data
		if !s.raw {
			frame = s.station.frame(p.Data)
		}
		if len(frame) > 0 && len(frame) <= limit {
			return frame
		}
	}
}

func (s *singles) reset() {
	s.data.reset()
	s.answers = nil
}

// setRaw changes the framing. What waits in the other one is forgotten.
func (s *singles) setRaw(raw bool) {
	s.reset()
	s.raw = raw
}
