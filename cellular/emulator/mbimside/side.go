// Package mbimside is the modem's side of MBIM for a virtual modem (MBIM says: the
// function): OPEN and CLOSE, fragments both ways, and each command of Basic
// Connect, of Microsoft's extensions and of its low level access to the SIM that
// package mbim knows, with the status that fits. It speaks MBIMEx 1.0 until the
// host negotiates 2.0, if the device has that.
package mbimside

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/farspoke/farspoke/cellular/emulator/virtual"
	"github.com/farspoke/farspoke/cellular/mbim"
)

// fragmentGap is how long the next fragment of a message may take (MBIM 1.0, 9.5).
const fragmentGap = 1250 * time.Millisecond

// longestCommand is how many octets of a host's message are kept.
const longestCommand = 1 << 16

// Side speaks MBIM for a virtual modem.
type Side struct {
	modem *virtual.Modem
	send  func(frame []byte)
	stop  func()

	// What lasts from OPEN to CLOSE.
	open         bool
	conversation int // counts them
	transfer     int // octets of a fragment
	version      mbim.Version
	wanted       map[mbim.Command]bool // the indications, nil for all of Basic Connect
	answering    map[uint32]bool       // transactions of which the answer is to come
	attaching    []func()              // who waits for packet service
	closing      map[int]bool          // connections that the host ends
	connecting   *virtual.Session      // the one that is just being answered

	fragments mbim.Reassembler
	gap       func() // cancels the wait for the next fragment
	busyOpens int

	// What the modem keeps without power.
	contexts []mbim.ProvisionedContextV2
	attach   [3]mbim.AttachSettings
}

// New returns the MBIM side of m. It calls send, which must not wait, with each
// message or fragment for the host.
func New(m *virtual.Modem, send func(frame []byte)) *Side {
	s := &Side{modem: m, send: send, fragments: mbim.Reassembler{Limit: longestCommand}, gap: func() {}}
	m.Do(func() {
		s.forget()
		s.contexts = factoryContexts()
		s.attach = s.attachSettings()
		s.stop = m.Listen(s.hear)
	})
	return s
}

// Close ends the conversation. The modem goes on.
func (s *Side) Close() { s.modem.Do(s.stop) }

// Reset is the bus's or the host's: the conversation is to begin anew.
func (s *Side) Reset() { s.modem.Do(s.shut) }

// BusyOpens has the next n OPENs refused as a modem does that is not done with the
// last conversation. It is called inside of the modem's Do.
func (s *Side) BusyOpens(n int) { s.busyOpens = n }

// shut ends what lasts from OPEN to CLOSE, connections included.
func (s *Side) shut() {
	s.forget()
	for _, session := range s.modem.Sessions() {
		_ = s.modem.Drop(session.Number, 0) // it is there
	}
}

func (s *Side) forget() {
	s.conversation++
	s.open, s.version, s.wanted = false, mbim.V1, nil
	s.answering, s.attaching, s.closing = map[uint32]bool{}, nil, map[int]bool{}
	s.fragments.Reset()
	s.gap()
}

// Receive takes a message or a fragment from the host.
func (s *Side) Receive(frame []byte) {
	s.modem.Do(func() {
		if s.modem.OnBus() {
			s.receive(frame)
		}
	})
}

func (s *Side) receive(frame []byte) {
	const headerLen, transactionAt = 12, 8
	if len(frame) < headerLen {
		return // there is no transaction to complain about
	}
	transaction := binary.LittleEndian.Uint32(frame[transactionAt:])
	s.gap()
	m, err := s.fragments.Add(frame)
	if err != nil {
		s.complain(transaction, err)
	}
	if s.fragments.Collecting() {
		s.gap = s.modem.After(fragmentGap, func() {
			s.fragments.Reset()
			s.complain(transaction, mbim.ErrorTimeoutFragment)
		})
	}
	if m != nil {
		s.take(*m)
	}
}

// complain sends a FUNCTION_ERROR for a message that could not be taken.
func (s *Side) complain(transaction uint32, err error) {
	code := mbim.ErrorUnknown
	errors.As(err, &code)
	s.put(mbim.Message{Type: mbim.FunctionError, Transaction: transaction, Error: code})
}

func (s *Side) take(m mbim.Message) {
	switch m.Type {
	case mbim.Open:
		s.takeOpen(m)
	case mbim.Close:
		s.shut()
		s.put(mbim.Message{Type: mbim.CloseDone, Transaction: m.Transaction})
	case mbim.CommandMessage:
		switch {
		case !s.open:
			s.complain(m.Transaction, mbim.ErrorNotOpened)
		case s.answering[m.Transaction]:
			s.complain(m.Transaction, mbim.ErrorDuplicatedTID)
		default:
			s.command(m)
		}
	case mbim.HostError:
		// The host gives up its transaction; nothing that goes on here stops for it.
	default:
		s.complain(m.Transaction, mbim.ErrorUnknown) // it is a function's own message
	}
}

// takeOpen opens the channel, and opens it anew if it is open.
func (s *Side) takeOpen(m mbim.Message) {
	if m.MaxTransfer < mbim.MinTransfer {
		s.complain(m.Transaction, mbim.ErrorMaxTransfer)
		return
	}
	s.shut()
	done := mbim.Message{Type: mbim.OpenDone, Transaction: m.Transaction}
	if s.busyOpens > 0 {
		s.busyOpens--
		done.Status = mbim.StatusBusy
	} else {
		s.open = true
		s.transfer = min(s.modem.Device().ControlMessage, int(min(m.MaxTransfer, 1<<16)))
	}
	s.put(done)
}

// put sends a message, in fragments if it has to.
func (s *Side) put(m mbim.Message) {
	frames, err := m.Frames(max(s.transfer, mbim.MinTransfer))
	if err != nil {
		panic(err) // the modem says something that MBIM has no room for
	}
	for _, f := range frames {
		s.send(f)
	}
}

// tell sends an indication if the host wants it.
func (s *Side) tell(about mbim.Command, body mbim.Body) {
	wanted := s.wanted[about]
	if s.wanted == nil {
		wanted = about.Service == mbim.BasicConnect
	}
	if !s.open || !wanted {
		return
	}
	m, err := s.version.Indication(body)
	if err != nil {
		panic(err)
	}
	s.put(m)
}
