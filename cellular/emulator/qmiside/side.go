// Package qmiside is the modem's side of QMI for a virtual modem: what the
// firmware of a Qualcomm modem does with the messages of CTL, DMS, NAS, UIM, WDS
// and WDA. What such a firmware does not know here it says it does not know; what
// it would not answer at all, such as the client of nobody, it does not answer.
package qmiside

import (
	"errors"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/modem"
	"github.com/farspoke/farspoke/cellular/qmi"
)

// Side speaks QMI for a virtual modem.
type Side struct {
	modem         *virtual.Modem
	send          func(message []byte)
	clients       map[qmi.ClientID]*client
	calls         map[int]*call
	handles       qmi.Handle // the last one given out
	stopListening func()
	// framing is told how packets are to go.
	framing func(Path)
	path    Path
	// offline is the operating mode that only a restart leaves.
	offline bool
	// profiles are kept by the modem without power. The first is what it attaches
	// with, unless attach says another.
	profiles []profile
	attach   []uint16
}

// client is who has got a client id.
type client struct {
	id qmi.ClientID
	// What a client of WDS has chosen, and the call it has.
	family qmi.IPFamily
	mux    uint8
	call   *call
	handle qmi.Handle
	// What it wants to be told.
	modes, serving, system, signal, rejects, settings bool
	cards                                             qmi.CardEvents
}

// New returns the QMI side of m. It calls send, which must not wait, with each
// message to the host.
func New(m *virtual.Modem, send func(message []byte)) *Side {
	s := &Side{modem: m, send: send, framing: func(Path) {}, profiles: newProfiles(), attach: []uint16{1}}
	m.Do(func() {
		s.reset()
		s.stopListening = m.Listen(s.hear)
	})
	return s
}

// Close ends the conversation. The modem goes on.
func (s *Side) Close() { s.modem.Do(s.stopListening) }

// reset forgets what is lost when the modem starts.
func (s *Side) reset() {
	s.clients = map[qmi.ClientID]*client{}
	s.calls = map[int]*call{}
	s.offline = false
	s.setPath(Path{Link: qmi.LinkEthernet})
}

// hear tells the clients what has changed in the modem.
func (s *Side) hear(e virtual.Event) {
	switch e.Change {
	case virtual.BusChanged:
		s.reset()
		if s.modem.OnBus() {
			s.message(0, 0, &qmi.SyncIndication{})
		}
	case virtual.SIMChanged:
		s.tellCards()
	case virtual.SlotsChanged:
		s.tellSlots()
	case virtual.RadioChanged:
		s.tellMode()
	case virtual.RegistrationChanged:
		s.tellRegistration()
	case virtual.SignalChanged:
		s.tellSignal()
	case virtual.SessionChanged:
		s.tellCall(e.Session)
	}
}

// Receive takes a QMUX frame from the host.
func (s *Side) Receive(frame []byte) {
	m, err := qmi.Parse(frame)
	if err != nil || m.Class != qmi.Request {
		return // a modem drops what is no request in a frame
	}
	s.modem.Do(func() {
		if s.modem.OnBus() {
			s.dispatch(m)
		}
	})
}

func (s *Side) dispatch(m qmi.Message) {
	c := &client{}
	if m.Service != qmi.CTL {
		var known bool
		if c, known = s.clients[qmi.ClientID{Service: m.Service, Client: m.Client}]; !known {
			return
		}
	}
	reply := func(body qmi.Body) {
		if m.Service == qmi.CTL || s.clients[c.id] == c { // it may have gone while the network thought
			s.message(m.Client, m.Transaction, body)
		}
	}
	request := qmi.Empty(m.Kind)
	if request == nil {
		s.refuse(m, qmi.ErrInvalidCommand)
		return
	}
	if err := m.Decode(request); err != nil {
		s.refuse(m, reading(m, request))
		return
	}
	var answer qmi.Body
	switch m.Service {
	case qmi.CTL:
		answer = s.ctl(request)
	case qmi.DMS:
		answer = s.dms(c, request)
	case qmi.NAS:
		answer = s.nas(c, request)
	case qmi.UIM:
		answer = s.uim(c, request)
	case qmi.WDA:
		answer = s.wda(request)
	case qmi.WDS:
		if s.wdsCall(c, request, reply) {
			return
		}
		answer = s.wds(c, request)
	}
	if answer == nil {
		s.refuse(m, qmi.ErrInvalidCommand)
		return
	}
	reply(answer)
}

// reading is the error of a request that cannot be read: it lacks a TLV, or one
// is too short.
func reading(m qmi.Message, request qmi.Body) qmi.ErrorCode {
	if len(m.TLVs) == 0 {
		return qmi.ErrMissingArgument
	}
	return qmi.ErrMalformedMessage
}

// refuse answers m with an error and nothing else.
func (s *Side) refuse(m qmi.Message, code qmi.ErrorCode) {
	const resultTLV = 0x02
	m.Class = qmi.Response
	m.TLVs = []qmi.TLV{{Type: resultTLV, Value: []byte{1, 0, byte(code), byte(code >> 8)}}}
	s.put(m)
}

// message sends body to a client.
func (s *Side) message(client uint8, transaction uint16, body qmi.Body) {
	m, err := qmi.New(client, transaction, body)
	if err != nil {
		panic(err) // the modem says something that QMI has no room for
	}
	s.put(m)
}

func (s *Side) put(m qmi.Message) {
	b, err := m.Marshal()
	if err != nil {
		panic(err)
	}
	s.send(b)
}

// tellAll sends an indication to the clients that want it.
func (s *Side) tellAll(service qmi.Service, wanted func(*client) bool, body qmi.Body) {
	for id := range qmi.BroadcastClient {
		if c, ok := s.clients[qmi.ClientID{Service: service, Client: uint8(id)}]; ok && wanted(c) {
			s.message(c.id.Client, 0, body)
		}
	}
}

// result is the result of a response for what the virtual modem says.
func result(err error) qmi.Result {
	for _, r := range []struct {
		err  error
		code qmi.ErrorCode
	}{
		{nil, qmi.Success},
		{virtual.ErrWrongPIN, qmi.ErrIncorrectPIN},
		{virtual.ErrPINBlocked, qmi.ErrPINBlocked},
		{virtual.ErrPUKBlocked, qmi.ErrPINAlwaysBlocked},
		{virtual.ErrPINDisabled, qmi.ErrNoEffect},
		{virtual.ErrNoSIM, qmi.ErrUIMUninitialised},
		{virtual.ErrNotConnected, qmi.ErrOutOfCall},
	} {
		if errors.Is(err, r.err) {
			return qmi.Result{Code: r.code}
		}
	}
	return qmi.Result{Code: qmi.ErrInternal}
}

func no(code qmi.ErrorCode) qmi.Result { return qmi.Result{Code: code} }

// radioOf is QMI's number of a technology.
func radioOf(t modem.Technology) qmi.RadioInterface {
	switch t {
	case modem.GSM:
		return qmi.RadioGSM
	case modem.UMTS:
		return qmi.RadioUMTS
	case modem.LTE, modem.NSA:
		return qmi.RadioLTE
	case modem.NR:
		return qmi.RadioNR5G
	}
	return qmi.RadioNone
}
