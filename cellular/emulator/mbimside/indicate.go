package mbimside

import (
	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
)

// hear tells the host what has changed in the modem.
func (s *Side) hear(e virtual.Event) {
	switch e.Change {
	case virtual.BusChanged:
		s.forget()
	case virtual.SIMChanged:
		s.tell(mbim.CmdSubscriberReadyStatus, s.subscriber())
		slot, _ := s.modem.Slot()
		s.tell(mbim.CmdSlotInfoStatus, s.slotInfo(slot))
	case virtual.SlotsChanged:
		_, cards := s.modem.Slot()
		for slot := range cards {
			s.tell(mbim.CmdSlotInfoStatus, s.slotInfo(slot))
		}
	case virtual.RadioChanged:
		s.tell(mbim.CmdRadioState, s.radioState())
	case virtual.RegistrationChanged:
		s.tell(mbim.CmdRegisterState, s.registration())
		s.tell(mbim.CmdPacketService, s.attached())
		s.tell(mbim.CmdLTEAttachInfo, s.attachInfo())
		s.answerAttaching()
	case virtual.SignalChanged:
		s.tell(mbim.CmdSignalState, s.signal())
	case virtual.SessionChanged:
		s.tellSession(e.Session)
	}
}

// answerAttaching answers who waits for packet service, if there is an answer.
func (s *Side) answerAttaching() {
	if !s.settled() {
		return
	}
	waiting := s.attaching
	s.attaching = nil
	for _, answer := range waiting {
		answer()
	}
}

// tellSession tells what the network has done to a connection. What the host has
// done to it, the answer tells.
func (s *Side) tellSession(session *virtual.Session) {
	switch {
	case session == s.connecting && session.Up:
		s.connecting = nil
	case session.Up:
		s.tell(mbim.CmdIPConfiguration, ipConfiguration(session))
	case !s.closing[session.Number]:
		lost := s.connection(session.Number)
		lost.NwError = mbim.NwError(session.Cause)
		s.tell(mbim.CmdConnect, lost)
	}
}
