package qmihost

import (
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// everything is what may have changed when the modem has started anew.
const everything = modem.SIMChanged | modem.RadioChanged | modem.RegistrationChanged | modem.ConnectionChanged | modem.SignalChanged

// changes are the events that indications stand for. What they say is asked for
// when somebody wants to know: an answer is never older than what it answers.
var changes = map[qmi.Kind]modem.Event{
	(*qmi.SyncIndication)(nil).Kind():          everything,
	(*qmi.DeviceEventIndication)(nil).Kind():   modem.RadioChanged,
	(*qmi.CardStatusIndication)(nil).Kind():    modem.SIMChanged,
	(*qmi.SlotStatusIndication)(nil).Kind():    modem.SIMChanged,
	(*qmi.ServingSystemIndication)(nil).Kind(): modem.RegistrationChanged,
	(*qmi.SystemIndication)(nil).Kind():        modem.RegistrationChanged,
	(*qmi.RejectIndication)(nil).Kind():        modem.RegistrationChanged,
	(*qmi.SignalIndication)(nil).Kind():        modem.SignalChanged,
	(*qmi.PacketStatusIndication)(nil).Kind():  modem.ConnectionChanged,
	(*qmi.SettingsIndication)(nil).Kind():      modem.ConnectionChanged,
}

// heard takes an indication. It is called by the goroutine that reads the port.
func (m *Modem) heard(message qmi.Message) {
	change, ok := changes[message.Kind]
	if !ok {
		return
	}
	switch message.Kind {
	case (*qmi.SyncIndication)(nil).Kind():
		m.restarted.Store(true)
	case (*qmi.RejectIndication)(nil).Kind():
		var reject qmi.RejectIndication
		if message.Decode(&reject) == nil {
			m.rejected.Store(uint32(reject.Cause))
		}
	}
	m.bell.Ring(change)
}
