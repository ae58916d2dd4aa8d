package session

import (
	"time"

	"github.com/farspoke/farspoke/ikev2/wire"
)

// otherVersion takes a message that is not of our version. That of an earlier one
// may be the hub's only language.
func (s *Session) otherVersion(v *wire.VersionError) {
	if v.Major > wire.Version {
		s.refuseVersion(v)
		return
	}
	for _, sa := range s.state.SAs {
		if sa.Stage == stageOpening && sa.SPIi == v.Header.SPIi {
			s.hint(sa, "peer %s answers in IKEv%d; configure IKEv2 there (crypto ikev2 on IOS)", s.peer(), v.Major)
		}
	}
}

// refuseVersion answers a request of a later version with ours, though not more
// often than once a second (RFC 7296 sections 2.5 and 2.21.4).
func (s *Session) refuseVersion(v *wire.VersionError) {
	if v.Header.Response() || s.state.RefusedAt != 0 && s.now < s.state.RefusedAt+time.Second {
		return
	}
	s.state.RefusedAt = s.now
	h := v.Header
	h.Flags = (h.Flags&wire.FlagInitiator ^ wire.FlagInitiator) | wire.FlagResponse
	answer := wire.Message{Header: h, Payloads: []wire.Payload{wire.Notify{Kind: wire.InvalidMajorVersion}}}
	s.out.Send = append(s.out.Send, Packet{Local: s.asked.Local, Remote: s.asked.Remote, Data: answer.Marshal()})
}
